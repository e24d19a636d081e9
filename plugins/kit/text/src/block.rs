//! One sequence to train on.

/// Label of a position that has no part in the loss.
pub const IGNORED_LABEL: i64 = -100;

/// One sequence to train on, in no more memory than it says.
///
/// A plain block is its token ids. What makes it more stands beside them, one entry a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    /// Token ids.
    pub input_ids: Vec<u32>,
    /// Whether a position takes part in attention; all do when `None`.
    pub attention_mask: Option<Vec<bool>>,
    /// Whether a position that takes part in attention has a label; all do when `None`.
    pub trained: Option<Vec<bool>>,
    /// Tokens of each sample, first to last, when the block holds samples that must not see each
    /// other; what follows the last is padding.
    pub sample_lengths: Option<Vec<u32>>,
}

impl Block {
    /// Number of tokens, padding included.
    pub fn len(&self) -> usize {
        self.input_ids.len()
    }

    /// Whether there is no token.
    pub fn is_empty(&self) -> bool {
        self.input_ids.is_empty()
    }

    /// Whether the token at `position` takes part in attention.
    ///
    /// # Panics
    /// When there is no such position.
    pub fn attends(&self, position: usize) -> bool {
        self.attention_mask.as_ref().is_none_or(|mask| mask[position])
    }

    /// Whether the token at `position` is to be predicted.
    ///
    /// # Panics
    /// When there is no such position.
    pub fn is_trained(&self, position: usize) -> bool {
        self.attends(position) && self.trained.as_ref().is_none_or(|trained| trained[position])
    }

    /// The token ids, not shifted, or [`IGNORED_LABEL`].
    pub fn labels(&self) -> Vec<i64> {
        let ids = self.input_ids.iter().enumerate();
        let label = |(position, &id)| {
            if self.is_trained(position) { i64::from(id) } else { IGNORED_LABEL }
        };
        ids.map(label).collect()
    }

    /// Number of the sample of each token, from 0, when samples must not see each other; padding
    /// has the number after the last.
    pub fn segments(&self) -> Option<Vec<u32>> {
        let lengths = self.sample_lengths.as_ref()?;
        let mut segments = Vec::with_capacity(self.len());
        for (number, &length) in (0..).zip(lengths) {
            segments.resize(segments.len() + length as usize, number);
        }
        let padding = u32::try_from(lengths.len()).unwrap_or(u32::MAX);
        segments.resize(self.len(), padding);
        Some(segments)
    }
}

#[cfg(test)]
mod tests {
    use super::Block;

    #[test]
    fn a_plain_block_predicts_every_token() {
        let block = Block { input_ids: vec![5, 6], ..Block::default() };
        assert_eq!((block.labels(), block.segments()), (vec![5, 6], None));
    }

    #[test]
    fn what_is_not_seen_or_not_trained_has_no_label() {
        let block = Block {
            input_ids: vec![5, 6, 7, 3],
            attention_mask: Some(vec![true, true, true, false]),
            trained: Some(vec![false, true, true, true]),
            sample_lengths: Some(vec![2, 1]),
        };
        assert_eq!(block.labels(), [-100, 6, 7, -100]);
        assert_eq!(block.segments(), Some(vec![0, 0, 1, 2]));
    }
}
