//! Sequences put together into batches.

use std::ops::Range;

use olive_kit_decoder::Batch;

use crate::sequence::Sequence;

/// Tokens that are computed at once when micro-batches are smaller.
///
/// A product with few rows waits for the weights; this many keep the processor busy.
const TOKENS_AT_ONCE: usize = 512;

/// Some sequences as one batch.
#[derive(Debug)]
pub(crate) struct MicroBatch {
    /// Places of the sequences in the data.
    pub(crate) blocks: Vec<usize>,
    /// What is computed.
    pub(crate) batch: Batch,
}

impl MicroBatch {
    /// Tokens that are computed on.
    pub(crate) fn num_tokens(&self) -> usize {
        let mask = self.batch.attention_mask.as_ref();
        mask.map_or(self.batch.input_ids.len(), |mask| mask.iter().filter(|&&used| used).count())
    }
}

/// How sequences are cut into batches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    /// Sequences of a batch.
    pub(crate) batch_size: usize,
    /// Whether small batches are joined until they keep the processor busy.
    pub(crate) joins: bool,
    /// Token of padding.
    pub(crate) pad_token_id: u32,
}

/// The sequences at `places` in batches whose sequences are of about one length.
///
/// Sums over batches do not depend on their order, so sequences are sorted by length first: little
/// of a batch is padding then. A batch holds no more tokens than `batch_size` of the longest
/// sequences, or 512. Sequences without labels are left out.
pub(crate) fn batches(sequences: &[Sequence], places: &[usize], cut: Cut) -> Vec<MicroBatch> {
    let length = |place: usize| sequences[place].used().len();
    let mut places: Vec<_> =
        places.iter().copied().filter(|&place| sequences[place].num_labels() > 0).collect();
    places.sort_by_key(|&place| std::cmp::Reverse(length(place)));
    let mut batches = Vec::new();
    let mut rest = places.as_slice();
    while let Some(&longest) = rest.first() {
        let joined = if cut.joins { TOKENS_AT_ONCE / length(longest).max(1) } else { 0 };
        let count = joined.max(cut.batch_size).max(1).min(rest.len());
        let (blocks, others) = rest.split_at(count);
        let batch = collate(sequences, blocks, cut.pad_token_id);
        batches.push(MicroBatch { blocks: blocks.to_vec(), batch });
        rest = others;
    }
    batches
}

/// The used parts of sequences as a batch, shorter ones padded on the right.
///
/// Padding is token `pad_token_id`, is not attended and has no label. Without padding and without
/// masks of their own the batch has no mask.
fn collate(sequences: &[Sequence], places: &[usize], pad_token_id: u32) -> Batch {
    let rows: Vec<_> = places.iter().map(|&place| Row::of(&sequences[place])).collect();
    let seq = rows.iter().map(Row::len).max().unwrap_or(0);
    let is_masked = rows.iter().any(|row| row.len() < seq || row.has_gaps());
    let has_segments = rows.iter().any(|row| row.sequence.segments.is_some());
    let mut batch = Batch {
        input_ids: Vec::with_capacity(seq * rows.len()),
        attention_mask: is_masked.then(|| Vec::with_capacity(seq * rows.len())),
        labels: Vec::with_capacity(seq * rows.len()),
        segments: has_segments.then(|| Vec::with_capacity(seq * rows.len())),
        batch: rows.len(),
        seq,
    };
    for (end, row) in (1..).map(|number| number * seq).zip(&rows) {
        batch.input_ids.extend(row.tokens());
        batch.input_ids.resize(end, pad_token_id);
        batch.labels.extend(row.labels());
        batch.labels.resize(end, Batch::IGNORED);
        if let Some(mask) = &mut batch.attention_mask {
            mask.extend(row.attended());
            mask.resize(end, false);
        }
        if let Some(segments) = &mut batch.segments {
            segments.extend(row.segments());
            // Padding is a sample of its own, or it would attend to the last one.
            segments.resize(end, segments.last().map_or(0, |last| last + 1));
        }
    }
    batch
}

/// The used part of a sequence.
struct Row<'a> {
    sequence: &'a Sequence,
    used: Range<usize>,
}

