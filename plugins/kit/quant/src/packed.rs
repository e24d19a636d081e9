//! Matrices in codes as other libraries store them, and their way into the layout of `MatMulNBits`;
//! `packing` has the way here.
//!
//! `n` and `k` are output and input features; all words are little-endian, of 32 bits.
//!
//! | library | codes | zero points | scales |
//! | --- | --- | --- | --- |
//! | GPTQ | words `[k / 8, n]`, 8 codes of a column in each | words `[groups, n / 8]` | `[groups, n]` |
//! | AWQ | words `[k, n / 8]`, 8 codes of a row in each | words `[groups, n / 8]` | `[groups, n]` |
//! | Olive | bytes `[n, k / 2]` | bytes `[n, groups / 2]` | `[n, groups]` |
//!
//! With 8 bits a word holds 4 codes and a byte one. The first code of a word is in its low bits, but
//! in AWQ's, whose codes stand in the order 0, 2, 4, 6, 1, 3, 5, 7.

use std::ops::Range;

use rayon::prelude::*;

use crate::grid::BlockFormat;
use crate::pack;

/// Bytes of a word.
pub(crate) const WORD: usize = 4;
/// Where in a word of AWQ each of its 8 codes stands.
pub(crate) const AWQ_PLACES: [usize; 8] = [0, 4, 1, 5, 2, 6, 3, 7];
/// Rows that are made together: their words lie side by side.
const STRIPE: usize = 16;

/// Who packed a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packer {
    /// `AutoGPTQ` and `GPTQModel`.
    Gptq {
        /// What is missing from every stored zero point: 1, or 0 in their second version.
        zero_offset: u8,
    },
    /// `AutoAWQ`, for its matrix kernels (`gemm`); 4 bits only.
    Awq,
    /// Olive.
    Olive,
}

/// A matrix `[n, k]` in codes, as its packer stores it; `k` is a multiple of the block size, and
/// where codes lie in words across rows, `n` of the codes in a word.
#[derive(Debug, Clone, Copy)]
pub struct PackedMatrix<'a> {
    /// Who packed it.
    pub packer: Packer,
    /// Width of codes and size of groups.
    pub format: BlockFormat,
    /// Output features.
    pub n: usize,
    /// Input features.
    pub k: usize,
    /// Codes.
    pub codes: &'a [u8],
    /// Zero points; none where the grid is symmetric.
    pub zero_points: Option<&'a [u8]>,
}

impl Packer {
    /// Shapes of codes, zero points and scales of a matrix `[n, k]` of this format, in words or bytes.
    pub fn shapes(self, format: BlockFormat, n: usize, k: usize) -> [[usize; 2]; 3] {
        let (groups, per_word) = (format.blocks(k), WORD * 8 / format.bits.count());
        match self {
            Self::Gptq { .. } => [[k / per_word, n], [groups, n / per_word], [groups, n]],
            Self::Awq => [[k, n / per_word], [groups, n / per_word], [groups, n]],
            Self::Olive => [[n, format.bits.bytes(k)], [n, format.bits.bytes(groups)], [n, groups]],
        }
    }
}

