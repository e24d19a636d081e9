//! One stream of all rows, cut into blocks.

use std::collections::VecDeque;

use super::Strategy;
use super::layout::{Blocks, untrain_starts};
use crate::tokens::Tokens;

/// The strategies `join` and `join-sliding-window`.
///
/// After each batch of rows, windows of a block's length are taken `step` tokens apart as far as
/// the stream goes; it goes on after the end of the last window. So sliding windows do not reach
/// over the border of a batch, and `join`, whose step is a block, loses nothing between batches.
pub(super) struct Join {
    joiner: Vec<u32>,
    /// Tokens between the starts of two windows.
    step: usize,
    /// First tokens of a window that have no label.
    context: usize,
    /// Tokens that must follow a window: Olive up to 0.13 stops before one that ends where the
    /// stream does.
    spare: usize,
    stream: Tokens,
    /// Where samples end in the stream, when they do not see each other.
    ends: VecDeque<usize>,
}

impl Join {
    pub(super) fn new(
        joiner: Vec<u32>,
        step: usize,
        context: usize,
        keeps_exact_fit: bool,
    ) -> Self {
        Self {
            joiner,
            step,
            context,
            spare: usize::from(!keeps_exact_fit),
            stream: Tokens::default(),
            ends: VecDeque::new(),
        }
    }

    /// The block of the window at `start`.
    fn window(&self, start: usize, blocks: &Blocks) -> (Tokens, Option<Vec<u32>>) {
        let end = start + blocks.max_len;
        let mut tokens = self.stream.slice(start..end);
        let lengths = blocks.isolates.then(|| self.lengths(start, end));
        if let Some(lengths) = &lengths {
            untrain_starts(&mut tokens, lengths);
        }
        if self.context > 0 {
            let trained = tokens.trained.get_or_insert_with(|| vec![true; blocks.max_len]);
            trained[..self.context].fill(false);
        }
        (tokens, lengths)
    }

    /// Tokens of each sample between `start` and `end`.
    #[expect(clippy::cast_possible_truncation, reason = "a block is shorter than 2^32")]
    fn lengths(&self, start: usize, end: usize) -> Vec<u32> {
        let first = self.ends.partition_point(|&sample| sample <= start);
        let mut lengths = Vec::new();
        let mut from = start;
        for &sample in self.ends.range(first..).take_while(|&&sample| sample < end) {
            lengths.push((sample - from) as u32);
            from = sample;
        }
        lengths.push((end - from) as u32);
        lengths
    }
}

impl Strategy for Join {
    fn add(&mut self, rows: Vec<Tokens>, blocks: &mut Blocks) {
        for row in &rows {
            self.stream.append(row);
            self.stream.extend(&self.joiner, row.trained.is_none());
            if blocks.isolates && self.ends.back() != Some(&self.stream.len()) {
                self.ends.push_back(self.stream.len());
            }
        }
        let (mut start, mut end) = (0, 0);
        while !blocks.are_enough() && start + blocks.max_len + self.spare <= self.stream.len() {
            let (tokens, lengths) = self.window(start, blocks);
            blocks.push(tokens, lengths);
            end = start + blocks.max_len;
            start += self.step;
        }
        self.stream.remove_first(end);
        self.ends.retain(|&sample| sample > end);
        for sample in &mut self.ends {
            *sample -= end;
        }
    }

    fn finish(self: Box<Self>, blocks: &mut Blocks) {
        blocks.dropped_tokens += self.stream.len();
    }
}
