//! Pairs of an input and its output, in the formats Olive had up to 0.6.

use olive_schemas::data::{PairFormat, PreProcess};

use crate::error::TextError;
use crate::rows::Row;
use crate::template::Template;
use crate::value::Value;

/// Stanford Alpaca's prompt for an instruction with an input.
const ALPACA_WITH_INPUT: &str = "Below is an instruction that describes a task, paired with an \
     input that provides further context. Write a response that appropriately completes the \
     request.\n\n### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response: ";

/// Its prompt for an instruction alone.
const ALPACA_ALONE: &str = "Below is an instruction that describes a task. Write a response that \
     appropriately completes the request.\n\n### Instruction:\n{instruction}\n\n### Response: ";

/// How a row becomes an input and an output.
pub(crate) enum Pair<'a> {
    /// Two columns.
    Columns { source: &'a str, target: &'a str },
    /// A column each, or a template.
    Custom { source: Side<'a>, target: Side<'a> },
    /// An instruction with an input, or without.
    Alpaca { with_input: Template, alone: Template },
    /// A dialog in the column `text`.
    Chip2,
}

/// A half of a custom pair.
pub(crate) enum Side<'a> {
    Template(Template),
    Column(&'a str),
}

impl<'a> Pair<'a> {
    /// The format that `settings` name.
    ///
    /// # Errors
    /// When a custom format names neither template nor column.
    pub(crate) fn new(settings: &'a PreProcess) -> Result<Self, TextError> {
        Ok(match settings.pair_format {
            PairFormat::Default => Self::Columns { source: "input", target: "output" },
            PairFormat::SelfInstruct => Self::Columns { source: "prompt", target: "completion" },
            PairFormat::Chip2 => Self::Chip2,
            PairFormat::Alpaca => Self::Alpaca {
                with_input: Template::parse(ALPACA_WITH_INPUT)?,
                alone: Template::parse(ALPACA_ALONE)?,
            },
            PairFormat::Custom => Self::Custom {
                source: side(
                    settings.input_template.as_deref(),
                    settings.input_col.as_deref(),
                    "`input_template` or `input_col`",
                )?,
                target: side(
                    settings.output_template.as_deref(),
                    settings.output_col.as_deref(),
                    "`output_template` or `output_col`",
                )?,
            },
        })
    }

    /// Input and output of `row`.
    ///
    /// # Errors
    /// When the row lacks a column, or a dialog has no answer.
    pub(crate) fn fill(&self, row: &Row) -> Result<(String, String), TextError> {
        match self {
            Self::Columns { source, target } => Ok((row.text(source)?, row.text(target)?)),
            Self::Custom { source, target } => Ok((source.fill(row)?, target.fill(row)?)),
            Self::Alpaca { with_input, alone } => {
                let has_input = match row.get("input") {
                    None | Some(Value::Null) => false,
                    Some(Value::Text(text)) => !text.is_empty(),
                    Some(_) => true,
                };
                let prompt = if has_input { with_input } else { alone };
                Ok((prompt.fill(row)?, row.text("output")?))
            }
            Self::Chip2 => {
                let text = row.text("text")?;
                let mut turns = text.split("\n<bot>: ");
                let source = turns.next().unwrap_or_default().replace("<human>: ", "");
                let target = turns.next().ok_or_else(|| {
                    row.fault("text", "has no line that starts with `<bot>: `".to_owned())
                })?;
                Ok((source, target.to_owned()))
            }
        }
    }
}

impl Side<'_> {
    fn fill(&self, row: &Row) -> Result<String, TextError> {
        match self {
            Self::Template(template) => template.fill(row),
            Self::Column(column) => row.text(column),
        }
    }
}

fn side<'a>(
    template: Option<&str>,
    column: Option<&'a str>,
    wanted: &'static str,
) -> Result<Side<'a>, TextError> {
    match (template, column) {
        (Some(template), _) => Ok(Side::Template(Template::parse(template)?)),
        (None, Some(column)) => Ok(Side::Column(column)),
        (None, None) => Err(TextError::NoTemplate { wanted }),
    }
}
