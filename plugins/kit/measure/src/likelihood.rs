//! How likely a model finds a text, token by token.

use std::iter::zip;

use olive_kit_text::Tokenizer;

use crate::error::MeasureError;
use crate::generate::check_vocabulary;
use crate::model::{LanguageModel, Positions, check_length};

/// A text after another one, as tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuation {
    /// Tokens of both.
    pub tokens: Vec<u32>,
    /// How many of them are given; the others are predicted.
    pub given: usize,
}

impl Continuation {
    /// `text` after `prompt`, both encoded as one, as lm-evaluation-harness does it: white space at
    /// the end of the prompt counts as the start of what follows.
    ///
    /// # Errors
    /// When the tokenizer refuses the text, or nothing is given or predicted; `place` is what errors
    /// call it.
    pub fn new(
        tokenizer: &Tokenizer,
        prompt: &str,
        text: &str,
        place: &str,
    ) -> Result<Self, MeasureError> {
        let tokens = tokenizer.encode_plain(&format!("{prompt}{text}"))?;
        let given = tokenizer.encode_plain(prompt.trim_end())?.len();
        if given == 0 {
            return Err(MeasureError::Empty { what: format!("the prompt of {place}") });
        }
        if given >= tokens.len() {
            let what = format!("`{}` of {place}", text.trim());
            return Err(MeasureError::Empty { what });
        }
        Ok(Self { tokens, given })
    }

    /// Refuses what `model` cannot see; `place` is what errors call it.
    pub(crate) fn check(&self, model: &dyn LanguageModel, place: &str) -> Result<(), MeasureError> {
        check_length(model, self.tokens.len() - 1, || place.to_owned())?;
        check_vocabulary(model, &self.tokens)
    }
}

/// Natural logarithms of the probabilities of each of `choices`, one or more.
///
/// The tokens that all of them begin with go through the model once, where its cache can go back.
///
/// # Errors
/// When the model fails or gives NaN.
pub fn log_likelihoods(
    model: &mut dyn LanguageModel,
    choices: &[Continuation],
) -> Result<Vec<f64>, MeasureError> {
    let shared = shared(choices);
    let prefix = choices.first().map(|choice| &choice.tokens[..shared]).unwrap_or_default();
    let next = enter(model, prefix)?;
    let mut is_beyond = false;
    let mut found = Vec::new();
    for Continuation { tokens, given } in choices {
        let mut sum = 0.0;
        if *given == shared {
            sum += log_probability(&next, tokens[shared]);
        }
        let rest = &tokens[shared..tokens.len() - 1];
        if !rest.is_empty() {
            if is_beyond && !model.truncate(shared) {
                enter(model, prefix)?;
            }
            is_beyond = true;
            let logits = model.forward(rest, Positions::All).map_err(MeasureError::Model)?;
            let predicted = zip(logits.rows(), (shared + 1)..).filter(|(_, at)| at >= given);
            sum += predicted.map(|(row, at)| log_probability(row, tokens[at])).sum::<f64>();
        }
        if sum.is_nan() {
            return Err(MeasureError::NotANumber);
        }
        found.push(sum);
    }
    Ok(found)
}

/// Tokens that all of `choices` begin with and that are given in all of them.
fn shared(choices: &[Continuation]) -> usize {
    let Some((first, others)) = choices.split_first() else { return 0 };
    let alike = |other: &Continuation| {
        let pairs = zip(&first.tokens, &other.tokens);
        pairs.take_while(|(one, other)| one == other).count()
    };
    let lengths = others.iter().map(alike).chain(choices.iter().map(|choice| choice.given));
    lengths.min().unwrap_or(0)
}

/// Puts `tokens` alone into the cache; gives the logits after them, none of no tokens.
fn enter(model: &mut dyn LanguageModel, tokens: &[u32]) -> Result<Vec<f32>, MeasureError> {
    model.reset();
    if tokens.is_empty() {
        return Ok(Vec::new());
    }
    let logits = model.forward(tokens, Positions::Last).map_err(MeasureError::Model)?;
    Ok(logits.last().to_vec())
}

/// Natural logarithm of the probability that `logits` give to `token`.
///
/// The sums run in f64: `logit - ln(sum(exp(logits)))`, with the largest logit taken out first.
pub(crate) fn log_probability(logits: &[f32], token: u32) -> f64 {
    let largest = largest(logits);
    f64::from(logits[token as usize] - largest) - sum_of_exp(logits, largest).ln()
}

