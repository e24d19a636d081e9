//! Figures by the words of the command line.

use std::fmt;

use olive_schemas::metric::{MetricKind, SubMetric};
use serde_json::json;

use crate::config::schema::suggest;

/// Words for the figure of a metric that is meant by the metric alone.
const WORDS: [(&str, MetricKind, &str); 5] = [
    ("accuracy", MetricKind::Accuracy, "exact_match"),
    ("latency", MetricKind::Latency, "avg"),
    ("throughput", MetricKind::Throughput, "avg"),
    ("size", MetricKind::SizeOnDisk, "bytes"),
    ("memory", MetricKind::Memory, "peak"),
];

/// A figure that can be measured about a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// The metric.
    pub kind: MetricKind,
    /// The sub-metric.
    pub name: &'static str,
}

impl Figure {
    /// The figure that `text` names: `accuracy`, `perplexity`, `latency`, `latency-p90`, `throughput`,
    /// `size`, `memory`.
    ///
    /// # Errors
    /// A sentence with what is near, when it names none.
    pub fn named(text: &str) -> Result<Self, String> {
        if let Some((_, kind, name)) = WORDS.iter().find(|(word, _, _)| *word == text) {
            return Ok(Self { kind: *kind, name });
        }
        let parts = text.split_once('-');
        let kind = WORDS.iter().find(|(word, _, _)| parts.is_some_and(|(kind, _)| kind == *word));
        let (kind, sub_metric) = match (kind, parts) {
            (Some((_, kind, _)), Some((_, sub_metric))) => (*kind, sub_metric),
            _ => (MetricKind::Accuracy, text),
        };
        let name = kind.sub_metrics().iter().find(|name| **name == sub_metric);
        name.map(|name| Self { kind, name }).ok_or_else(|| {
            let words = WORDS.iter().map(|(word, _, _)| *word);
            let known = words.chain(MetricKind::Accuracy.sub_metrics().iter().copied());
            let help = suggest(text, known).map(|help| format!("; {help}")).unwrap_or_default();
            format!("no figure is called `{text}`{help}")
        })
    }

    /// A figure that is better when it is smaller.
    ///
    /// # Errors
    /// A sentence when `text` names another one, or none.
    pub fn small(text: &str) -> Result<Self, String> {
        let figure = Self::named(text)?;
        if figure.is_higher_better() {
            return Err(format!("more of `{text}` is better: write `--maximize {text}`"));
        }
        Ok(figure)
    }

    /// A figure that is better when it is larger.
    ///
    /// # Errors
    /// A sentence when `text` names another one, or none.
    pub fn large(text: &str) -> Result<Self, String> {
        let figure = Self::named(text)?;
        if !figure.is_higher_better() {
            return Err(format!("less of `{text}` is better: write `--minimize {text}`"));
        }
        Ok(figure)
    }

    /// Whether more is better.
    pub fn is_higher_better(&self) -> bool {
        let figure = serde_json::from_value::<SubMetric>(json!({"name": self.name}));
        figure.is_ok_and(|figure| figure.is_higher_better(self.kind))
    }

    /// Whether rows are needed to measure it.
    pub fn needs_data(&self) -> bool {
        self.kind == MetricKind::Accuracy
    }

    /// Whether the rows need answers, which are compared with what a model generates.
    pub fn needs_answers(&self) -> bool {
        self.needs_data() && self.name != "perplexity"
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = WORDS.iter().find(|(_, kind, name)| (*kind, *name) == (self.kind, self.name));
        match (word, self.kind) {
            (Some((word, _, _)), _) => f.write_str(word),
            (None, MetricKind::Accuracy) => f.write_str(self.name),
            (None, kind) => write!(f, "{}-{}", kind.name(), self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Figure;

    #[test]
    fn figures_have_words() {
        for word in ["accuracy", "perplexity", "latency", "latency-p90", "throughput", "size"] {
            assert_eq!(Figure::named(word).unwrap().to_string(), word);
        }
        assert_eq!(Figure::named("latency-avg").unwrap().to_string(), "latency");
    }

    #[test]
    fn mistakes_are_told_with_what_is_near() {
        for (text, expected) in [
            ("acuracy", "no figure is called `acuracy`; did you mean `accuracy`?"),
            ("latency-p42", "no figure is called `latency-p42`"),
        ] {
            let told = Figure::named(text).unwrap_err();
            assert!(told.starts_with(expected), "{told}");
        }
        let told = Figure::small("accuracy").unwrap_err();
        assert_eq!(told, "more of `accuracy` is better: write `--maximize accuracy`");
        assert!(Figure::large("size").is_err() && Figure::small("size").is_ok());
    }
}
