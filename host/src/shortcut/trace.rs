//! From findings about a config that a command has written to the arguments that caused them.

use std::ops::Range;

use super::{Draft, Typed};
use crate::config::{Finding, Place, Source, parse};
use crate::error::{Error, Refusal};

/// Which part of a config's text comes from which part of the command line.
#[derive(Debug, Clone)]
pub struct Trace {
    typed: Typed,
    /// Bytes of the config, and those of the command line.
    places: Vec<(Range<usize>, Range<usize>)>,
}

impl Trace {
    /// The trace of `draft`, which was made of `typed` and has the text `source`.
    pub fn new(draft: &Draft, typed: Typed, source: &Source) -> Self {
        let tree = parse(source).documents.into_iter().next();
        let place = |pointer: &str| {
            let (node, key) = tree.as_ref()?.find(pointer)?;
            let start = key.map_or(node.range.start, |key| key.start);
            Some(start..node.range.end)
        };
        let origins = draft.origins().iter();
        let places =
            origins.filter_map(|(pointer, origin)| Some((place(pointer)?, typed.place(origin)?)));
        let places = places.collect();
        Self { typed, places }
    }

    /// The command line, as the text that findings are about.
    pub fn source(&self) -> &Source {
        self.typed.source()
    }

    /// `findings` about the config as findings about the command line.
    pub fn follow(&self, findings: &[Finding]) -> Vec<Finding> {
        findings.iter().map(|finding| self.finding(finding)).collect()
    }

    /// `error`, with what it says about the config told of the command line.
    pub fn error(&self, error: Error) -> Error {
        let follow = |refusal: &Refusal| {
            let findings = self.follow(&refusal.findings);
            Box::new(Refusal { source: self.source().clone(), findings })
        };
        match error {
            Error::Config(refusal) => Error::Config(follow(&refusal)),
            Error::Plan(refusal) => Error::Plan(follow(&refusal)),
            other => other,
        }
    }

    fn finding(&self, finding: &Finding) -> Finding {
        let mut diagnostic = finding.diagnostic.clone();
        let range = self.place(&finding.range).unwrap_or_else(|| {
            let pointer = diagnostic.pointer.trim_start_matches('/').replace('/', ".");
            let written = format!("it is about `{pointer}` of the config that `--dry-run` shows");
            let help = diagnostic.help.take();
            diagnostic.help =
                Some(help.map_or(written.clone(), |help| format!("{help}\n{written}")));
            self.typed.name()
        });
        let related = finding.related.iter().filter_map(|place| {
            Some(Place { range: self.place(&place.range)?, message: place.message.clone() })
        });
        Finding { related: related.collect(), ..Finding::new(diagnostic, range) }
    }

    /// The argument of the smallest part around `range`.
    fn place(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let around = self
            .places
            .iter()
            .filter(|(written, _)| written.start <= range.start && range.end <= written.end);
        let (_, typed) = around.min_by_key(|(written, _)| written.len())?;
        Some(typed.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::{Arg, Command};
    use olive_schemas::diagnostic::Diagnostic;

    use super::Trace;
    use crate::config::source::Format;
    use crate::config::{Finding, Source};
    use crate::shortcut::{Draft, Typed, text};

    #[test]
    fn findings_are_told_with_the_argument_or_the_command() {
        let mut draft = Draft::new(Path::new(""));
        draft.put_from("precision", "/passes/quantize/precision", "int5");
        draft.put("/passes/quantize/type", "T");
        let text = text::text(&draft.config(), Format::Json);
        let source = Source { path: "q.json".into(), text };
        let words = ["olive", "quantize", "--precision", "int5"].map(str::to_owned);
        let quantize = Command::new("quantize").arg(Arg::new("p").long("precision"));
        let typed = Typed::of(&words, &Command::new("olive").subcommand(quantize));
        let trace = Trace::new(&draft, typed, &source);
        for (part, expected) in [("\"int5\"", "int5"), ("\"T\"", "quantize")] {
            let start = source.text.find(part).unwrap();
            let told = Diagnostic::error("c", "/passes/quantize/type", "m");
            let found = trace.follow(&[Finding::new(told, start..start + part.len())]);
            assert_eq!(&trace.source().text[found[0].range.clone()], expected);
            assert_eq!(found[0].diagnostic.help.is_some(), expected == "quantize");
        }
    }
}
