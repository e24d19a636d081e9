//! In which order an epoch goes through the data.

use olive_kit_adapters::random::Random;

/// Batches per group that is sorted by length, at most, as in transformers' `LengthGroupedSampler`.
const MAX_GROUP_BATCHES: usize = 50;

/// A random order of `count` sequences for one epoch.
pub(crate) fn shuffled(count: usize, seed: u64, epoch: u64) -> Vec<usize> {
    Random::new(seed, epoch).permutation(count)
}

/// A random order for one epoch in which neighbors have about one length.
///
/// The shuffled data is cut into groups of up to 50 batches, of which there are at least four, and
/// each is sorted from long to short. The longest sequence of all comes first, so that memory runs
/// out at once or never.
pub(crate) fn grouped(lengths: &[usize], batch_size: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut order = shuffled(lengths.len(), seed, epoch);
    let group_batches = (lengths.len() / (batch_size * 4)).clamp(1, MAX_GROUP_BATCHES);
    for group in order.chunks_mut(group_batches * batch_size) {
        group.sort_by_key(|&index| std::cmp::Reverse(lengths[index]));
    }
    let longest = (0..order.len()).rev().max_by_key(|&position| lengths[order[position]]);
    if let Some(longest) = longest {
        order.swap(0, longest);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_permutation(order: &[usize]) {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..order.len()));
    }

    #[test]
    fn every_epoch_has_an_order_of_its_own() {
        let order = shuffled(100, 42, 0);
        check_permutation(&order);
        assert_eq!(order, shuffled(100, 42, 0));
        assert_ne!(order, shuffled(100, 42, 1));
        assert_ne!(order, shuffled(100, 43, 0));
    }

    #[test]
    fn groups_are_sorted_and_the_longest_is_first() {
        let lengths: Vec<usize> = (0..64).map(|index| 10 + index * 7 % 64).collect();
        let order = grouped(&lengths, 2, 1, 0);
        check_permutation(&order);
        assert_eq!(lengths[order[0]], 73);
        let falls = order.windows(2).filter(|pair| lengths[pair[0]] >= lengths[pair[1]]).count();
        assert!(falls >= 58, "{falls} of 63 neighbors fall, all but one a group should");
        assert_ne!(order, grouped(&lengths, 2, 1, 1));
    }

    #[test]
    fn few_sequences_are_one_group_each_batch() {
        check_permutation(&grouped(&[3, 9, 4], 8, 1, 0));
        assert_eq!(grouped(&[3, 9, 4], 8, 1, 0)[0], 1);
        assert!(grouped(&[], 8, 1, 0).is_empty());
    }
}
