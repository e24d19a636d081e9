//! Memory for packed matrices: cache lines of words, and buffers that are used again.

#![expect(unsafe_code, reason = "lines are seen as words and as floats")]

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// Words in a cache line.
pub(crate) const LINE: usize = 16;

/// Buffers a thread keeps.
const KEPT: usize = 8;

/// A cache line of words: f32, or pairs of bf16 with the first in the low half.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Line([u32; LINE]);

/// `count` lines of zeros, of which the system hands out memory when they are first written.
pub(crate) fn zeros(count: usize) -> Box<[Line]> {
    // SAFETY: a line of zero bytes is a line of zeros.
    unsafe { Box::new_zeroed_slice(count).assume_init() }
}

/// All words of `lines`.
pub(crate) fn words(lines: &[Line]) -> &[u32] {
    // SAFETY: a line is 16 words without padding.
    unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), lines.len() * LINE) }
}

/// All words of `lines`.
pub(crate) fn words_mut(lines: &mut [Line]) -> &mut [u32] {
    // SAFETY: a line is 16 words without padding.
    unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), lines.len() * LINE) }
}

/// All words of `lines`, as floats.
pub(crate) fn floats_mut(lines: &mut [Line]) -> &mut [f32] {
    // SAFETY: a line is 16 words without padding, and every word is a float.
    unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), lines.len() * LINE) }
}

/// The floats that `words` are the bits of.
pub(crate) fn floats(words: &[u32]) -> &[f32] {
    // SAFETY: both have one size and alignment, and every word is a float.
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), words.len()) }
}

/// Lines of any content, which go back to the thread that drops them.
///
/// A fresh allocation of this size costs more than what is written to it: the system clears it,
/// page by page.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    lines: Box<[Line]>,
    used: usize,
}

thread_local! {
    static FREE: RefCell<Vec<Box<[Line]>>> = const { RefCell::new(Vec::new()) };
}

impl Buffer {
    /// At least `words` words, in whole lines.
    pub(crate) fn of_words(words: usize) -> Self {
        let used = words.div_ceil(LINE);
        let lines = FREE.with_borrow_mut(|free| {
            let fitting = (0..free.len()).filter(|&at| free[at].len() >= used);
            let at = fitting.min_by_key(|&at| free[at].len())?;
            Some(free.swap_remove(at))
        });
        Self { lines: lines.unwrap_or_else(|| zeros(used)), used }
    }

    /// `count` words of it; it grows when it has fewer.
    pub(crate) fn words_mut(&mut self, count: usize) -> &mut [u32] {
        if self.used * LINE < count {
            *self = Self::of_words(count);
        }
        &mut words_mut(self)[..count]
    }

    /// `count` floats of it; it grows when it has fewer.
    pub(crate) fn floats_mut(&mut self, count: usize) -> &mut [f32] {
        self.words_mut(count);
        &mut floats_mut(self)[..count]
    }
}

impl Deref for Buffer {
    type Target = [Line];

    fn deref(&self) -> &[Line] {
        &self.lines[..self.used]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [Line] {
        &mut self.lines[..self.used]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        // A thread that ends drops its buffers for good.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            free.push(lines);
            if free.len() > KEPT {
                let smallest = (0..free.len()).min_by_key(|&at| free[at].len());
                smallest.map(|at| free.swap_remove(at))
            } else {
                None
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_used_again_by_their_thread() {
        let mut first = Buffer::of_words(1000);
        words_mut(&mut first).fill(7);
        let place = first.as_ptr();
        let second = Buffer::of_words(1000);
        assert_ne!(second.as_ptr(), place);
        drop(first);
        let third = Buffer::of_words(900);
        assert_eq!(third.as_ptr(), place);
        assert_eq!(words(&third).len(), 57 * LINE);
    }

    #[test]
    fn a_thread_keeps_its_largest_buffers() {
        let buffers: Vec<_> = (1..=KEPT + 3).map(|lines| Buffer::of_words(lines * LINE)).collect();
        drop(buffers);
        let mut kept = FREE.with_borrow(|free| free.iter().map(|b| b.len()).collect::<Vec<_>>());
        kept.sort_unstable();
        assert_eq!(kept, (4..=KEPT + 3).collect::<Vec<_>>());
    }
}
