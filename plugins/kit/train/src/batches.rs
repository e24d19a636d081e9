//! Sequences put together into batches.

use std::cmp::Reverse;
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

/// How sequences are put into batches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    /// A batch holds about as many tokens as this many of the longest sequences.
    pub(crate) batch_size: usize,
    /// Whether small batches are joined until they keep the processor busy.
    pub(crate) joins: bool,
    /// Whether each sequence is a row of its own, filled up with padding.
    pub(crate) pads: bool,
    /// Token of padding.
    pub(crate) pad_token_id: u32,
}

/// The sequences at `places` in batches, those of about one length together.
///
/// Sums over batches depend neither on their order nor on how they are cut. So sequences of one
/// length become rows of a batch, and others follow each other in one row as samples that do not
/// attend to each other: nothing is computed on padding. Sequences without labels are left out.
pub(crate) fn batches(sequences: &[Sequence], places: &[usize], cut: Cut) -> Vec<MicroBatch> {
    let is_used = |&place: &usize| sequences[place].num_labels() > 0;
    let mut places: Vec<_> = places.iter().copied().filter(is_used).collect();
    places.sort_by_key(|&place| Reverse(sequences[place].used().len()));
    let rows: Vec<_> = places.iter().map(|&place| Row::of(&sequences[place])).collect();
    let longest = rows.first().map_or(0, Row::len);
    let wanted = cut.batch_size.max(1) * longest;
    let limit = if cut.joins { wanted.max(TOKENS_AT_ONCE) } else { wanted };
    let mut batches = Vec::new();
    let (mut rows, mut places) = (rows.as_slice(), places.as_slice());
    while !rows.is_empty() {
        let count = count_within(rows, limit, cut.pads);
        let (these, others) = rows.split_at(count);
        let (blocks, other_places) = places.split_at(count);
        let batch = collate(these, cut);
        batches.push(MicroBatch { blocks: blocks.to_vec(), batch });
        (rows, places) = (others, other_places);
    }
    batches
}

