//! What a language model is to a measurement: tokens in, logits out, with a cache between.

use std::borrow::Cow;

use olive_schemas::metric::Metric;

use crate::error::{MeasureError, ModelError};

/// A causal language model with a key-value cache for one sequence.
pub trait LanguageModel {
    /// Width of the logits; token ids lie below it.
    fn vocab_size(&self) -> usize;

    /// Tokens that end a text.
    fn eos_token_ids(&self) -> &[u32];

    /// Positions the model can see, cache and new tokens together.
    fn max_positions(&self) -> usize;

    /// Prepares for what `metric` asks of how the model is run; nothing unless a model can.
    ///
    /// # Errors
    /// When the model cannot be run in this way.
    fn set_up(&mut self, metric: &Metric) -> Result<(), ModelError> {
        let _ = metric;
        Ok(())
    }

    /// Forgets the sequence in the cache.
    fn reset(&mut self);

    /// Keeps only the first `tokens` tokens in the cache; false where the cache cannot go back, which
    /// is then unusable until [`Self::reset`].
    ///
    /// Callers give no more than there are, and at least one.
    fn truncate(&mut self, tokens: usize) -> bool {
        let _ = tokens;
        false
    }

    /// Appends `tokens` to the sequence in the cache and gives the logits at `positions` of them.
    ///
    /// The logits at a token say which token comes next. Callers keep to [`Self::max_positions`]
    /// and give at least one token.
    ///
    /// # Errors
    /// When the model cannot be run; the cache is then unusable until [`Self::reset`].
    fn forward(&mut self, tokens: &[u32], positions: Positions) -> Result<Logits<'_>, ModelError>;
}

/// Which of the tokens given to [`LanguageModel::forward`] logits are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Positions {
    /// Every token.
    All,
    /// The last token only.
    Last,
}

/// Logits, f32 `[positions, vocab_size]`, in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Logits<'a> {
    values: Cow<'a, [f32]>,
    vocab_size: usize,
}

impl<'a> Logits<'a> {
    /// Logits of `values.len() / vocab_size` positions.
    ///
    /// # Panics
    /// When `values` is no whole number of rows.
    pub fn new(values: impl Into<Cow<'a, [f32]>>, vocab_size: usize) -> Self {
        let values = values.into();
        assert!(
            vocab_size > 0 && values.len().is_multiple_of(vocab_size),
            "{} logits are no rows of {vocab_size}",
            values.len()
        );
        Self { values, vocab_size }
    }

    /// The rows, one a position, each `[vocab_size]`.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.vocab_size)
    }

    /// The row of the last position.
    ///
    /// # Panics
    /// When there are no positions.
    pub fn last(&self) -> &[f32] {
        &self.values[self.values.len() - self.vocab_size..]
    }
}

/// Refuses a sequence that is empty or longer than `model` can see.
pub(crate) fn check_length(
    model: &dyn LanguageModel,
    tokens: usize,
    what: impl FnOnce() -> String,
) -> Result<(), MeasureError> {
    let limit = model.max_positions();
    match tokens {
        0 => Err(MeasureError::Empty { what: what() }),
        tokens if tokens > limit => Err(MeasureError::TooLong { what: what(), tokens, limit }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::Logits;

    #[test]
    fn the_last_row_is_the_last_position() {
        let logits = Logits::new(vec![1.0, 2.0, 3.0, 4.0], 2);
        assert_eq!(logits.rows().len(), 2);
        assert_eq!(logits.last(), [3.0, 4.0]);
    }

    #[test]
    #[should_panic(expected = "3 logits are no rows of 2")]
    fn a_broken_row_is_refused() {
        let _ = Logits::new(vec![1.0, 2.0, 3.0], 2);
    }
}
