//! Greedy generation: the most likely token, again and again.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use olive_kit_text::Tokenizer;

use crate::error::MeasureError;
use crate::model::{LanguageModel, Positions, check_length};
use crate::stream::TextStream;

/// When generation stops, besides at an end-of-sequence token and at the model's last position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GenerationLimits {
    /// Tokens generated at most.
    pub max_new_tokens: usize,
    /// Whether the end of the first line that is not blank is the end.
    pub stops_at_line_end: bool,
}

/// What was generated, and how long it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// The text after the prompt, without the end-of-sequence token.
    pub text: String,
    /// Its tokens.
    pub tokens: Vec<u32>,
    /// Time of the forward pass over the prompt.
    pub prompt_time: Duration,
    /// Time of everything after it.
    pub decode_time: Duration,
}

/// Continues `prompt` greedily; hands each piece of text to `tell` as it comes.
///
/// The pieces concatenate to [`Generated::text`]. The lowest id wins among equal logits. The model's
/// cache holds the sequence afterwards.
///
/// # Errors
/// When the prompt is empty or longer than the model can see, when the model fails or gives NaN,
/// and [`MeasureError::Cancelled`] when `tell` breaks.
pub fn generate(
    model: &mut dyn LanguageModel,
    tokenizer: &Tokenizer,
    prompt: &[u32],
    limits: GenerationLimits,
    tell: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<Generated, MeasureError> {
    check_length(model, prompt.len(), || "the prompt".into())?;
    check_vocabulary(model, prompt)?;
    let room = (model.max_positions() - prompt.len() + 1).min(limits.max_new_tokens);
    let start = Instant::now();
    model.reset();
    let mut next = most_likely(model, prompt)?;
    let prompt_end = Instant::now();
    let mut stream = TextStream::new(tokenizer);
    let mut text = String::new();
    for done in 1..=room {
        if model.eos_token_ids().contains(&next) {
            break;
        }
        hand_over(stream.push(next)?, &mut text, tell)?;
        if done == room || (limits.stops_at_line_end && text.trim_start().contains('\n')) {
            break;
        }
        next = most_likely(model, &[next])?;
    }
    hand_over(stream.finish()?, &mut text, tell)?;
    Ok(Generated {
        text,
        tokens: stream.into_tokens(),
        prompt_time: prompt_end - start,
        decode_time: prompt_end.elapsed(),
    })
}

/// Appends `tokens` to the model's sequence and gives the most likely next token.
pub(crate) fn most_likely(
    model: &mut dyn LanguageModel,
    tokens: &[u32],
) -> Result<u32, MeasureError> {
    let logits = model.forward(tokens, Positions::Last).map_err(MeasureError::Model)?;
    argmax(logits.last()).ok_or(MeasureError::NotANumber)
}

/// Refuses tokens that the model has no embedding for.
pub(crate) fn check_vocabulary(
    model: &dyn LanguageModel,
    tokens: &[u32],
) -> Result<(), MeasureError> {
    let vocab_size = model.vocab_size();
    match tokens.iter().find(|&&token| token as usize >= vocab_size) {
        Some(&token) => Err(MeasureError::TokenOutsideVocabulary { token, vocab_size }),
        None => Ok(()),
    }
}

/// Index of the largest logit, the first of equals; `None` when one is NaN or there are none.
pub(crate) fn argmax(logits: &[f32]) -> Option<u32> {
    let mut best = (0_u32, *logits.first()?);
    for (index, &logit) in (0..).zip(logits) {
        if logit.is_nan() {
            return None;
        }
        if logit > best.1 {
            best = (index, logit);
        }
    }
    Some(best.0)
}

fn hand_over(
    piece: Option<String>,
    text: &mut String,
    tell: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<(), MeasureError> {
    let Some(piece) = piece else { return Ok(()) };
    text.push_str(&piece);
    match tell(&piece) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(MeasureError::Cancelled),
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::{Generated, GenerationLimits, argmax, generate};
    use crate::error::MeasureError;
    use crate::toy::{Parrot, tokenizer};

    const PROMPT: &str = "### Text:";

    fn run(
        answer: &str,
        limits: GenerationLimits,
        max_positions: usize,
    ) -> (Generated, Vec<String>) {
        let tokenizer = tokenizer();
        let prompt = tokenizer.encode_plain(PROMPT).unwrap();
        let mut sequence = prompt.clone();
        sequence.extend(tokenizer.encode_plain(answer).unwrap());
        let mut model = Parrot::new(vec![sequence]);
        model.max_positions = max_positions;
        let mut pieces = Vec::new();
        let generated = generate(&mut model, &tokenizer, &prompt, limits, &mut |piece| {
            pieces.push(piece.to_owned());
            ControlFlow::Continue(())
        });
        (generated.unwrap(), pieces)
    }

    fn limits(max_new_tokens: usize, stops_at_line_end: bool) -> GenerationLimits {
        GenerationLimits { max_new_tokens, stops_at_line_end }
    }

    #[test]
    fn the_end_of_sequence_token_is_the_end() {
        let (generated, pieces) = run(" joy\nand ünlücky", limits(100, false), 128);
        assert_eq!(generated.text, " joy\nand ünlücky");
        assert_eq!(pieces.concat(), generated.text);
        assert!(!generated.tokens.contains(&2));
    }

    #[test]
    fn the_end_of_the_first_line_with_text_is_the_end() {
        let (generated, _) = run("\n joy\nand more", limits(100, true), 128);
        assert_eq!(generated.text.trim(), "joy");
    }

    #[test]
    fn no_more_tokens_than_asked_or_than_fit() {
        let prompt = tokenizer().encode_plain(PROMPT).unwrap().len();
        let answer = "a long answer of many tokens";
        assert_eq!(run(answer, limits(0, false), 128).0.tokens.len(), 0);
        assert_eq!(run(answer, limits(3, false), 128).0.tokens.len(), 3);
        assert_eq!(run(answer, limits(100, false), prompt + 4).0.tokens.len(), 5);
    }

    #[test]
    fn a_prompt_that_does_not_fit_is_refused() {
        let mut model = Parrot::new(Vec::new());
        for (prompt, message) in [
            (vec![7; 129], "the prompt takes 129 positions; the model has 128"),
            (vec![], "the prompt has too few tokens to measure on"),
            (vec![600], "token 600 of the tokenizer lies outside the model's vocabulary of 512"),
        ] {
            let go_on = &mut |_: &str| ControlFlow::Continue(());
            let result = generate(&mut model, &tokenizer(), &prompt, limits(1, false), go_on);
            assert_eq!(result.unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_break_cancels() {
        let tokenizer = tokenizer();
        let sequence = tokenizer.encode_plain("one two three four").unwrap();
        let mut model = Parrot::new(vec![sequence.clone()]);
        let stop = &mut |_: &str| ControlFlow::Break(());
        let result = generate(&mut model, &tokenizer, &sequence[..2], limits(9, false), stop);
        assert!(matches!(result, Err(MeasureError::Cancelled)));
    }

    #[test]
    fn the_first_of_equal_logits_wins_and_nan_never() {
        assert_eq!(argmax(&[1.0, 3.0, 3.0, f32::NEG_INFINITY]), Some(1));
        assert_eq!(argmax(&[f32::NEG_INFINITY; 2]), Some(0));
        assert_eq!(argmax(&[1.0, f32::NAN]), None);
        assert_eq!(argmax(&[]), None);
    }
}