impl PackedMatrix<'_> {
    /// Codes of some rows as `MatMulNBits` wants them: `[rows, blocks, block bytes]`.
    ///
    /// # Panics
    /// When a row is past the end, or there are fewer codes than the shape says.
    pub fn qweight(&self, rows: Range<usize>) -> Vec<u8> {
        let row_bytes = self.format.bits.bytes(self.k);
        if self.packer == Packer::Olive {
            return self.codes[rows.start * row_bytes..rows.end * row_bytes].to_vec();
        }
        let mut made = vec![0; rows.len() * row_bytes];
        let stripes = made.par_chunks_mut((STRIPE * row_bytes).max(1)).enumerate();
        stripes.for_each(|(index, out)| {
            let start = rows.start + index * STRIPE;
            match self.packer {
                Packer::Awq => self.unravel(start, row_bytes, out),
                Packer::Gptq { .. } | Packer::Olive => self.transpose(start, row_bytes, out),
            }
        });
        made
    }

    /// Zero points of some rows, `[rows, zero point bytes]`.
    ///
    /// # Panics
    /// As [`PackedMatrix::qweight`].
    pub fn zero_points(&self, rows: Range<usize>) -> Option<Vec<u8>> {
        let bytes = self.zero_points?;
        let (bits, groups) = (self.format.bits, self.format.blocks(self.k));
        let row_bytes = bits.bytes(groups);
        let offset = match self.packer {
            Packer::Olive => {
                return Some(bytes[rows.start * row_bytes..][..rows.len() * row_bytes].to_vec());
            }
            Packer::Gptq { zero_offset } => zero_offset,
            Packer::Awq => 0,
        };
        let mut made = vec![0; rows.len() * row_bytes];
        for (row, out) in rows.zip(made.chunks_exact_mut(row_bytes)) {
            for group in 0..groups {
                let zero_point = pack::get(bits, bytes, group * self.n + self.place(row));
                let zero_point = zero_point.wrapping_add(offset) & bits.last_code();
                pack::set(bits, out, group, zero_point);
            }
        }
        Some(made)
    }

    /// `scales` as they are stored, of some rows as `[rows, blocks]`.
    ///
    /// # Panics
    /// When a row is past the end, or there are fewer scales than the shape says.
    pub fn scales(&self, scales: &[f32], rows: Range<usize>) -> Vec<f32> {
        let groups = self.format.blocks(self.k);
        match self.packer {
            Packer::Olive => scales[rows.start * groups..rows.end * groups].to_vec(),
            Packer::Gptq { .. } | Packer::Awq => {
                let of_row = |row| (0..groups).map(move |group| scales[group * self.n + row]);
                rows.flat_map(of_row).collect()
            }
        }
    }

    /// Rows from `start` on, whose words lie across rows: each word is a part of a row already.
    fn transpose(&self, start: usize, row_bytes: usize, out: &mut [u8]) {
        let words = self.codes.chunks_exact(self.n * WORD);
        for (index, words) in words.enumerate() {
            for (row, out) in out.chunks_exact_mut(row_bytes).enumerate() {
                out[index * WORD..][..WORD].copy_from_slice(&words[(start + row) * WORD..][..WORD]);
            }
        }
    }

    /// Rows from `start` on, of whose codes each is in another word.
    fn unravel(&self, start: usize, row_bytes: usize, out: &mut [u8]) {
        let bits = self.format.bits;
        let columns = self.codes.chunks_exact(bits.bytes(self.n));
        for (column, codes) in columns.enumerate() {
            for (row, out) in out.chunks_exact_mut(row_bytes).enumerate() {
                pack::set(bits, out, column, pack::get(bits, codes, self.place(start + row)));
            }
        }
    }

    /// Which of the codes that lie across rows is that of `row`.
    fn place(&self, row: usize) -> usize {
        match self.packer {
            Packer::Awq => row / 8 * 8 + AWQ_PLACES[row % 8],
            Packer::Gptq { .. } | Packer::Olive => row,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Bits;

    const N: usize = 24;
    const K: usize = 32;

    #[test]
    fn every_packer_gives_the_same_rows() {
        let place = |index: usize| [0, 2, 4, 6, 1, 3, 5, 7][index % 8] + index / 8 * 8;
        let gptq = Packer::Gptq { zero_offset: 1 };
        // Where each packer has its codes, first to last, and its zero points less what it adds.
        check(gptq, Bits::Four, &|at| (at / 8 % N, at / 8 / N * 8 + at % 8), &|at| at, 1);
        check(gptq, Bits::Eight, &|at| (at / 4 % N, at / 4 / N * 4 + at % 4), &|at| at, 1);
        check(Packer::Awq, Bits::Four, &|at| (place(at % N), at / N), &place, 0);
        check(Packer::Olive, Bits::Four, &|at| (at / K, at % K), &|at| at, 0);
        check(Packer::Olive, Bits::Eight, &|at| (at / K, at % K), &|at| at, 0);
    }

    /// Packs a matrix by `cell`, the row and column of the code at a place, and reads it.
    fn check(
        packer: Packer,
        bits: Bits,
        cell: &dyn Fn(usize) -> (usize, usize),
        row_of_zero_point: &dyn Fn(usize) -> usize,
        offset: u8,
    ) {
        let format = BlockFormat { bits, block_size: 16, is_symmetric: false };
        let groups = K / 16;
        let low = |number: usize| number.to_le_bytes()[0] & bits.last_code();
        let code = |row: usize, column: usize| low(row * 37 + column * 11);
        let zero_point = |row: usize, group: usize| low(row * 5 + group);
        let mut codes = vec![0; bits.bytes(N * K)];
        for at in 0..N * K {
            let (row, column) = cell(at);
            pack::set(bits, &mut codes, at, code(row, column));
        }
        let mut zero_points = vec![0; bits.bytes(N * groups)];
        for at in 0..N * groups {
            let (row, group) = match packer {
                Packer::Olive => (at / groups, at % groups),
                Packer::Gptq { .. } | Packer::Awq => (row_of_zero_point(at % N), at / N),
            };
            let stored = zero_point(row, group).wrapping_sub(offset) & bits.last_code();
            pack::set(bits, &mut zero_points, at, stored);
        }
        let zero_points = Some(&zero_points[..]);
        let matrix = PackedMatrix { packer, format, n: N, k: K, codes: &codes, zero_points };
        let rows = 3..22;
        let (found, found_zero_points) =
            (matrix.qweight(rows.clone()), matrix.zero_points(rows.clone()).unwrap());
        for (index, row) in rows.enumerate() {
            for column in 0..K {
                let found = pack::get(bits, &found, index * K + column);
                assert_eq!(found, code(row, column), "{packer:?} {row} {column}");
            }
            for group in 0..groups {
                let found = pack::get(bits, &found_zero_points, index * groups + group);
                assert_eq!(found, zero_point(row, group), "{packer:?} {row} {group}");
            }
        }
    }

    #[test]
    fn scales_are_those_of_rows() {
        let format = BlockFormat { bits: Bits::Four, block_size: 16, is_symmetric: true };
        let of =
            |packer| PackedMatrix { packer, format, n: 3, k: 32, codes: &[], zero_points: None };
        let scales = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(of(Packer::Awq).scales(&scales, 1..3), [2.0, 5.0, 3.0, 6.0]);
        assert_eq!(of(Packer::Olive).scales(&scales, 1..3), [3.0, 4.0, 5.0, 6.0]);
        assert_eq!(of(Packer::Olive).zero_points(1..3), None);
    }
}
