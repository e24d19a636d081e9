//! A model beside a reference model: whether both go on in the same way, and how far their
//! distributions are apart.

use std::collections::BTreeMap;
use std::iter::zip;
use std::ops::ControlFlow;

use crate::error::MeasureError;
use crate::generate::{GenerationLimits, generate};
use crate::ground::Ground;
use crate::likelihood::{Continuation, divergence};
use crate::model::{LanguageModel, Positions};
use crate::records::Record;
use crate::uncertainty::Figure;

/// A text of which the model predicts the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicted {
    /// The part that is given.
    pub prompt: String,
    /// The tokens of both, and where the end begins.
    pub tokens: Continuation,
    /// The part that is predicted.
    pub answer: String,
}

/// Share, in 0..=1, of the tokens that both models generate after `prompts`.
///
/// Each model goes on by itself, greedily, for at most `max_new_tokens` tokens; the end of a text is
/// a token too. Tokens are compared place by place, and those that only one of the two has are not
/// equal.
///
/// # Errors
/// When there are no prompts, one does not fit a model, or a model fails.
pub fn token_match(
    ground: &mut Ground<'_, '_>,
    reference: &mut dyn LanguageModel,
    prompts: &[String],
    max_new_tokens: usize,
) -> Result<Figure, MeasureError> {
    if prompts.is_empty() {
        return Err(ground.empty());
    }
    check_vocabularies(ground.model, reference)?;
    let limits = GenerationLimits { max_new_tokens, stops_at_line_end: false };
    let (mut equal, mut counts) = (Vec::new(), Vec::new());
    for (index, prompt) in prompts.iter().enumerate() {
        let tokens = ground.tokenizer.encode_plain(prompt)?;
        let go_on = |model: &mut dyn LanguageModel| {
            let ignore = &mut |_: &str| ControlFlow::Continue(());
            generate(model, ground.tokenizer, &tokens, limits, ignore)
        };
        let (found, expected) = (go_on(ground.model)?, go_on(reference)?);
        let [own, other] = [&found, &expected].map(|made| with_end(&made.tokens, max_new_tokens));
        let same = zip(&own, &other).filter(|(own, other)| own == other).count();
        let count = own.len().max(other.len());
        equal.push(same as f64);
        counts.push(count as f64);
        ground.records.push(&Record {
            metric: ground.metric,
            sub_types: &ground.sub_types,
            row: index + 1,
            prompt,
            expected: Some(&expected.text),
            got: Some(&found.text),
            score: same as f64 / count as f64,
            log_likelihoods: BTreeMap::new(),
        })?;
        let share = equal.iter().sum::<f64>() / counts.iter().sum::<f64>();
        ground.tell(("example", index + 1, prompts.len()), &[("token_match", share)])?;
    }
    Ok(Figure::ratio(&equal, &counts))
}

/// Mean, over the predicted tokens of `texts`, of the Kullback-Leibler divergence of the model's
/// distribution from that of `reference`, in nats.
///
/// # Errors
/// When there are no texts, one does not fit a model, or a model fails.
pub fn kl_divergence(
    ground: &mut Ground<'_, '_>,
    reference: &mut dyn LanguageModel,
    texts: &[Predicted],
) -> Result<Figure, MeasureError> {
    if texts.is_empty() {
        return Err(ground.empty());
    }
    check_vocabularies(ground.model, reference)?;
    let (mut sums, mut counts) = (Vec::new(), Vec::new());
    for (index, Predicted { prompt, tokens, answer }) in texts.iter().enumerate() {
        let place = ground.row(index);
        tokens.check(ground.model, &place)?;
        tokens.check(reference, &place)?;
        let given = &tokens.tokens[..tokens.tokens.len() - 1];
        ground.model.reset();
        reference.reset();
        let own = ground.model.forward(given, Positions::All).map_err(MeasureError::Model)?;
        let other = reference.forward(given, Positions::All).map_err(MeasureError::Model)?;
        let rows = zip(own.rows(), other.rows()).skip(tokens.given - 1);
        let sum: f64 = rows.map(|(own, other)| divergence(other, own)).sum();
        if sum.is_nan() {
            return Err(MeasureError::NotANumber);
        }
        let count = (tokens.tokens.len() - tokens.given) as f64;
        sums.push(sum);
        counts.push(count);
        ground.records.push(&Record {
            metric: ground.metric,
            sub_types: &ground.sub_types,
            row: index + 1,
            prompt,
            expected: Some(answer),
            got: None,
            score: sum / count,
            log_likelihoods: BTreeMap::new(),
        })?;
        let mean = sums.iter().sum::<f64>() / counts.iter().sum::<f64>();
        ground.tell(("row", index + 1, texts.len()), &[("kl_divergence", mean)])?;
    }
    Ok(Figure::ratio(&sums, &counts))
}