/// Kullback-Leibler divergence of `logits` from `reference`, in nats: the sum over all tokens of
/// `p ln(p / q)`, with `p` of the reference.
pub(crate) fn divergence(reference: &[f32], logits: &[f32]) -> f64 {
    let (top_p, top_q) = (largest(reference), largest(logits));
    let (sum_p, sum_q) = (sum_of_exp(reference, top_p), sum_of_exp(logits, top_q));
    let shift = sum_q.ln() - sum_p.ln();
    let term = |(&p, &q): (&f32, &f32)| {
        let p = f64::from(p - top_p);
        let weight = p.exp();
        if weight == 0.0 { 0.0 } else { weight * (p - f64::from(q - top_q) + shift) }
    };
    zip(reference, logits).map(term).sum::<f64>() / sum_p
}

fn largest(logits: &[f32]) -> f32 {
    logits.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

fn sum_of_exp(logits: &[f32], largest: f32) -> f64 {
    logits.iter().map(|logit| f64::from((logit - largest).exp())).sum()
}

#[cfg(test)]
mod tests {
    use super::{Continuation, divergence, log_likelihoods, log_probability};
    use crate::toy::{Parrot, tokenizer};

    #[test]
    fn equal_logits_share_the_probability() {
        let expected = (1.0_f64 / 4.0).ln();
        assert!((log_probability(&[7.0; 4], 2) - expected).abs() < 1e-12);
    }

    #[test]
    fn large_logits_do_not_overflow() {
        assert!(log_probability(&[1000.0, 0.0], 0).abs() < 1e-12);
        assert!((log_probability(&[1000.0, 0.0], 1) + 1000.0).abs() < 1e-9);
    }

    #[test]
    fn a_distribution_diverges_from_another_and_not_from_itself() {
        let (p, q) = ([0.0, 3.0_f32.ln()], [0.0, 0.0]);
        let expected = 0.25 * (0.5_f64).ln() + 0.75 * (1.5_f64).ln();
        assert!((divergence(&p, &q) - expected).abs() < 1e-6);
        assert!(divergence(&p, &p.map(|logit| logit + 4.0)).abs() < 1e-6);
        assert!(divergence(&[f32::NEG_INFINITY, 0.0], &[0.0, 0.0]) - 2.0_f64.ln() < 1e-6);
    }

    #[test]
    fn white_space_at_the_end_of_a_prompt_is_predicted() {
        let tokenizer = tokenizer();
        let one = Continuation::new(&tokenizer, "### Text:", " joy", "row 1").unwrap();
        let other = Continuation::new(&tokenizer, "### Text: ", "joy", "row 1").unwrap();
        assert_eq!(one, other);
        assert_eq!(one.given, tokenizer.encode_plain("### Text:").unwrap().len());
        for (prompt, text, told) in [(" ", "joy", "the prompt of row 1"), ("a", "", "`` of row 1")]
        {
            let error = Continuation::new(&tokenizer, prompt, text, "row 1").unwrap_err();
            assert!(error.to_string().starts_with(told), "{error}");
        }
    }

    #[test]
    fn what_choices_share_is_computed_once_and_changes_nothing() {
        let continuation = |tokens: &[u32], given| Continuation { tokens: tokens.to_vec(), given };
        let (known, other) = (10.0 - (10.0_f64.exp() + 511.0).ln(), -(10.0_f64.exp() + 511.0).ln());
        let choices = [
            continuation(&[5, 6, 7, 8], 2),
            continuation(&[5, 6, 9], 2),
            continuation(&[5, 6, 7, 9, 9], 2),
            continuation(&[5, 6, 7], 2),
        ];
        let expected = [2.0 * known, other, known + 2.0 * other, known];
        for can_go_back in [true, false] {
            let mut model = Parrot::new(vec![vec![5, 6, 7, 8]]);
            model.can_go_back = can_go_back;
            let found = log_likelihoods(&mut model, &choices).unwrap();
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
            }
            let computed = if can_go_back { 2 + 1 + 2 } else { 2 + 1 + 2 + 2 };
            assert_eq!(model.computed, computed, "{can_go_back}");
        }
        let apart = [continuation(&[5, 6], 1), continuation(&[4, 6, 7], 1)];
        let mut model = Parrot::new(vec![vec![5, 6]]);
        let found = log_likelihoods(&mut model, &apart).unwrap();
        assert!((found[0] - known).abs() < 1e-4, "{found:?}");
    }
}
