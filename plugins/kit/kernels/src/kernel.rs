//! The innermost loops of products: tiles of a few rows by 32 columns, summed in registers.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use crate::instructions::{Instructions, Words};

/// Columns of a tile, and of a panel of the right side.
pub(crate) const COLUMNS: usize = 32;

/// Rows of the highest tile of any kernel.
pub(crate) const MAX_ROWS: usize = 14;

/// A tile of a product.
///
/// Both sides are packed step by step: a step is one value of the inner size, or two where a word
/// is a pair.
#[derive(Debug)]
pub(crate) struct Tile {
    /// Steps of the inner size.
    pub(crate) steps: usize,
    /// `[steps, rows]` words.
    pub(crate) left: *const u32,
    /// `[steps, COLUMNS]` words, at the start of a cache line.
    pub(crate) right: *const u32,
    /// `[rows, COLUMNS]` values, rows `stride` apart.
    pub(crate) into: *mut f32,
    /// Distance of rows of `into`.
    pub(crate) stride: usize,
    /// Multiplies the product.
    pub(crate) scale: f32,
    /// Whether the product is added to what is there.
    pub(crate) adds: bool,
    /// What the memory is asked for meanwhile, a line at a time; it may point anywhere.
    pub(crate) ahead: *const u32,
    /// Cache lines that are asked for.
    pub(crate) ahead_lines: usize,
}

/// Computes a tile.
///
/// Each value is one sum in order of steps, so that it depends on nothing else of the tile.
///
/// # Safety
/// The pointers are valid for what [`Tile`] says, `into` for writing by this thread alone; the
/// processor has the kernel's instructions.
pub(crate) type TileFn = unsafe fn(&Tile);

/// Kernels of one kind, by the number of rows from one.
pub(crate) fn tiles(instructions: Instructions, words: Words) -> &'static [TileFn] {
    match (instructions, words) {
        #[cfg(target_arch = "x86_64")]
        (Instructions::Avx512Bf16, Words::Bf16Pair) => &avx512::BF16,
        #[cfg(target_arch = "x86_64")]
        (Instructions::Avx512 | Instructions::Avx512Bf16, _) => &avx512::F32,
        #[cfg(target_arch = "x86_64")]
        (Instructions::Avx2, _) => &avx2::F32,
        _ => &portable::F32,
    }
}