impl<'a> Row<'a> {
    fn of(sequence: &'a Sequence) -> Self {
        Self { sequence, used: sequence.used() }
    }

    fn len(&self) -> usize {
        self.used.len()
    }

    fn has_gaps(&self) -> bool {
        self.attended().any(|attended| !attended)
    }

    fn tokens(&self) -> impl Iterator<Item = u32> + '_ {
        self.sequence.input_ids[self.used.clone()].iter().copied()
    }

    fn attended(&self) -> impl Iterator<Item = bool> + '_ {
        let mask = self.sequence.attention_mask.as_ref();
        self.used.clone().map(move |place| mask.is_none_or(|mask| mask[place]))
    }

    fn segments(&self) -> impl Iterator<Item = u32> + '_ {
        let segments = self.sequence.segments.as_ref();
        self.used.clone().map(move |place| segments.map_or(0, |segments| segments[place]))
    }

    fn labels(&self) -> impl Iterator<Item = i64> + '_ {
        let first = self.used.start;
        self.used.clone().map(move |place| {
            let is_label =
                place > first && self.sequence.follows(place) && self.sequence.is_predicted(place);
            if is_label { i64::from(self.sequence.input_ids[place]) } else { Batch::IGNORED }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUT: Cut = Cut { batch_size: 2, joins: false, pad_token_id: 3 };

    #[test]
    fn short_sequences_are_padded_out_of_the_loss() {
        let sequences = [Sequence::causal(vec![8, 9]), Sequence::causal(vec![5, 6, 7])];
        let batches = batches(&sequences, &[0, 1], CUT);
        assert_eq!(batches.len(), 1);
        let batch = &batches[0].batch;
        assert_eq!(batches[0].blocks, [1, 0]);
        assert_eq!(batch.input_ids, [5, 6, 7, 8, 9, 3]);
        assert_eq!(batch.labels, [-100, 6, 7, -100, 9, -100]);
        assert_eq!(batch.attention_mask.as_ref().unwrap(), &[true, true, true, true, true, false]);
        assert_eq!((batch.batch, batch.seq), (2, 3));
    }

    #[test]
    fn sequences_of_one_length_have_no_mask() {
        let padded = Sequence {
            input_ids: vec![8, 9, 0, 0],
            attention_mask: Some(vec![true, true, false, false]),
            label_mask: Some(vec![true, true, false, false]),
            segments: None,
        };
        let batches = batches(&[Sequence::causal(vec![5, 6]), padded], &[0, 1], CUT);
        let batch = &batches[0].batch;
        assert_eq!((batch.batch, batch.seq), (2, 2));
        assert_eq!((&batch.attention_mask, &batch.segments), (&None, &None));
        assert_eq!(batch.input_ids, [5, 6, 8, 9]);
    }

    #[test]
    fn samples_start_without_a_label_and_padding_is_none_of_them() {
        let packed = Sequence {
            segments: Some(vec![0, 0, 1, 1, 1]),
            ..Sequence::causal(vec![1, 2, 3, 4, 5])
        };
        let batches = batches(&[packed, Sequence::causal(vec![6, 7])], &[0, 1], CUT);
        let batch = &batches[0].batch;
        assert_eq!(batch.labels, [-100, 2, -100, 4, 5, -100, 7, -100, -100, -100]);
        assert_eq!(batch.segments.as_ref().unwrap(), &[0, 0, 1, 1, 1, 0, 0, 1, 1, 1]);
        assert_eq!(batch.num_labels(), 4);
    }

    #[test]
    fn lengths_that_are_alike_are_put_together() {
        let lengths = [4, 300, 5, 310, 2, 0, 1];
        let sequences = lengths.map(|length| Sequence::causal(vec![1; length]));
        let cut = |joins| {
            let batches = batches(&sequences, &[0, 1, 2, 3, 4, 5, 6], Cut { joins, ..CUT });
            batches.into_iter().map(|batch| batch.blocks).collect::<Vec<_>>()
        };
        assert_eq!(cut(false), [vec![3, 1], vec![2, 0], vec![4]]);
        assert_eq!(cut(true), [vec![3, 1], vec![2, 0, 4]]);
    }
}