/// How many rows, at least one, hold no more tokens than `limit`.
fn count_within(rows: &[Row<'_>], limit: usize, pads: bool) -> usize {
    let longest = rows.first().map_or(0, Row::len);
    let mut tokens = 0;
    let fit = rows.iter().take_while(|row| {
        tokens += if pads { longest } else { row.len() };
        tokens <= limit
    });
    fit.count().max(1)
}

/// Rows, the longest first, as a batch.
fn collate(rows: &[Row<'_>], cut: Cut) -> Batch {
    let (longest, shortest) = (rows.first().map_or(0, Row::len), rows.last().map_or(0, Row::len));
    if longest == shortest || cut.pads {
        padded(rows, longest, cut.pad_token_id)
    } else {
        packed(rows)
    }
}

/// Sequences as samples of one row.
fn packed(rows: &[Row<'_>]) -> Batch {
    let has_gaps = rows.iter().any(Row::has_gaps);
    let mut segments: Vec<u32> = Vec::new();
    for row in rows {
        let first = segments.last().map_or(0, |last| last + 1);
        segments.extend(row.segments().map(|segment| first + segment));
    }
    Batch {
        input_ids: rows.iter().flat_map(Row::tokens).collect(),
        attention_mask: has_gaps.then(|| rows.iter().flat_map(Row::attended).collect()),
        labels: rows.iter().flat_map(Row::labels).collect(),
        batch: 1,
        seq: segments.len(),
        segments: Some(segments),
    }
}

/// Sequences as rows of `seq` tokens. Padding is not attended and has no label. Without padding and
/// without masks of their own the batch has no mask.
fn padded(rows: &[Row<'_>], seq: usize, pad_token_id: u32) -> Batch {
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
    for (end, row) in (1..).map(|number| number * seq).zip(rows) {
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

    /// Number of the sample of each token, from 0.
    fn segments(&self) -> impl Iterator<Item = u32> + '_ {
        let first = self.used.start;
        self.used.clone().scan(0, move |segment, place| {
            *segment += u32::from(place > first && !self.sequence.follows(place));
            Some(*segment)
        })
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

    const CUT: Cut = Cut { batch_size: 2, joins: false, pads: false, pad_token_id: 3 };
    const PADS: Cut = Cut { pads: true, ..CUT };

    /// The only batch of sequences.
    fn batch(sequences: &[Sequence], cut: Cut) -> Batch {
        let places: Vec<_> = (0..sequences.len()).collect();
        let mut batches = batches(sequences, &places, cut);
        assert_eq!(batches.len(), 1);
        batches.remove(0).batch
    }

    #[test]
    fn sequences_of_several_lengths_follow_each_other() {
        let sequences = [Sequence::causal(vec![8, 9]), Sequence::causal(vec![5, 6, 7])];
        let batch = batch(&sequences, CUT);
        assert_eq!(batch.input_ids, [5, 6, 7, 8, 9]);
        assert_eq!(batch.labels, [-100, 6, 7, -100, 9]);
        assert_eq!(batch.segments.as_ref().unwrap(), &[0, 0, 0, 1, 1]);
        assert_eq!((batch.attention_mask.as_ref(), batch.batch, batch.seq), (None, 1, 5));
        assert_eq!(batch.num_labels(), 3);
    }

    #[test]
    fn short_sequences_are_padded_out_of_the_loss_where_each_is_a_row() {
        let sequences = [Sequence::causal(vec![8, 9]), Sequence::causal(vec![5, 6, 7])];
        let batch = batch(&sequences, PADS);
        assert_eq!(batch.input_ids, [5, 6, 7, 8, 9, 3]);
        assert_eq!(batch.labels, [-100, 6, 7, -100, 9, -100]);
        assert_eq!(batch.attention_mask.as_ref().unwrap(), &[true, true, true, true, true, false]);
        assert_eq!((batch.batch, batch.seq), (2, 3));
    }

    #[test]
    fn sequences_of_one_length_are_rows_without_a_mask() {
        let padded = Sequence {
            input_ids: vec![8, 9, 0, 0],
            attention_mask: Some(vec![true, true, false, false]),
            label_mask: Some(vec![true, true, false, false]),
            segments: None,
        };
        let batch = batch(&[Sequence::causal(vec![5, 6]), padded], CUT);
        assert_eq!((batch.batch, batch.seq), (2, 2));
        assert_eq!((&batch.attention_mask, &batch.segments), (&None, &None));
        assert_eq!(batch.input_ids, [5, 6, 8, 9]);
    }

    #[test]
    fn samples_start_without_a_label_and_padding_is_none_of_them() {
        let packed = Sequence {
            segments: Some(vec![4, 4, 7, 7, 7]),
            ..Sequence::causal(vec![1, 2, 3, 4, 5])
        };
        let sequences = [packed, Sequence::causal(vec![6, 7])];
        let in_rows = batch(&sequences, PADS);
        assert_eq!(in_rows.labels, [-100, 2, -100, 4, 5, -100, 7, -100, -100, -100]);
        assert_eq!(in_rows.segments.as_ref().unwrap(), &[0, 0, 1, 1, 1, 0, 0, 1, 1, 1]);
        let in_one = batch(&sequences, CUT);
        assert_eq!(in_one.labels, [-100, 2, -100, 4, 5, -100, 7]);
        assert_eq!(in_one.segments.as_ref().unwrap(), &[0, 0, 1, 1, 1, 2, 2]);
        assert_eq!((in_rows.num_labels(), in_one.num_labels()), (4, 4));
    }

    #[test]
    fn batches_hold_so_many_of_the_longest_or_what_keeps_the_processor_busy() {
        let lengths = [4, 300, 5, 310, 2, 0, 1];
        let sequences = lengths.map(|length| Sequence::causal(vec![1; length]));
        let cut = |cut| {
            let batches = batches(&sequences, &[0, 1, 2, 3, 4, 5, 6], cut);
            batches.into_iter().map(|batch| batch.blocks).collect::<Vec<_>>()
        };
        assert_eq!(cut(CUT), [vec![3, 1, 2, 0], vec![4]]);
        assert_eq!(cut(PADS), [vec![3, 1], vec![2, 0, 4]]);
        let one = Cut { batch_size: 1, ..CUT };
        assert_eq!(cut(one), [vec![3], vec![1, 2, 0], vec![4]]);
        assert_eq!(cut(Cut { joins: true, ..one }), [vec![3], vec![1, 2, 0, 4]]);
        assert_eq!(cut(Cut { joins: true, ..CUT }), [vec![3, 1, 2, 0], vec![4]]);
    }
}
