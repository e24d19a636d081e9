//! Perplexity: how surprised a model is by a text.

use std::collections::BTreeMap;
use std::iter::zip;

use crate::error::MeasureError;
use crate::generate::check_vocabulary;
use crate::ground::Ground;
use crate::likelihood::log_probability;
use crate::model::{LanguageModel, Positions, check_length};
use crate::records::Record;
use crate::uncertainty::Figure;

/// Perplexity of the model on `texts`: the exponential of the mean negative log-likelihood of a
/// token.
///
/// Each text is a sequence of its own, seen by the model in one forward pass. Every token of a text
/// but the first is predicted from those before it (shift by one); the mean is over all predicted
/// tokens of all texts, so a longer text weighs more. Texts of a single token predict nothing.
///
/// # Errors
/// When nothing is predicted at all, a text does not fit the model, or the model fails.
pub fn perplexity(ground: &mut Ground<'_, '_>, texts: &[String]) -> Result<Figure, MeasureError> {
    let (mut surprises, mut counts) = (Vec::new(), Vec::new());
    let total = texts.len();
    for (index, text) in texts.iter().enumerate() {
        let tokens = ground.tokenizer.encode_plain(text)?;
        check_length(ground.model, tokens.len(), || ground.row(index))?;
        let likelihoods = log_likelihoods(ground.model, &tokens)?;
        let surprise = -likelihoods.iter().sum::<f64>();
        if surprise.is_nan() {
            return Err(MeasureError::NotANumber);
        }
        if !likelihoods.is_empty() {
            surprises.push(surprise);
            counts.push(likelihoods.len() as f64);
            ground.records.push(&Record {
                metric: ground.metric,
                sub_types: &ground.sub_types,
                row: index + 1,
                prompt: "",
                expected: Some(text),
                got: None,
                score: (surprise / likelihoods.len() as f64).exp(),
                log_likelihoods: BTreeMap::new(),
            })?;
        }
        let mean = surprises.iter().sum::<f64>() / counts.iter().sum::<f64>();
        ground.tell(("row", index + 1, total), &[("perplexity", mean.exp())])?;
    }
    if counts.is_empty() {
        return Err(ground.empty());
    }
    Ok(Figure::ratio(&surprises, &counts).exp())
}

/// Natural logarithm of the probability of each of `tokens` but the first, given those before it.
///
/// # Errors
/// When a token lies outside the vocabulary or the model fails.
fn log_likelihoods(
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

#[cfg(test)]
mod tests {
    use super::{log_likelihoods, perplexity};
    use crate::toy::{Parrot, on_ground, tokenizer};

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
        let unknown = tokenizer.encode_plain("fear of it").unwrap();
        let mut model = Parrot::new(vec![known.clone()]);
        let texts = ["joy and anger".to_owned(), "fear of it".to_owned()];
        let (found, records) = on_ground(&mut model, |ground| perplexity(ground, &texts));
        let (right, wrong) = ((known.len() - 1) as f64, (unknown.len() - 1) as f64);
        let total = 10.0_f64.exp() + 511.0;
        let mean = total.ln() - 10.0 * right / (right + wrong);
        let found = found.unwrap();
        assert!((found.value - mean.exp()).abs() < 1e-4 * mean.exp(), "{found:?}");
        assert_eq!(found.uncertainty.unwrap().count, 2);
        assert_eq!(records.len(), 2);
        assert_eq!(records[1]["expected"], "fear of it");
    }

    #[test]
    fn texts_that_predict_nothing_are_refused() {
        let (result, _) = on_ground(&mut Parrot::new(vec![]), |ground| perplexity(ground, &[]));
        assert_eq!(
            result.unwrap_err().to_string(),
            "data of metric `tone` has too few tokens to measure on"
        );
    }
}
