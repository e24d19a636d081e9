//! Exact match: how often greedy generation answers as the data says.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use olive_kit_text::{Example, Tokenizer};
use serde::Serialize;

use crate::error::MeasureError;
use crate::generate::{GenerationLimits, generate};
use crate::model::LanguageModel;
use crate::progress::{Observer, Progress, tell};

/// One question to the model, as a line of `examples.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record<'a> {
    /// Name of the metric.
    pub metric: &'a str,
    /// What the model was asked, as it was asked.
    pub prompt: &'a str,
    /// What the data says.
    pub expected: &'a str,
    /// What the model wrote, up to the end of its first line that is not blank.
    pub answer: &'a str,
    /// Whether the two agree.
    pub correct: bool,
}

/// The file of [`Record`]s, one JSON object a line.
pub struct Records {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Records {
    /// Name of the file.
    pub const FILE_NAME: &'static str = "examples.jsonl";

    /// An empty file in `folder`.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(folder: &Path) -> Result<Self, MeasureError> {
        let path = folder.join(Self::FILE_NAME);
        match File::create(&path) {
            Ok(file) => Ok(Self { path, file: BufWriter::new(file) }),
            Err(source) => Err(MeasureError::File { action: "write", path, source }),
        }
    }

    /// Appends one record.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn push(&mut self, record: &Record<'_>) -> Result<(), MeasureError> {
        let line = serde_json::to_string(record).map_err(std::io::Error::from);
        let written = line.and_then(|line| writeln!(self.file, "{line}"));
        written.map_err(|source| self.failed(source))
    }

    /// Sees to it that everything is written.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn finish(mut self) -> Result<(), MeasureError> {
        self.file.flush().map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> MeasureError {
        MeasureError::File { action: "write", path: self.path.clone(), source }
    }
}

/// Share, in 0..=1, of `examples` that `model` answers as expected.
///
/// An answer is generated greedily, of at most `max_new_tokens` tokens. Of the answer and of the
/// expected text the first line that is not blank counts, trimmed and in lower case.
///
/// # Errors
/// When there are no examples, a prompt does not fit the model, or the model fails.
pub fn exact_match(
    model: &mut dyn LanguageModel,
    tokenizer: &Tokenizer,
    metric: &str,
    examples: &[Example],
    max_new_tokens: usize,
    records: &mut Records,
    observer: &mut Observer<'_>,
) -> Result<f64, MeasureError> {
    if examples.is_empty() {
        return Err(MeasureError::Empty { what: format!("data of metric `{metric}`") });
    }
    let limits = GenerationLimits { max_new_tokens, stops_at_line_end: true };
    let total = examples.len();
    let (mut correct, mut tokens, mut time) = (0_usize, 0_usize, Duration::ZERO);
    for (index, Example { prompt, answer: expected }) in examples.iter().enumerate() {
        let prompt_tokens = tokenizer.encode_plain(prompt)?;
        let go_on = &mut |_: &str| ControlFlow::Continue(());
        let generated = generate(model, tokenizer, &prompt_tokens, limits, go_on)?;
        let is_correct = verdict(&generated.text) == verdict(expected);
        let answer = generated.text.as_str();
        records.push(&Record { metric, prompt, expected, answer, correct: is_correct })?;
        correct += usize::from(is_correct);
        tokens += prompt_tokens.len() + generated.tokens.len();
        time += generated.prompt_time + generated.decode_time;
        let figures = [
            ("exact_match", correct as f64 / (index + 1) as f64),
            ("tokens_per_second", tokens as f64 / time.as_secs_f64()),
        ];
        tell(observer, Progress { unit: "example", done: index + 1, total, figures: &figures })?;
    }
    Ok(correct as f64 / total as f64)
}

/// The part of a text that counts as the answer.
fn verdict(text: &str) -> String {
    text.trim().lines().next().unwrap_or_default().trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::verdict;

    #[test]
    fn the_first_line_counts_trimmed_and_in_lower_case() {
        assert_eq!(verdict("Joy"), "joy");
        assert_eq!(verdict("\n  Deep JOY \r\n### Text: more"), "deep joy");
        assert_eq!(verdict(" \n"), "");
    }
}
