//! What a component answered, checked and made safe to print.

use std::fmt;

use olive_schemas::diagnostic::{Applicability, Diagnostic, Fix, Related, Severity};
use olive_schemas::graph::GraphEdit;
use olive_schemas::validation::{Completion, Cost};
use serde::de::{DeserializeOwned, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::bindings::exports::olive::plugin::{completer, planner};
use crate::bindings::olive::plugin::types;
use crate::failure::Failure;

/// Characters of a message that are kept.
const TEXT_CHARS: usize = 4096;
/// Code of the note that says how many findings were dropped.
const MORE_FINDINGS: &str = "more-findings";

/// The findings `found`, of which `limit` are kept, errors before all others.
pub(crate) fn diagnostics(
    found: Vec<types::Diagnostic>,
    limit: usize,
) -> Result<Vec<Diagnostic>, Failure> {
    let mut kept = found.into_iter().map(diagnostic).collect::<Result<Vec<_>, _>>()?;
    if kept.len() > limit {
        let dropped = kept.len() - limit;
        kept.sort_by_key(|finding| finding.severity);
        kept.truncate(limit);
        let message = format!("{dropped} more findings are not shown; {limit} are");
        kept.push(Diagnostic::new(Severity::Note, MORE_FINDINGS, "", message));
    }
    Ok(kept)
}

fn diagnostic(found: types::Diagnostic) -> Result<Diagnostic, Failure> {
    Ok(Diagnostic {
        severity: match found.severity {
            types::Severity::Error => Severity::Error,
            types::Severity::Warning => Severity::Warning,
            types::Severity::Note => Severity::Note,
        },
        code: name(&found.code, "code of a finding")?,
        message: sentence(&found.message, "message of a finding")?,
        pointer: pointer(found.pointer)?,
        help: found.help.as_deref().map(line),
        related: found.related.into_iter().map(related).collect::<Result<_, _>>()?,
        fixes: found.fixes.iter().map(fix).collect::<Result<_, _>>()?,
    })
}

fn related(found: types::Related) -> Result<Related, Failure> {
    Ok(Related { pointer: pointer(found.pointer)?, message: line(&found.message) })
}

fn fix(found: &types::Fix) -> Result<Fix, Failure> {
    Ok(Fix {
        title: sentence(&found.title, "title of a fix")?,
        patch: Value::Array(json(&found.patch, "patch of a fix")?),
        applicability: match found.applicability {
            types::Applicability::MachineApplicable => Applicability::MachineApplicable,
            types::Applicability::MaybeIncorrect => Applicability::MaybeIncorrect,
            types::Applicability::HasPlaceholders => Applicability::HasPlaceholders,
        },
    })
}

/// A value that an editor may offer.
pub(crate) fn completion(found: &completer::Completion) -> Result<Completion, Failure> {
    Ok(Completion {
        label: sentence(&found.label, "label of a completion")?,
        insert: json(&found.insert, "value of a completion")?,
        detail: found.detail.as_deref().map(line),
        documentation: found.documentation.as_deref().map(lines),
    })
}

/// What one step will need.
pub(crate) fn cost(found: &planner::Cost) -> Result<Cost, Failure> {
    let (flops, confidence) = (found.flops, found.confidence);
    if !flops.is_finite() || flops < 0.0 {
        return bad(format!("`flops` is {flops}"));
    }
    if !(0.0..=1.0).contains(&confidence) {
        return bad(format!("`confidence` is {confidence}; it goes from 0 to 1"));
    }
    Ok(Cost {
        peak_host_bytes: found.peak_host_bytes,
        peak_device_bytes: found.peak_device_bytes,
        disk_bytes: found.disk_bytes,
        flops,
        confidence,
        breakdown: object(&found.breakdown, "`breakdown` of a cost")?,
    })
}

/// The edits that `text` spells as a JSON list; what is wrong is told with its index.
pub(crate) fn edits(text: &str) -> Result<Vec<GraphEdit>, Failure> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let edits = reader.deserialize_seq(Edits).and_then(|edits| reader.end().map(|()| edits));
    edits.or_else(|error| {
        bad(format!("the list of edits is not right: {}", line(&error.to_string())))
    })
}

/// Reads edits one after the other, so that a long list is never there twice.
struct Edits;

impl<'de> Visitor<'de> for Edits {
    type Value = Vec<GraphEdit>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of edits")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut edits = Vec::new();
        loop {
            let index = edits.len();
            let edit = list.next_element();
            match edit.map_err(|error| A::Error::custom(format!("edit {index}: {error}")))? {
                Some(edit) => edits.push(edit),
                None => return Ok(edits),
            }
        }
    }
}

/// That the component itself says it cannot answer.
pub(crate) fn refusal(error: &types::PluginError) -> Failure {
    Failure::Refused(match error {
        types::PluginError::UnsupportedDocument(text) => {
            format!("it does not know this document: {}", line(text))
        }
        types::PluginError::InvalidInput(text) => {
            format!("it cannot read the document: {}", line(text))
        }
        types::PluginError::Internal(text) => format!("it is at fault itself: {}", line(text)),
    })
}

/// That a pass does not take a graph: the words are the author's own.
pub(crate) fn refusal_of_graph(error: &types::PluginError) -> Failure {
    match error {
        types::PluginError::InvalidInput(text) => Failure::Refused(line(text)),
        other => refusal(other),
    }
}

/// `text` as one line without control characters, cut when it is very long.
pub(crate) fn line(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    cut(printable.filter(|c| !is_hidden(*c)))
}

/// `text` without control characters but with its line breaks, cut when it is very long.
fn lines(text: &str) -> String {
    cut(text.chars().filter(|c| *c == '\n' || !is_hidden(*c)))
}

fn cut(mut text: impl Iterator<Item = char>) -> String {
    let mut kept: String = text.by_ref().take(TEXT_CHARS).collect();
    if text.next().is_some() {
        kept.push('…');
    }
    kept
}

/// Characters that steer terminals or turn the reading direction.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` as one line; an empty one is refused.
pub(crate) fn sentence(text: &str, what: &str) -> Result<String, Failure> {
    let text = line(text);
    if text.trim().is_empty() { bad(format!("the {what} is empty")) } else { Ok(text) }
}

/// `text` when it is a name such as `rank-too-large`.
pub(crate) fn name(text: &str, what: &str) -> Result<String, Failure> {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(is_word);
    if is_name {
        return Ok(text.to_owned());
    }
    let text: String = line(text).chars().take(80).collect();
    bad(format!("the {what} is `{text}`; it takes lower-case letters, digits and `-`"))
}

fn pointer(text: String) -> Result<String, Failure> {
    let is_escaped = |part: &str| part.starts_with(['0', '1']);
    let is_pointer = (text.is_empty() || text.starts_with('/'))
        && text.split('~').skip(1).all(is_escaped)
        && !text.chars().any(is_hidden);
    if is_pointer {
        return Ok(text);
    }
    let text: String = line(&text).chars().take(80).collect();
    bad(format!("`{text}` is no JSON pointer"))
}

/// The JSON object that `text` spells.
pub(crate) fn object(text: &str, what: &str) -> Result<Map<String, Value>, Failure> {
    json(text, what)
}

/// The JSON that `text` spells, at most 128 levels deep.
pub(crate) fn json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, Failure> {
    serde_json::from_str(text).or_else(|error| bad(format!("the {what} is not right: {error}")))
}

/// That an answer breaks the contract.
pub(crate) fn bad<T>(why: String) -> Result<T, Failure> {
    Err(Failure::BadOutput(why))
}
