//! Texts and examples of rows, as metrics need them.

use std::iter::zip;

use olive_schemas::data::PreProcess;

use crate::error::TextError;
use crate::rows::Row;
use crate::sample::{Renderer, Sample};
use crate::template::required;
use crate::tokenizer::Tokenizer;

/// A question to a model and what the data says is its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What the model is asked; starts with the bos token when `add_special_tokens` is set.
    pub prompt: String,
    /// What it should answer.
    pub answer: String,
}

/// The text of each row: its chat, or `text_template` filled, or `prompt_template` and
/// `answer_template`, or `text_cols` joined by one space; of a pair, its input and its output.
///
/// With `add_special_tokens` a text becomes `bos + " " + text + " " + eos`, where a token that the
/// tokenizer lacks is written `None`; chats stay as they are. Then rows with empty text are left
/// out, as in Olive.
///
/// # Errors
/// When nothing says how a text is made, or it does not fit a row.
pub fn texts(
    tokenizer: &Tokenizer,
    rows: &[Row],
    config: &PreProcess,
) -> Result<Vec<String>, TextError> {
    let renderer = Renderer::new(tokenizer, config)?;
    let samples = rows.iter().filter_map(|row| renderer.render(row).transpose());
    samples.map(|sample| sample.map(Sample::into_text)).collect()
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
    let prompts = prompts(tokenizer, rows, config)?;
    let answer = required(config.answer_template.as_deref(), "`answer_template`")?;
    let example = |(row, prompt)| Ok(Example { prompt, answer: answer.fill(row)? });
    zip(rows, prompts).map(example).collect()
}

/// The prompt of each row, from `prompt_template`, as [`examples`] has it.
///
/// # Errors
/// When the template is missing or does not fit a row.
pub fn prompts(
    tokenizer: &Tokenizer,
    rows: &[Row],
    config: &PreProcess,
) -> Result<Vec<String>, TextError> {
    let template = required(config.prompt_template.as_deref(), "`prompt_template`")?;
    let prompt = |row: &Row| {
        let prompt = template.fill(row)?;
        Ok(if config.add_special_tokens {
            format!("{} {prompt}", tokenizer.bos_text())
        } else {
            prompt
        })
    };
    rows.iter().map(prompt).collect()
}