/// `tokens`, and a sign of their end where it comes before `limit`.
fn with_end(tokens: &[u32], limit: usize) -> Vec<Option<u32>> {
    let end = (tokens.len() < limit).then_some(None);
    tokens.iter().copied().map(Some).chain(end).collect()
}

fn check_vocabularies(
    model: &dyn LanguageModel,
    reference: &dyn LanguageModel,
) -> Result<(), MeasureError> {
    let (vocab_size, other) = (model.vocab_size(), reference.vocab_size());
    if vocab_size == other {
        return Ok(());
    }
    Err(MeasureError::ReferenceVocabulary { vocab_size, reference: other })
}

#[cfg(test)]
mod tests {
    use super::{Predicted, kl_divergence, token_match};
    use crate::likelihood::Continuation;
    use crate::toy::{Parrot, on_ground, tokenizer};

    fn parrot(texts: &[&str]) -> Parrot {
        let tokens = texts.iter().map(|text| tokenizer().encode_plain(text).unwrap());
        Parrot::new(tokens.collect())
    }

    #[test]
    fn tokens_that_only_one_model_has_are_not_equal() {
        let text = "one two three four five";
        let tokens = tokenizer().encode_plain(text).unwrap();
        let (prompt, limit) = (tokenizer().decode(&tokens[..2]).unwrap(), 64);
        let rest = tokens.len() - 2;
        let prompts = [prompt, "zzz".into()];
        let mut short = Parrot::new(vec![tokens[..tokens.len() - 2].to_vec()]);
        let mut whole = Parrot::new(vec![tokens.clone()]);
        let (found, records) =
            on_ground(&mut short, |ground| token_match(ground, &mut whole, &prompts, limit));
        // The second prompt ends at once in both, which is one token that agrees.
        let expected = (rest as f64 - 2.0 + 1.0) / (rest as f64 + 1.0 + 1.0);
        assert!((found.unwrap().value - expected).abs() < 1e-12);
        assert_eq!(records[1]["score"], 1.0);
        let (same, _) = on_ground(&mut parrot(&[text]), |ground| {
            token_match(ground, &mut whole, &prompts, limit)
        });
        assert!((same.unwrap().value - 1.0).abs() < 1e-12);
    }

    #[test]
    fn divergence_counts_the_answer_alone() {
        let (prompt, answer) = ("### Text:", " joy");
        let tokens = Continuation::new(&tokenizer(), prompt, answer, "row 1").unwrap();
        let count = (tokens.tokens.len() - tokens.given) as f64;
        let texts = [Predicted { prompt: prompt.into(), tokens, answer: answer.into() }];
        let mut known = parrot(&["### Text: joy"]);
        let (none, _) = on_ground(&mut parrot(&["### Text: joy"]), |ground| {
            kl_divergence(ground, &mut known, &texts)
        });
        assert!(none.unwrap().value.abs() < 1e-12);
        let (found, records) =
            on_ground(&mut parrot(&[]), |ground| kl_divergence(ground, &mut known, &texts));
        // Two peaks of logit 10 on different tokens: p (10 - 0) - q (0 - 10), each of 512 tokens.
        let peak = 10.0_f64.exp() / (10.0_f64.exp() + 511.0);
        let other = 1.0 / (10.0_f64.exp() + 511.0);
        let expected = 10.0 * (peak - other);
        let found = found.unwrap().value;
        assert!((found - expected).abs() < 1e-4, "{found} is not {expected} ({count} tokens)");
        assert_eq!(records[0]["expected"], " joy");
    }

    #[test]
    fn models_of_other_vocabularies_are_not_compared() {
        let mut wide = parrot(&[]);
        wide.vocab_size = 600;
        let prompts = ["a".to_owned()];
        let (result, _) =
            on_ground(&mut parrot(&[]), |ground| token_match(ground, &mut wide, &prompts, 4));
        assert_eq!(
            result.unwrap_err().to_string(),
            "the model has a vocabulary of 512 tokens and its reference one of 600"
        );
    }
}
