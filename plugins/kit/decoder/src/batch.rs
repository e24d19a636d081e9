//! Sequences of tokens to train or measure on.

use crate::error::DecoderError;

/// Sequences of one length, padded on the right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Tokens, `[batch * seq]`, sequence after sequence.
    pub input_ids: Vec<u32>,
    /// Which tokens may be attended, `[batch * seq]`; all of them when `None`.
    pub attention_mask: Option<Vec<bool>>,
    /// The token expected at each position, `[batch * seq]`, [`Batch::IGNORED`] for none.
    ///
    /// As in transformers, a label stands at its own position: the loss compares it with what the
    /// position before predicts, so the first label of a sequence or sample is never used.
    pub labels: Vec<i64>,
    /// Number of the sample each token belongs to, `[batch * seq]`, when sequences hold several.
    ///
    /// A token attends to its own sample only, and positions start anew with each sample. Tokens of
    /// one sample are neighbors.
    pub segments: Option<Vec<u32>>,
    /// Number of sequences.
    pub batch: usize,
    /// Tokens of each sequence, padding included.
    pub seq: usize,
}

impl Batch {
    /// Label of a position that is not part of the loss.
    pub const IGNORED: i64 = -100;

    /// `batch` unpadded sequences in which every token is to be predicted.
    pub fn causal(input_ids: Vec<u32>, batch: usize) -> Self {
        let labels = input_ids.iter().map(|&token| i64::from(token)).collect();
        let seq = input_ids.len().checked_div(batch).unwrap_or(0);
        Self { input_ids, attention_mask: None, labels, segments: None, batch, seq }
    }

    /// Number of positions the loss is taken over.
    pub fn num_labels(&self) -> usize {
        self.predictions().count()
    }

    /// Position of each hidden state that predicts a label, with the label.
    pub fn predictions(&self) -> impl Iterator<Item = (usize, i64)> + '_ {
        let rows = 0..self.labels.len().saturating_sub(1);
        rows.filter(|row| !(row + 1).is_multiple_of(self.seq))
            .filter(|&row| self.segments.as_ref().is_none_or(|s| s[row] == s[row + 1]))
            .map(|row| (row, self.labels[row + 1]))
            .filter(|&(_, label)| label != Self::IGNORED)
    }

    /// Place in its sequence of the first token of each token's sample, `[batch * seq]`; `None` when
    /// every sequence is one sample.
    pub fn sample_starts(&self) -> Option<Vec<u32>> {
        let segments = self.segments.as_ref()?;
        let mut starts: Vec<u32> = Vec::with_capacity(segments.len());
        for (row, segment) in segments.iter().enumerate() {
            let is_first = row % self.seq == 0 || segments[row - 1] != *segment;
            starts.push(if is_first { self.in_sequence(row) } else { starts[row - 1] });
        }
        Some(starts)
    }

    /// Position of each token in its sample, `[batch * seq]`.
    pub fn positions(&self) -> Vec<u32> {
        let starts = self.sample_starts();
        let start = |row: usize| starts.as_ref().map_or(0, |starts| starts[row]);
        (0..self.input_ids.len()).map(|row| self.in_sequence(row) - start(row)).collect()
    }

    fn in_sequence(&self, row: usize) -> u32 {
        u32::try_from(row % self.seq).unwrap_or(u32::MAX)
    }

    /// Refuses lengths that do not fit each other and ids without an embedding.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn check(&self, vocab_size: usize) -> Result<(), DecoderError> {
        let expected = self.batch * self.seq;
        let mask_len = self.attention_mask.as_ref().map_or(expected, Vec::len);
        let segments_len = self.segments.as_ref().map_or(expected, Vec::len);
        let lengths = [
            ("input_ids", self.input_ids.len()),
            ("attention_mask", mask_len),
            ("segments", segments_len),
            ("labels", self.labels.len()),
        ];
        if expected == 0 {
            return Err(DecoderError::EmptyBatch { batch: self.batch, seq: self.seq });
        }
        if let Some(&(field, found)) = lengths.iter().find(|(_, length)| *length != expected) {
            let (batch, seq) = (self.batch, self.seq);
            return Err(DecoderError::BatchLength { field, found, batch, seq });
        }
        check_tokens(&self.input_ids, vocab_size)?;
        let outside = |label: i64| usize::try_from(label).map_or(true, |label| label >= vocab_size);
        match self.predictions().find(|&(_, label)| outside(label)) {
            Some((_, label)) => Err(DecoderError::LabelOutsideVocabulary { label, vocab_size }),
            None => Ok(()),
        }
    }
}

/// Refuses ids without an embedding.
pub(crate) fn check_tokens(tokens: &[u32], vocab_size: usize) -> Result<(), DecoderError> {
    match tokens.iter().find(|&&token| token as usize >= vocab_size) {
        Some(&token) => Err(DecoderError::TokenOutsideVocabulary { token, vocab_size }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(batch: &Batch, expected: &str) {
        let message = batch.check(10).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn labels_belong_to_the_position_before() {
        let mut batch = Batch::causal(vec![1, 2, 3, 4, 5, 6], 2);
        batch.labels[2] = Batch::IGNORED;
        let found: Vec<_> = batch.predictions().collect();
        assert_eq!(found, [(0, 2), (3, 5), (4, 6)]);
        assert_eq!(batch.num_labels(), 3);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        check_refused(&Batch::causal(Vec::new(), 0), "no tokens");
        check_refused(&Batch::causal(vec![1, 2, 3], 2), "`input_ids` has 3 entries");
        check_refused(&Batch::causal(vec![1, 10], 1), "token 10");
        let batch = Batch { labels: vec![1, 11], ..Batch::causal(vec![1, 2], 1) };
        check_refused(&batch, "label 11");
        let batch = Batch { attention_mask: Some(vec![true]), ..Batch::causal(vec![1, 2], 1) };
        check_refused(&batch, "`attention_mask` has 1 entries");
    }
}
