//! Whole rows, as many as fit into a block.

use std::collections::BTreeMap;

use super::Strategy;
use super::layout::{Blocks, untrain_starts};
use crate::tokens::Tokens;

/// The strategy `pack`: best-fit decreasing bin packing of a batch of rows.
///
/// From the longest row to the shortest, each goes into the block with the least room that it
/// still fits into, or begins a new one. Johnson, "Near-optimal bin packing algorithms" (1973).
pub(super) struct Fit;

impl Strategy for Fit {
    fn add(&mut self, mut rows: Vec<Tokens>, blocks: &mut Blocks) {
        for row in &mut rows {
            let is_short = blocks.drops_short && row.len() < blocks.max_len;
            let kept = if is_short { 0 } else { row.len().min(blocks.max_len) };
            blocks.dropped_tokens += row.len() - kept;
            row.truncate(kept);
        }
        rows.retain(|row| row.len() > 0);
        let lengths: Vec<_> = rows.iter().map(Tokens::len).collect();
        for bin in best_fit(&lengths, blocks.max_len) {
            let samples = bin.iter().map(|&row| &rows[row]);
            if blocks.are_enough() {
                blocks.dropped_tokens += samples.map(Tokens::len).sum::<usize>();
                continue;
            }
            let mut tokens = Tokens::default();
            let mut sample_lengths = Vec::with_capacity(bin.len());
            for sample in samples {
                tokens.append(sample);
                sample_lengths.push(u32::try_from(sample.len()).unwrap_or(u32::MAX));
            }
            untrain_starts(&mut tokens, &sample_lengths);
            blocks.push(tokens, Some(sample_lengths));
        }
    }

    fn finish(self: Box<Self>, _: &mut Blocks) {}
}

/// The items of each bin of `capacity`, both in the order they came in; no length is above it.
fn best_fit(lengths: &[usize], capacity: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<_> = (0..lengths.len()).collect();
    order.sort_by_key(|&item| std::cmp::Reverse(lengths[item]));
    let mut bins: Vec<Vec<usize>> = Vec::new();
    // Bins by the room they have left.
    let mut open: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for item in order {
        let length = lengths[item];
        let room = open.range(length..).next().map(|(&room, _)| room);
        let (bin, room) = match room.and_then(|room| Some((open.get_mut(&room)?.pop()?, room))) {
            Some(found) => found,
            None => {
                bins.push(Vec::new());
                (bins.len() - 1, capacity)
            }
        };
        if open.get(&room).is_some_and(Vec::is_empty) {
            open.remove(&room);
        }
        bins[bin].push(item);
        if room > length {
            open.entry(room - length).or_default().push(bin);
        }
    }
    for bin in &mut bins {
        bin.sort_unstable();
    }
    bins.sort_unstable();
    bins
}

#[cfg(test)]
mod tests {
    use super::best_fit;

    fn check(lengths: &[usize], capacity: usize, expected: &[&[usize]]) {
        assert_eq!(best_fit(lengths, capacity), expected, "{lengths:?} into {capacity}");
    }

    #[test]
    fn each_item_goes_where_the_least_room_is_left() {
        check(&[3, 7, 5, 2, 3], 10, &[&[0, 1], &[2, 3, 4]]);
        check(&[6, 4, 5, 5], 10, &[&[0, 1], &[2, 3]]);
        check(&[10, 1, 10], 10, &[&[0], &[1], &[2]]);
        check(&[], 10, &[]);
    }
}
