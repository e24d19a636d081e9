//! Exact match: how often greedy generation answers as the data says.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use olive_kit_text::Example;

use crate::error::MeasureError;
use crate::generate::{GenerationLimits, generate};
use crate::ground::Ground;
use crate::records::Record;
use crate::uncertainty::Figure;

/// Share, in 0..=1, of `examples` that the model answers as expected.
///
/// An answer is generated greedily, of at most `max_new_tokens` tokens. Of the answer and of the
/// expected text the first line that is not blank counts, trimmed and in lower case.
///
/// # Errors
/// When there are no examples, a prompt does not fit the model, or the model fails.
pub fn exact_match(
    ground: &mut Ground<'_, '_>,
    examples: &[Example],
    max_new_tokens: usize,
) -> Result<Figure, MeasureError> {
    if examples.is_empty() {
        return Err(ground.empty());
    }
    let limits = GenerationLimits { max_new_tokens, stops_at_line_end: true };
    let total = examples.len();
    let (mut correct, mut tokens, mut time) = (0_usize, 0_usize, Duration::ZERO);
    for (index, Example { prompt, answer: expected }) in examples.iter().enumerate() {
        let prompt_tokens = ground.tokenizer.encode_plain(prompt)?;
        let go_on = &mut |_: &str| ControlFlow::Continue(());
        let generated = generate(ground.model, ground.tokenizer, &prompt_tokens, limits, go_on)?;
        let is_correct = verdict(&generated.text) == verdict(expected);
        ground.records.push(&Record {
            metric: ground.metric,
            sub_types: &ground.sub_types,
            row: index + 1,
            prompt,
            expected: Some(expected),
            got: Some(&generated.text),
            score: f64::from(u8::from(is_correct)),
            log_likelihoods: BTreeMap::new(),
        })?;
        correct += usize::from(is_correct);
        tokens += prompt_tokens.len() + generated.tokens.len();
        time += generated.prompt_time + generated.decode_time;
        let figures = [
            ("exact_match", correct as f64 / (index + 1) as f64),
            ("tokens_per_second", tokens as f64 / time.as_secs_f64()),
        ];
        ground.tell(("example", index + 1, total), &figures)?;
    }
    Ok(Figure::share(correct, total))
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
