//! Questions with answers to choose from, in the shape of the tasks of lm-evaluation-harness.

use olive_schemas::data::PreProcess;

use crate::error::TextError;
use crate::rows::Row;
use crate::template::{Template, required};
use crate::tokenizer::Tokenizer;
use crate::value::Value;

/// Columns of a prompt, where there is no `prompt_template`.
const PROMPTS: [&str; 3] = ["prompt", "query", "question"];
/// Columns of the right choice, where there is no `answer_template`.
const GOLDS: [&str; 4] = ["gold", "answer", "answerKey", "label"];
/// Column of the choices.
const CHOICES: &str = "choices";

/// A question and the answers to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What the model is asked; starts with the bos token when `add_special_tokens` is set.
    pub prompt: String,
    /// The answers to choose from, two or more.
    pub choices: Vec<String>,
    /// The right ones among them, counted from 0; at least one.
    pub gold: Vec<usize>,
}

/// The question of each row.
///
/// The prompt is `prompt_template` filled, or the column `prompt`, `query` or `question`. The column
/// `choices` is a list of texts, or an object of two lists, `text` and `label`, as in ARC. Which
/// one is right say `answer_template` filled, or the column `gold`, `answer`, `answerKey` or
/// `label`: the text of a choice, its label, or its place counted from 0 (a list of places where
/// several are right).
///
/// # Errors
/// When a column is missing, there are fewer than two choices, or the right one is none of them.
pub fn questions(
    tokenizer: &Tokenizer,
    rows: &[Row],
    config: &PreProcess,
) -> Result<Vec<Question>, TextError> {
    let template = |template: Option<&String>, wanted| {
        template.map(|template| required(Some(template), wanted)).transpose()
    };
    let prompt = template(config.prompt_template.as_ref(), "`prompt_template`")?;
    let answer = template(config.answer_template.as_ref(), "`answer_template`")?;
    let question = |row: &Row| {
        let prompt = match &prompt {
            Some(template) => template.fill(row)?,
            None => row.text(first(row, &PROMPTS))?,
        };
        let prompt = if config.add_special_tokens {
            format!("{} {prompt}", tokenizer.bos_text())
        } else {
            prompt
        };
        let (choices, labels) = choices(row)?;
        let gold = gold(row, answer.as_ref(), &choices, &labels)?;
        Ok(Question { prompt, choices, gold })
    };
    rows.iter().map(question).collect()
}

/// The first of `columns` that `row` has, else the first of them at all.
fn first<'a>(row: &Row, columns: &[&'a str]) -> &'a str {
    columns.iter().find(|column| row.get(column).is_some()).unwrap_or(&columns[0])
}

/// Texts of the choices, and their labels where they have such.
fn choices(row: &Row) -> Result<(Vec<String>, Vec<String>), TextError> {
    let (texts, labels) = match row.value(CHOICES)? {
        Value::List(values) => (texts(row, values)?, Vec::new()),
        Value::Object(members) => {
            let list = |wanted: &str| {
                let found = members.iter().find(|(name, _)| name == wanted);
                match found {
                    Some((_, Value::List(values))) => texts(row, values),
                    _ => Err(row.fault(CHOICES, format!("has no list `{wanted}`"))),
                }
            };
            (list("text")?, list("label")?)
        }
        _ => return Err(row.fault(CHOICES, "is no list".into())),
    };
    if texts.len() < 2 {
        let problem = format!("has {} choices; a question has two or more", texts.len());
        return Err(row.fault(CHOICES, problem));
    }
    Ok((texts, labels))
}

fn texts(row: &Row, values: &[Value]) -> Result<Vec<String>, TextError> {
    let text = |value: &Value| {
        value.text().map_err(|kind| row.fault(CHOICES, format!("holds {kind} among its texts")))
    };
    values.iter().map(text).collect()
}

/// Places of the right choices.
fn gold(
    row: &Row,
    template: Option<&Template>,
    choices: &[String],
    labels: &[String],
) -> Result<Vec<usize>, TextError> {
    let column = first(row, &GOLDS);
    let place = |value: &Value| {
        let found = match value {
            Value::Integer(place) => usize::try_from(*place).ok(),
            Value::Text(text) => place_of(text, choices, labels),
            _ => None,
        };
        found.filter(|&place| place < choices.len()).ok_or_else(|| {
            let told = value.text().unwrap_or_else(str::to_owned);
            let known: Vec<_> = choices.iter().map(|choice| format!("`{choice}`")).collect();
            let problem = format!("is `{told}`, which is none of the choices {}", known.join(", "));
            row.fault(if template.is_some() { "answer_template" } else { column }, problem)
        })
    };
    match template {
        Some(template) => Ok(vec![place(&Value::Text(template.fill(row)?))?]),
        None => match row.value(column)? {
            Value::List(values) if !values.is_empty() => values.iter().map(place).collect(),
            value => Ok(vec![place(value)?]),
        },
    }
}

/// The choice that `text` names: by its text, by its label, or by its place.
fn place_of(text: &str, choices: &[String], labels: &[String]) -> Option<usize> {
    let text = text.trim();
    let position = |known: &[String]| known.iter().position(|known| known.trim() == text);
    position(choices).or_else(|| position(labels)).or_else(|| text.parse().ok())
}
