//! Why a measurement could not be made.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use olive_kit_text::TextError;
use olive_schemas::error::PluginError;
use olive_schemas::metric::MetricProblem;
use thiserror::Error;

/// Why a model could not be run, in the words of what runs it.
pub type ModelError = Box<dyn Error + Send + Sync>;

/// Why a measurement could not be made.
#[derive(Debug, Error)]
pub enum MeasureError {
    /// A sub-type that the metric does not have.
    #[error("metric `{metric}` has no sub-type `{sub_type}`; it has {}", known.join(", "))]
    UnknownSubType {
        /// Name of the metric.
        metric: String,
        /// The sub-type asked for.
        sub_type: String,
        /// The sub-types there are.
        known: &'static [&'static str],
    },
    /// A metric that nothing could be measured by.
    #[error("{}", .0.message)]
    Metric(MetricProblem),
    /// A setting of a figure that does not fit the labels of the data.
    #[error("metric `{metric}` has `{setting}` {value}, and there are {num_labels} labels")]
    LabelsMisfit {
        /// Name of the metric.
        metric: String,
        /// Name of the setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// How many labels there are.
        num_labels: usize,
    },
    /// Data without labels, or with answers that are none.
    #[error(
        "the data of metric `{metric}` has {count} different answers; it gives labels only where \
         there are 2 to {limit} of them"
    )]
    AnswersAreNoLabels {
        /// Name of the metric.
        metric: String,
        /// How many answers there are.
        count: usize,
        /// How many are taken for labels.
        limit: usize,
    },
    /// An answer of the data that is none of the labels.
    #[error(
        "the answer of {place} is `{answer}`, which is none of the labels of metric `{metric}`: {known}"
    )]
    NotALabel {
        /// Name of the metric.
        metric: String,
        /// The answer.
        answer: String,
        /// Row and file.
        place: String,
        /// The labels.
        known: String,
    },
    /// A reference model that cannot be run.
    #[error("the reference model cannot be run")]
    Reference(#[source] ModelError),
    /// A reference model with another vocabulary.
    #[error(
        "the model has a vocabulary of {vocab_size} tokens and its reference one of {reference}"
    )]
    ReferenceVocabulary {
        /// Of the model.
        vocab_size: usize,
        /// Of its reference.
        reference: usize,
    },
    /// A setting of a metric that nothing can be measured with.
    #[error("metric `{metric}` has `{setting}` {value}; it must be at least 1")]
    ZeroSetting {
        /// Name of the metric.
        metric: String,
        /// Name of the setting.
        setting: &'static str,
        /// Its value.
        value: usize,
    },
    /// A sub-type that reads data, without a data config.
    #[error("metric `{metric}` measures `{sub_type}`, which needs a `data_config`")]
    NoDataConfig {
        /// Name of the metric.
        metric: String,
        /// The sub-type asked for.
        sub_type: String,
    },
    /// A data config that did not come with the step.
    #[error("metric `{metric}` refers to data config `{name}`, which is not there")]
    UnknownDataConfig {
        /// Name of the metric.
        metric: String,
        /// Name of the data config.
        name: String,
    },
    /// Data that cannot be read, or a template that does not fit it.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The model failed.
    #[error("the model cannot be run")]
    Model(#[source] ModelError),
    /// More tokens than the model has positions.
    #[error("{what} takes {tokens} positions; the model has {limit}")]
    TooLong {
        /// What is too long.
        what: String,
        /// Its length.
        tokens: usize,
        /// What the model can see.
        limit: usize,
    },
    /// Nothing to measure on.
    #[error("{what} has too few tokens to measure on")]
    Empty {
        /// What is empty.
        what: String,
    },
    /// A token id that the model has no embedding for.
    #[error("token {token} of the tokenizer lies outside the model's vocabulary of {vocab_size}")]
    TokenOutsideVocabulary {
        /// The token.
        token: u32,
        /// Width of the logits.
        vocab_size: usize,
    },
    /// Logits that are no numbers.
    #[error("the model's logits hold NaN")]
    NotANumber,
    /// A file that cannot be read or written.
    #[error("cannot {action} `{}`", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A system that does not tell the peak of memory.
    #[error(
        "cannot set back the high-water mark of memory, `/proc/self/clear_refs`, which only Linux has"
    )]
    NoPeak {
        /// What the system says.
        source: io::Error,
    },
    /// The measurement was asked to stop.
    #[error("the measurement was cancelled")]
    Cancelled,
}

impl MeasureError {
    /// Stable name of the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownSubType { .. }
            | Self::Metric(_)
            | Self::LabelsMisfit { .. }
            | Self::ZeroSetting { .. }
            | Self::NoDataConfig { .. }
            | Self::UnknownDataConfig { .. } => "metric-config",
            Self::Text(_) | Self::AnswersAreNoLabels { .. } | Self::NotALabel { .. } => "data",
            Self::Reference(_) | Self::ReferenceVocabulary { .. } => "reference-model",
            Self::Model(_) => "model",
            Self::TooLong { .. } => "too-long",
            Self::Empty { .. } => "empty-data",
            Self::TokenOutsideVocabulary { .. } => "vocabulary-mismatch",
            Self::NotANumber => "not-a-number",
            Self::File { .. } => "io",
            Self::NoPeak { .. } => "peak-memory",
            Self::Cancelled => PluginError::CANCELLED,
        }
    }

    fn help(&self) -> Option<&str> {
        match self {
            Self::Metric(problem) => Some(&problem.help),
            Self::AnswersAreNoLabels { .. } => Some("name the `labels` in `user_config`"),
            Self::NotALabel { .. } => Some("add it to `labels`, or leave them to the data"),
            Self::ReferenceVocabulary { .. } => Some("compare models of one tokenizer"),
            _ => None,
        }
    }
}

impl From<MeasureError> for PluginError {
    fn from(error: MeasureError) -> Self {
        match error {
            MeasureError::Cancelled => Self::cancelled(),
            error => {
                let plain = Self::from_error(error.code(), &error);
                match error.help() {
                    Some(help) => plain.with_help(help),
                    None => plain,
                }
            }
        }
    }
}
