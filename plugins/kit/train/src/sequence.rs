//! Sequences of tokens to train or evaluate on.

use std::ops::Range;

/// One sequence: tokens, and what is said of them only where something is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sequence {
    /// Tokens, `[len]`.
    pub input_ids: Vec<u32>,
    /// Which tokens may be attended, `[len]`; all of them when `None`.
    pub attention_mask: Option<Vec<bool>>,
    /// Which tokens are to be predicted, `[len]`; all of them when `None`.
    ///
    /// The first token of a sequence or sample never is: nothing comes before it.
    pub label_mask: Option<Vec<bool>>,
    /// Number of the sample each token belongs to, `[len]`, when the sequence holds several that
    /// do not attend to each other.
    pub segments: Option<Vec<u32>>,
}

/// What a training runs on.
#[derive(Debug, Clone, Copy)]
pub struct TrainingData<'a> {
    /// Sequences that are trained on.
    pub train: &'a [Sequence],
    /// Sequences the evaluation loss is computed on; none, no evaluation.
    pub eval: &'a [Sequence],
}

impl Sequence {
    /// A sequence in which every token is to be predicted.
    pub fn causal(input_ids: Vec<u32>) -> Self {
        Self { input_ids, ..Self::default() }
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.input_ids.len()
    }

    /// Whether there is no token.
    pub fn is_empty(&self) -> bool {
        self.input_ids.is_empty()
    }

    /// Which tokens have a part in the loss: from the first that is attended to the last that is
    /// predicted. Padding on either side is not among them.
    pub fn used(&self) -> Range<usize> {
        let end = (0..self.len()).rev().find(|&place| self.is_predicted(place));
        let start = self.attention_mask.iter().flatten().position(|&attended| attended);
        let (start, end) = (start.unwrap_or(0), end.map_or(0, |last| last + 1));
        start.min(end)..end
    }

    /// Number of tokens that are predicted.
    pub fn num_labels(&self) -> usize {
        let used = self.used();
        used.clone()
            .skip(1)
            .filter(|&place| self.is_predicted(place) && self.follows(place))
            .count()
    }

    /// Whether the token is to be predicted.
    pub(crate) fn is_predicted(&self, place: usize) -> bool {
        self.label_mask.as_ref().is_none_or(|mask| mask[place])
    }

    /// Whether the token belongs to the sample of the one before.
    pub(crate) fn follows(&self, place: usize) -> bool {
        place > 0
            && self.segments.as_ref().is_none_or(|samples| samples[place] == samples[place - 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(attention: &[u8], labels: &[u8]) -> Sequence {
        let bools = |bits: &[u8]| Some(bits.iter().map(|&bit| bit == 1).collect());
        Sequence {
            input_ids: vec![7; labels.len()],
            attention_mask: bools(attention),
            label_mask: bools(labels),
            segments: None,
        }
    }

    fn check(sequence: &Sequence, used: Range<usize>, num_labels: usize) {
        assert_eq!((sequence.used(), sequence.num_labels()), (used, num_labels), "{sequence:?}");
    }

    #[test]
    fn padding_and_what_comes_after_the_last_label_is_not_used() {
        check(&Sequence::causal(vec![1, 2, 3]), 0..3, 2);
        check(&masked(&[1, 1, 1, 0, 0], &[1, 1, 1, 0, 0]), 0..3, 2);
        check(&masked(&[0, 0, 1, 1, 1], &[0, 0, 1, 1, 1]), 2..5, 2);
        check(&masked(&[1, 1, 1, 1, 1], &[0, 0, 1, 0, 0]), 0..3, 1);
        check(&masked(&[1, 1, 1], &[0, 0, 0]), 0..0, 0);
        check(&Sequence::default(), 0..0, 0);
    }

    #[test]
    fn the_first_token_of_a_sample_is_not_predicted() {
        let mut sequence = Sequence::causal(vec![1, 2, 3, 4, 5]);
        sequence.segments = Some(vec![0, 0, 1, 1, 1]);
        check(&sequence, 0..5, 3);
    }
}
