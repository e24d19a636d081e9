//! Texts and examples of rows.

use olive_schemas::data::PreProcess;

use crate::error::TextError;
use crate::rows::Row;
use crate::template::Template;
use crate::tokenizer::Tokenizer;

/// A question to a model and what the data says is its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What the model is asked; starts with the bos token when `add_special_tokens` is set.
    pub prompt: String,
    /// What it should answer.
    pub answer: String,
}

/// The text of each row: `text_template` filled, else `text_cols` joined by one space.
///
/// Rows with empty text are left out. With `add_special_tokens` a text becomes
/// `bos + " " + text + " " + eos`, where a token that the tokenizer lacks is written `None`.
///
/// # Errors
/// When there is neither template nor columns, or they do not fit a row.
pub fn texts(
    tokenizer: &Tokenizer,
    rows: &[Row],
    config: &PreProcess,
) -> Result<Vec<String>, TextError> {
    let row_text = RowText::of(config)?;
    let mut texts = Vec::with_capacity(rows.len());
    for row in rows {
        let text = row_text.fill(row)?;
        if text.is_empty() {
            continue;
        }
        texts.push(if config.add_special_tokens {
            let (bos, eos) = (tokenizer.bos_text(), tokenizer.eos_text());
            format!("{bos} {text} {eos}")
        } else {
            text
        });
    }
    Ok(texts)
}

/// The prompt and the answer of each row, from `prompt_template` and `answer_template`.
///
/// With `add_special_tokens` a prompt becomes `bos + " " + prompt`, the start of the text that
/// [`texts`] makes, so that a model is asked as it was trained.
///
/// # Errors
/// When a template is missing or does not fit a row.
pub fn examples(
    tokenizer: &Tokenizer,
    rows: &[Row],
    config: &PreProcess,
) -> Result<Vec<Example>, TextError> {
    let prompt = template(config.prompt_template.as_deref(), "`prompt_template`")?;
    let answer = template(config.answer_template.as_deref(), "`answer_template`")?;
    let example = |row: &Row| {
        let prompt = prompt.fill(row)?;
        let prompt = if config.add_special_tokens {
            format!("{} {prompt}", tokenizer.bos_text())
        } else {
            prompt
        };
        Ok(Example { prompt, answer: answer.fill(row)? })
    };
    rows.iter().map(example).collect()
}

/// How the text of a row is made.
enum RowText<'a> {
    Template(Template),
    Columns(&'a [String]),
}

impl<'a> RowText<'a> {
    fn of(config: &'a PreProcess) -> Result<Self, TextError> {
        match (&config.text_template, config.text_cols.as_slice()) {
            (Some(template), _) => Ok(Self::Template(Template::parse(template)?)),
            (None, []) => Err(TextError::NoTemplate { wanted: "`text_template` or `text_cols`" }),
            (None, columns) => Ok(Self::Columns(columns)),
        }
    }

    fn fill(&self, row: &Row) -> Result<String, TextError> {
        match self {
            Self::Template(template) => template.fill(row),
            Self::Columns(columns) => {
                let texts = columns.iter().map(|column| row.text(column));
                Ok(texts.collect::<Result<Vec<_>, _>>()?.join(" "))
            }
        }
    }
}

fn template(template: Option<&str>, wanted: &'static str) -> Result<Template, TextError> {
    Template::parse(template.ok_or(TextError::NoTemplate { wanted })?)
}
