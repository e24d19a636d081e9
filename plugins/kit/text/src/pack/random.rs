//! Blocks of randomly drawn rows.

use std::ops::Range;

use super::Strategy;
use super::layout::{Blocks, untrain_starts};
use crate::mersenne::Random;
use crate::tokens::Tokens;

/// The strategies `join-random` and `line-by-line-random`.
///
/// The tokens of all rows are kept, one after the other, and drawn from when they are complete.
pub(super) struct Drawn {
    random: Random,
    /// Blocks to draw.
    samples: usize,
    /// Draws for one of them.
    retries: usize,
    /// Tokens after each row when rows are joined; rows stay alone when `None`.
    joiner: Option<Vec<u32>>,
    stream: Tokens,
    /// Where each row starts in the stream.
    starts: Vec<usize>,
}

impl Drawn {
    pub(super) fn new(seed: u64, samples: usize, retries: usize, joiner: Option<Vec<u32>>) -> Self {
        let (stream, starts) = (Tokens::default(), Vec::new());
        Self { random: Random::new(seed), samples, retries, joiner, stream, starts }
    }

    /// A block's tokens from a row on; `None` when they do not fill it.
    fn joined(&mut self, length: usize) -> Option<Range<usize>> {
        (0..self.retries).find_map(|_| {
            let start = self.starts[self.random.below(self.starts.len())];
            (start + length <= self.stream.len()).then_some(start..start + length)
        })
    }

    /// The tokens of a row. As in Olive, a row that is too short is taken all the same when no draw
    /// found a longer one.
    fn line(&mut self, blocks: &Blocks) -> Option<Range<usize>> {
        let mut row = None;
        for _ in 0..self.retries {
            let drawn = self.random.below(self.starts.len());
            let end = self.starts.get(drawn + 1).copied().unwrap_or(self.stream.len());
            let range = self.starts[drawn]..end;
            let is_long = range.len() >= blocks.max_len;
            row = Some(range);
            if is_long || !blocks.drops_short {
                break;
            }
        }
        row.filter(|row| !row.is_empty())
    }

    /// Tokens of each row in `range` of the stream.
    #[expect(clippy::cast_possible_truncation, reason = "a block is shorter than 2^32")]
    fn lengths(&self, range: &Range<usize>) -> Vec<u32> {
        let first = self.starts.partition_point(|&start| start <= range.start);
        let inside = self.starts[first..].iter().take_while(|&&start| start < range.end);
        let mut bounds: Vec<_> = std::iter::once(range.start).chain(inside.copied()).collect();
        bounds.dedup();
        bounds.push(range.end);
        bounds.windows(2).map(|pair| (pair[1] - pair[0]) as u32).collect()
    }
}

impl Strategy for Drawn {
    fn add(&mut self, rows: Vec<Tokens>, blocks: &mut Blocks) {
        for mut row in rows {
            self.starts.push(self.stream.len());
            if let Some(joiner) = &self.joiner {
                self.stream.append(&row);
                self.stream.extend(joiner, row.trained.is_none());
            } else {
                blocks.dropped_tokens += row.len().saturating_sub(blocks.max_len);
                row.truncate(blocks.max_len);
                self.stream.append(&row);
            }
        }
    }

    fn finish(mut self: Box<Self>, blocks: &mut Blocks) {
        if self.starts.is_empty() {
            return;
        }
        let mut used = Vec::new();
        for _ in 0..self.samples {
            let is_joined = self.joiner.is_some();
            let drawn = if is_joined { self.joined(blocks.max_len) } else { self.line(blocks) };
            let Some(range) = drawn else { continue };
            let mut tokens = self.stream.slice(range.clone());
            let lengths = (is_joined && blocks.isolates).then(|| self.lengths(&range));
            if let Some(lengths) = &lengths {
                untrain_starts(&mut tokens, lengths);
            }
            blocks.push(tokens, lengths);
            used.push(range);
        }
        blocks.dropped_tokens += self.stream.len() - covered(used);
    }
}

/// How many places are in any of `ranges`.
fn covered(mut ranges: Vec<Range<usize>>) -> usize {
    ranges.sort_unstable_by_key(|range| range.start);
    let (mut count, mut end) = (0, 0);
    for range in ranges {
        count += range.end.saturating_sub(range.start.max(end));
        end = end.max(range.end);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::covered;

    #[test]
    fn ranges_that_overlap_are_counted_once() {
        assert_eq!(covered(vec![4..6, 0..2, 1..3, 1..2]), 5);
        assert_eq!(covered(Vec::new()), 0);
    }
}
