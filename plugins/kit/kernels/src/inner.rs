//! How the inner size of a product is cut into blocks.

use std::ops::Range;

use crate::instructions::Words;

/// Most words of a lane in a block: a panel of 32 lanes then fills an eighth of a level 2 cache.
const BLOCK_WORDS: usize = 1024;

/// What blocks are a multiple of: frozen weights lie in panels of as many rows.
const MULTIPLE: usize = 32;

/// An inner size in blocks.
///
/// Sums are made block by block, so that this alone decides how a product is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inner {
    size: usize,
    block: usize,
    words: Words,
}

impl Inner {
    /// `size` in blocks of nearly one size.
    pub(crate) fn new(size: usize, words: Words) -> Self {
        let blocks = size.div_ceil(BLOCK_WORDS * words.values()).max(1);
        let block = size.div_ceil(blocks).next_multiple_of(MULTIPLE).max(MULTIPLE);
        Self { size, block, words }
    }

    /// Number of values.
    pub(crate) fn size(self) -> usize {
        self.size
    }

    /// How values lie in words.
    pub(crate) fn words(self) -> Words {
        self.words
    }

    /// Number of blocks.
    pub(crate) fn num_blocks(self) -> usize {
        self.size.div_ceil(self.block)
    }

    /// Indices of a block; none behind the last.
    pub(crate) fn block(self, block: usize) -> Range<usize> {
        (block * self.block).min(self.size)..((block + 1) * self.block).min(self.size)
    }

    /// Steps of a range that begins with a block.
    pub(crate) fn steps(self, range: &Range<usize>) -> usize {
        range.len().div_ceil(self.words.values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_follow_each_other_and_begin_with_a_panel() {
        for words in [Words::F32, Words::Bf16Pair] {
            for size in [0, 1, 31, 32, 576, 1023, 1024, 1025, 1536, 2049, 49_153] {
                let inner = Inner::new(size, words);
                let mut end = 0;
                for block in 0..inner.num_blocks() {
                    let range = inner.block(block);
                    assert_eq!((range.start, range.start % MULTIPLE), (end, 0), "{size}");
                    assert!(!range.is_empty() && inner.steps(&range) <= BLOCK_WORDS, "{size}");
                    end = range.end;
                }
                assert_eq!(end, size);
                assert!(inner.block(inner.num_blocks()).is_empty(), "{size}");
            }
        }
    }
}
