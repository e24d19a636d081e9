//! Sequences of tokens and how they become a batch.

use olive_kit_decoder::Batch;

/// One sequence to train or evaluate on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// Tokens, `[len]`.
    pub input_ids: Vec<u32>,
    /// Which tokens may be attended, `[len]`; all of them when `None`.
    pub attention_mask: Option<Vec<bool>>,
    /// The token expected at each position, `[len]`, [`Batch::IGNORED`] for none.
    pub labels: Vec<i64>,
}

impl Sequence {
    /// A sequence in which every token is to be predicted.
    pub fn causal(input_ids: Vec<u32>) -> Self {
        let labels = input_ids.iter().map(|&token| i64::from(token)).collect();
        Self { input_ids, attention_mask: None, labels }
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.input_ids.len()
    }

    /// Whether there is no token.
    pub fn is_empty(&self) -> bool {
        self.input_ids.is_empty()
    }
}

/// The sequences at `indices` as a batch, shorter ones padded on the right.
///
/// Padding is token `pad_token_id`, is not attended and has no label. Without padding and without
/// masks of their own the batch has no mask.
pub(crate) fn collate(sequences: &[Sequence], indices: &[usize], pad_token_id: u32) -> Batch {
    let chosen: Vec<_> = indices.iter().map(|&index| &sequences[index]).collect();
    let seq = chosen.iter().map(|sequence| sequence.len()).max().unwrap_or(0);
    let is_masked = chosen.iter().any(|s| s.attention_mask.is_some() || s.len() < seq);
    let mut batch = Batch {
        input_ids: Vec::with_capacity(seq * chosen.len()),
        attention_mask: is_masked.then(Vec::new),
        labels: Vec::with_capacity(seq * chosen.len()),
        segments: None,
        batch: chosen.len(),
        seq,
    };
    for (row, sequence) in (1..).zip(chosen) {
        batch.input_ids.extend(&sequence.input_ids);
        batch.input_ids.resize(row * seq, pad_token_id);
        batch.labels.extend(&sequence.labels);
        batch.labels.resize(row * seq, Batch::IGNORED);
        if let Some(mask) = &mut batch.attention_mask {
            match &sequence.attention_mask {
                Some(own) => mask.extend(own),
                None => mask.resize(mask.len() + sequence.len(), true),
            }
            mask.resize(row * seq, false);
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_sequences_are_padded_out_of_the_loss() {
        let sequences = [Sequence::causal(vec![5, 6, 7]), Sequence::causal(vec![8])];
        let batch = collate(&sequences, &[1, 0], 3);
        assert_eq!(batch.input_ids, [8, 3, 3, 5, 6, 7]);
        assert_eq!(batch.labels, [8, -100, -100, 5, 6, 7]);
        assert_eq!(batch.attention_mask.unwrap(), [true, false, false, true, true, true]);
        assert_eq!((batch.batch, batch.seq), (2, 3));
    }

    #[test]
    fn sequences_of_one_length_have_no_mask() {
        let sequences = [Sequence::causal(vec![5, 6]), Sequence::causal(vec![8, 9])];
        assert_eq!(collate(&sequences, &[0, 1], 3), Batch::causal(vec![5, 6, 8, 9], 2));
    }
}
