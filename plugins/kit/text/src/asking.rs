//! How questions are put to a model, as lm-evaluation-harness does it: with solved ones before them,
//! as a text or as a chat.

use std::collections::BTreeMap;
use std::iter;

use olive_schemas::data::{LoadDataset, PreProcess};

use crate::chat::Chat;
use crate::error::TextError;
use crate::questions::{Question, questions};
use crate::rows::{self, Row};
use crate::tokenizer::Tokenizer;

/// How questions are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking<'a> {
    /// What the model is told before anything else, as it is written; the system's part of a chat.
    pub description: &'a str,
    /// What stands between a question and its answer; see [`delimited`].
    pub target_delimiter: Option<&'a str>,
    /// What stands after the answer of a solved question.
    pub shot_delimiter: &'a str,
    /// How many solved questions stand before each.
    pub num_shots: usize,
    /// The chat that they are, by the chat template; a text without one.
    pub turns: Option<Turns>,
}

/// Who says what of solved questions in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turns {
    /// The user asks each, and the assistant answers it.
    Several,
    /// All of them are one message of the user.
    One,
}

/// Rows that solved questions are taken from: the first of them that are not the row that is asked,
/// wherever that stands.
#[derive(Debug, Clone, Copy)]
pub struct Shots<'a> {
    /// The rows.
    pub rows: &'a [Row],
    /// How they become questions.
    pub config: &'a PreProcess,
}

impl Shots<'_> {
    /// The first rows of the files of `config`: as many as it takes to have `count` beside any row
    /// that is asked, and no further; all when there are fewer.
    ///
    /// # Errors
    /// When a file cannot be read or does not hold rows of its format.
    pub fn rows(config: &LoadDataset, count: usize) -> Result<Vec<Row>, TextError> {
        let mut all = rows::open(config);
        let mut rows: Vec<Row> = Vec::new();
        // Of rows that are alike, the place of the first and how many there are.
        let mut kinds: Vec<(usize, usize)> = Vec::new();
        let mut most_alike = 0;
        while rows.len() - most_alike < count {
            let Some(row) = all.next().transpose()? else { break };
            let known = kinds.iter_mut().find(|(first, _)| rows[*first].is_alike(&row));
            let num_alike = match known {
                Some((_, number)) => {
                    *number += 1;
                    *number
                }
                None => {
                    kinds.push((rows.len(), 1));
                    1
                }
            };
            most_alike = num_alike.max(most_alike);
            rows.push(row);
        }
        Ok(rows)
    }
}

impl Asking<'_> {
    /// The question of each of `rows`, whose prompt has everything that stands before a choice.
    ///
    /// A text starts with the bos token when `config` has `add_special_tokens`; in a chat that is the
    /// template's business.
    ///
    /// # Errors
    /// When a row is no question, there are fewer rows to solve than are wanted, or there is no chat
    /// template or it refuses the chat.
    pub fn questions(
        &self,
        tokenizer: &Tokenizer,
        rows: &[Row],
        config: &PreProcess,
        shots: Shots<'_>,
    ) -> Result<Vec<Question>, TextError> {
        let bare = |config: &PreProcess| PreProcess { add_special_tokens: false, ..config.clone() };
        let asked = questions(tokenizer, rows, &bare(config))?;
        let mut solved = Solved { shots, config: bare(shots.config), known: BTreeMap::new() };
        let chat =
            self.turns.map(|turns| Ok((Chat::new(tokenizer, config)?, turns))).transpose()?;
        let question = |(row, question): (&Row, Question)| {
            let shots = solved.before(row, self.num_shots, tokenizer)?;
            let prompt = match &chat {
                Some((chat, turns)) => {
                    chat.ask(&self.messages(&shots, &question.prompt, *turns))?
                }
                None if config.add_special_tokens => {
                    format!("{} {}", tokenizer.bos_text(), self.text(&shots, &question.prompt))
                }
                None => self.text(&shots, &question.prompt),
            };
            Ok(Question { prompt, ..question })
        };
        iter::zip(rows, asked).map(question).collect()
    }

    /// What stands between the prompt and a choice; nothing in a chat, whose answer is a message.
    pub fn choice_delimiter(&self) -> Option<&str> {
        if self.turns.is_some() { Some("") } else { self.target_delimiter }
    }

    fn text(&self, shots: &[Question], prompt: &str) -> String {
        self.description.to_owned() + &self.solved(shots) + prompt
    }

    fn messages(
        &self,
        shots: &[Question],
        prompt: &str,
        turns: Turns,
    ) -> Vec<(&'static str, String)> {
        let system = Some(("system", self.description.to_owned()));
        let system = system.filter(|(_, told)| !told.is_empty()).into_iter();
        match turns {
            Turns::One => system.chain([("user", self.solved(shots) + prompt)]).collect(),
            Turns::Several => {
                let shots = shots.iter().flat_map(|shot| {
                    [("user", shot.prompt.clone()), ("assistant", answer(shot).to_owned())]
                });
                system.chain(shots).chain([("user", prompt.to_owned())]).collect()
            }
        }
    }

    /// Solved questions as a text.
    fn solved(&self, shots: &[Question]) -> String {
        let text = |shot: &Question| {
            let answer = delimited(&shot.prompt, answer(shot), self.target_delimiter);
            format!("{}{answer}{}", shot.prompt, self.shot_delimiter)
        };
        shots.iter().map(text).collect()
    }
}

/// What stands between `prompt` and a choice, and the choice: `delimiter`, or one space unless there
/// is white space already.
pub fn delimited(prompt: &str, choice: &str, delimiter: Option<&str>) -> String {
    let is_apart = prompt.ends_with(char::is_whitespace) || choice.starts_with(char::is_whitespace);
    let delimiter = delimiter.unwrap_or(if is_apart { "" } else { " " });
    format!("{delimiter}{choice}")
}

/// The first right choice; a question has one.
fn answer(question: &Question) -> &str {
    let first = question.gold.first().and_then(|&gold| question.choices.get(gold));
    first.map(String::as_str).unwrap_or_default()
}

/// Solved questions, each made when it is first needed.
struct Solved<'a> {
    shots: Shots<'a>,
    config: PreProcess,
    known: BTreeMap<usize, Question>,
}

impl Solved<'_> {
    /// The first `count` questions that are not that of `row`.
    fn before(
        &mut self,
        row: &Row,
        count: usize,
        tokenizer: &Tokenizer,
    ) -> Result<Vec<Question>, TextError> {
        let others = self.shots.rows.iter().enumerate();
        let others = others.filter(|(_, other)| !other.is_alike(row)).take(count);
        let mut found = Vec::new();
        for (index, other) in others {
            if !self.known.contains_key(&index) {
                let made = questions(tokenizer, std::slice::from_ref(other), &self.config)?;
                self.known.extend(made.into_iter().map(|question| (index, question)));
            }
            found.extend(self.known.get(&index).cloned());
        }
        if found.len() < count {
            return Err(TextError::TooFewShots { wanted: count, found: found.len() });
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::delimited;

    #[test]
    fn one_space_stands_before_a_choice_unless_the_config_says_otherwise() {
        for (prompt, choice, delimiter, expected) in [
            ("Tone:", "joy", None, " joy"),
            ("Tone:\n", "joy", None, "joy"),
            ("Tone:", " joy", None, " joy"),
            ("Tone:", "joy", Some(""), "joy"),
            ("Tone: ", "joy", Some("\n"), "\njoy"),
        ] {
            assert_eq!(delimited(prompt, choice, delimiter), expected);
        }
    }
}
