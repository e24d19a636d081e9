//! Perplexity: how surprised a model is by a text.

use std::iter::zip;

use olive_kit_text::Tokenizer;

use crate::error::MeasureError;
use crate::generate::check_vocabulary;
use crate::model::{LanguageModel, Positions, check_length};
use crate::progress::{Observer, Progress, tell};

/// Perplexity of `model` on `texts`: the exponential of the mean negative log-likelihood of a token.
///
/// Each text is a sequence of its own, seen by the model in one forward pass. Every token of a text
/// but the first is predicted from those before it (shift by one); the mean is over all predicted
/// tokens of all texts, so a longer text weighs more. Texts of a single token predict nothing.
///
/// # Errors
/// When nothing is predicted at all, a text does not fit the model, or the model fails.
pub fn perplexity(
    model: &mut dyn LanguageModel,
    tokenizer: &Tokenizer,
    metric: &str,
    texts: &[String],
    observer: &mut Observer<'_>,
) -> Result<f64, MeasureError> {
    let (mut sum, mut count) = (0.0, 0_usize);
    let total = texts.len();
    for (index, text) in texts.iter().enumerate() {
        let tokens = tokenizer.encode_plain(text)?;
        check_length(model, tokens.len(), || format!("row {} of metric `{metric}`", index + 1))?;
        let likelihoods = log_likelihoods(model, &tokens)?;
        sum += likelihoods.iter().sum::<f64>();
        count += likelihoods.len();
        let figures = [("perplexity", (-sum / count as f64).exp())];
        tell(observer, Progress { unit: "row", done: index + 1, total, figures: &figures })?;
    }
    if count == 0 {
        return Err(MeasureError::Empty { what: format!("data of metric `{metric}`") });
    }
    let mean = -sum / count as f64;
    if mean.is_nan() { Err(MeasureError::NotANumber) } else { Ok(mean.exp()) }
}

/// Natural logarithm of the probability of each of `tokens` but the first, given those before it.
///
/// The sums run in f64: `logit - ln(sum(exp(logits)))`, with the largest logit taken out first.
///
/// # Errors
/// When a token lies outside the vocabulary or the model fails.
pub(crate) fn log_likelihoods(
    model: &mut dyn LanguageModel,
    tokens: &[u32],
) -> Result<Vec<f64>, MeasureError> {
    check_vocabulary(model, tokens)?;
    let [given @ .., _] = tokens else { return Ok(Vec::new()) };
    if given.is_empty() {
        return Ok(Vec::new());
    }
    model.reset();
    let logits = model.forward(given, Positions::All).map_err(MeasureError::Model)?;
    let predicted = zip(logits.rows(), &tokens[1..]);
    Ok(predicted.map(|(row, &token)| log_probability(row, token)).collect())
}

fn log_probability(logits: &[f32], token: u32) -> f64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|logit| f64::from((logit - largest).exp())).sum();
    f64::from(logits[token as usize] - largest) - sum.ln()
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::{log_likelihoods, log_probability, perplexity};
    use crate::progress::Progress;
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
    fn every_token_but_the_first_is_predicted() {
        let mut model = Parrot::new(vec![vec![5, 6, 7]]);
        let counted = log_likelihoods(&mut model, &[5, 6, 7, 9]).unwrap();
        let (known, other) = (10.0_f64, 10.0_f64.exp() + 511.0);
        let expected = [known - other.ln(), known - other.ln(), -other.ln()];
        assert_eq!(counted.len(), 3);
        for (counted, expected) in counted.iter().zip(expected) {
            assert!((counted - expected).abs() < 1e-5, "{counted} is not {expected}");
        }
        assert!(log_likelihoods(&mut model, &[5]).unwrap().is_empty());
    }

    #[test]
    fn longer_texts_weigh_more() {
        let tokenizer = tokenizer();
        let known = tokenizer.encode_plain("joy and anger").unwrap();
        let unknown = tokenizer.encode_plain("fear").unwrap();
        let mut model = Parrot::new(vec![known.clone()]);
        let texts = ["joy and anger".to_owned(), "fear".to_owned()];
        let go_on = &mut |_: Progress<'_>| ControlFlow::Continue(());
        let found = perplexity(&mut model, &tokenizer, "tone", &texts, go_on).unwrap();
        let (right, wrong) = ((known.len() - 1) as f64, (unknown.len() - 1) as f64);
        let total = 10.0_f64.exp() + 511.0;
        let mean = total.ln() - 10.0 * right / (right + wrong);
        assert!((found - mean.exp()).abs() < 1e-4 * found, "{found} is not {}", mean.exp());
    }

    #[test]
    fn texts_that_predict_nothing_are_refused() {
        let go_on = &mut |_: Progress<'_>| ControlFlow::Continue(());
        let result = perplexity(&mut Parrot::new(vec![]), &tokenizer(), "tone", &[], go_on);
        assert_eq!(
            result.unwrap_err().to_string(),
            "data of metric `tone` has too few tokens to measure on"
        );
    }
}
