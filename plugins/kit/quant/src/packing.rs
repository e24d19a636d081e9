//! Matrices in codes on their way into the layouts of other libraries; `packed` has the way back.
//!
//! A line of codes is one stream of bits, the first code in the low bits: so codes of 3 bits, 32 of
//! which fill three words, lie as `AutoGPTQ` packs them.

use rayon::prelude::*;

use crate::packed::{AWQ_PLACES, Packer, WORD};

/// Columns of words that are made together.
const STRIPE: usize = 16;

/// A matrix `[n, k]` as codes, one a byte.
#[derive(Debug, Clone, Copy)]
pub struct CodeMatrix<'a> {
    /// Width of a code: 2, 3, 4 or 8, as the packer can.
    pub bits: u8,
    /// Output features.
    pub n: usize,
    /// Input features.
    pub k: usize,
    /// Codes, `[n, k]`.
    pub codes: &'a [u8],
    /// Scales, `[n, groups]`.
    pub scales: &'a [f32],
    /// Zero points, `[n, groups]`.
    pub zero_points: &'a [u8],
}

impl Packer {
    /// Widths of codes that it has a layout for.
    pub const fn widths(self) -> &'static [u8] {
        match self {
            Self::Gptq { .. } => &[2, 3, 4, 8],
            Self::Awq => &[4],
            Self::Olive => &[2, 4, 8],
        }
    }

    /// What its words need of a matrix `[n, k]` with codes of `bits`: the number of outputs and that
    /// of inputs must be multiples of these.
    pub fn multiples(self, bits: u8) -> [usize; 2] {
        // 32 codes of any width fill whole words; of 3 bits no fewer do.
        let per_word = if bits == 3 { 32 } else { WORD * 8 / usize::from(bits) };
        match self {
            Self::Gptq { .. } => [per_word, per_word],
            Self::Awq => [per_word, 1],
            Self::Olive => [1, 8 / usize::from(bits)],
        }
    }

    /// Shapes of codes, zero points and scales of a matrix `[n, k]` with so many groups in a row, in
    /// words or bytes.
    pub fn shapes_of(self, bits: u8, n: usize, k: usize, groups: usize) -> [[usize; 2]; 3] {
        let words = |codes: usize| codes * usize::from(bits) / (8 * WORD);
        let bytes = |codes: usize| (codes * usize::from(bits)).div_ceil(8);
        match self {
            Self::Gptq { .. } => [[words(k), n], [groups, words(n)], [groups, n]],
            Self::Awq => [[k, words(n)], [groups, words(n)], [groups, n]],
            Self::Olive => [[n, bytes(k)], [n, bytes(groups)], [n, groups]],
        }
    }
}

impl CodeMatrix<'_> {
    /// Groups of a row.
    pub fn groups(&self) -> usize {
        self.scales.len().checked_div(self.n).unwrap_or_default()
    }

    /// The codes as `packer` stores them.
    ///
    /// # Panics
    /// When codes, scales and shape do not fit each other, or the shape is none of
    /// [`Packer::multiples`].
    pub fn packed_codes(&self, packer: Packer) -> Vec<u8> {
        match packer {
            Packer::Gptq { .. } => self.words_across_rows(),
            Packer::Awq => {
                let row_bytes = self.bytes(self.n);
                let mut made = vec![0; self.k * row_bytes];
                made.par_chunks_mut(row_bytes.max(1)).enumerate().for_each(|(column, out)| {
                    for row in 0..self.n {
                        put(self.bits, out, awq_place(row), self.codes[row * self.k + column]);
                    }
                });
                made
            }
            Packer::Olive => lines(self.bits, self.codes, self.k, self.bytes(self.k)),
        }
    }

    /// The zero points as `packer` stores them.
    ///
    /// # Panics
    /// As [`CodeMatrix::packed_codes`].
    pub fn packed_zero_points(&self, packer: Packer) -> Vec<u8> {
        let (groups, last_code) = (self.groups(), last_code(self.bits));
        let (offset, place): (u8, fn(usize) -> usize) = match packer {
            Packer::Olive => {
                return lines(self.bits, self.zero_points, groups, self.bytes(groups));
            }
            Packer::Gptq { zero_offset } => (zero_offset, |row| row),
            Packer::Awq => (0, awq_place),
        };
        let row_bytes = self.bytes(self.n);
        let mut made = vec![0; groups * row_bytes];
        for (group, out) in made.chunks_exact_mut(row_bytes.max(1)).enumerate() {
            for row in 0..self.n {
                let zero_point = self.zero_points[row * groups + group].wrapping_sub(offset);
                put(self.bits, out, place(row), zero_point & last_code);
            }
        }
        made
    }

    /// The scales in the order in which `packer` stores them.
    pub fn packed_scales(&self, packer: Packer) -> Vec<f32> {
        let groups = self.groups();
        match packer {
            Packer::Olive => self.scales.to_vec(),
            Packer::Gptq { .. } | Packer::Awq => {
                let of_group = |group| self.scales.iter().skip(group).step_by(groups).copied();
                (0..groups).flat_map(of_group).collect()
            }
        }
    }

    /// Words of a row's codes, those of all rows side by side: `[k * bits / 32, n]`.
    fn words_across_rows(&self) -> Vec<u8> {
        let row_bytes = self.bytes(self.k);
        let rows = lines(self.bits, self.codes, self.k, row_bytes);
        let mut made = vec![0; rows.len()];
        let stripes = made.par_chunks_mut((STRIPE * self.n * WORD).max(1)).enumerate();
        stripes.for_each(|(stripe, out)| {
            for (row, line) in rows.chunks_exact(row_bytes.max(1)).enumerate() {
                let words = line[stripe * STRIPE * WORD..].chunks_exact(WORD);
                for (word, out) in words.zip(out.chunks_exact_mut(self.n * WORD)) {
                    out[row * WORD..][..WORD].copy_from_slice(word);
                }
            }
        });
        made
    }

    fn bytes(&self, codes: usize) -> usize {
        (codes * usize::from(self.bits)).div_ceil(8)
    }
}

/// Lines of `length` codes, each in `bytes` of its own.
fn lines(bits: u8, codes: &[u8], length: usize, bytes: usize) -> Vec<u8> {
    let mut made = vec![0; codes.len().checked_div(length).unwrap_or_default() * bytes];
    let pairs = made.par_chunks_exact_mut(bytes.max(1)).zip(codes.par_chunks_exact(length.max(1)));
    pairs.for_each(|(out, codes)| {
        for (index, &code) in codes.iter().enumerate() {
            put(bits, out, index, code);
        }
    });
    made
}

/// Puts `code` at `index`, where there has been 0; its bits may go on in the next byte.
fn put(bits: u8, bytes: &mut [u8], index: usize, code: u8) {
    let at = index * usize::from(bits);
    let [low, high] = (u16::from(code) << (at % 8)).to_le_bytes();
    bytes[at / 8] |= low;
    if high != 0 {
        bytes[at / 8 + 1] |= high;
    }
}

const fn awq_place(row: usize) -> usize {
    row / 8 * 8 + AWQ_PLACES[row % 8]
}

const fn last_code(bits: u8) -> u8 {
    u8::MAX >> (8 - bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::{Bits, BlockFormat};
    use crate::packed::PackedMatrix;

    const N: usize = 32;
    const K: usize = 64;
    const GROUPS: usize = 4;

    #[test]
    fn what_is_packed_is_read_back() {
        for (packer, bits) in [
            (Packer::Gptq { zero_offset: 1 }, Bits::Four),
            (Packer::Gptq { zero_offset: 1 }, Bits::Eight),
            (Packer::Gptq { zero_offset: 0 }, Bits::Four),
            (Packer::Awq, Bits::Four),
            (Packer::Olive, Bits::Four),
            (Packer::Olive, Bits::Eight),
        ] {
            let width = u8::try_from(bits.count()).unwrap();
            let (codes, zero_points) = (numbers(N * K, width, 7), numbers(N * GROUPS, width, 5));
            let scales: Vec<f32> = (1..=128_u8).map(f32::from).collect();
            let matrix = of(width, &codes, &scales, &zero_points);
            let packed = matrix.packed_codes(packer);
            let packed_zero_points = matrix.packed_zero_points(packer);
            let read = PackedMatrix {
                packer,
                format: BlockFormat { bits, block_size: K / GROUPS, is_symmetric: false },
                n: N,
                k: K,
                codes: &packed,
                zero_points: Some(&packed_zero_points),
            };
            let plain = lines(width, &codes, K, K * bits.count() / 8);
            assert!(read.qweight(0..N) == plain, "{packer:?}");
            let plain = lines(width, &zero_points, GROUPS, GROUPS * bits.count() / 8);
            assert_eq!(read.zero_points(0..N), Some(plain), "{packer:?}");
            assert_eq!(read.scales(&matrix.packed_scales(packer), 0..N), scales, "{packer:?}");
            let shapes = packer.shapes_of(width, N, K, GROUPS);
            assert_eq!(shapes, packer.shapes(read.format, N, K), "{packer:?}");
        }
    }

    #[test]
    fn codes_of_three_bits_go_on_in_the_next_word() {
        let mut codes = vec![0; 32 * 32];
        (codes[10], codes[11]) = (0b101, 0b111);
        let scales = vec![1.0; 32];
        let matrix = CodeMatrix { n: 32, k: 32, ..of(3, &codes, &scales, &codes[..32]) };
        let words = matrix.packed_codes(Packer::Gptq { zero_offset: 0 });
        let word = |at: usize| u32::from_le_bytes(words[at * 4..][..4].try_into().unwrap());
        // AutoGPTQ: the low two bits of code 10 end the first word, its third begins the second.
        assert_eq!(word(0), 0b01 << 30);
        assert_eq!(word(32), 0b1111);
        assert_eq!(words.len(), 3 * 32 * 4);
        assert_eq!(Packer::Gptq { zero_offset: 0 }.multiples(3), [32, 32]);
    }

    fn of<'a>(bits: u8, codes: &'a [u8], scales: &'a [f32], zeros: &'a [u8]) -> CodeMatrix<'a> {
        CodeMatrix { bits, n: N, k: K, codes, scales, zero_points: zeros }
    }

    fn numbers(count: usize, bits: u8, factor: usize) -> Vec<u8> {
        let number = |index: usize| (index * factor + index / 3).to_le_bytes()[0];
        (0..count).map(|index| number(index) & last_code(bits)).collect()
    }
}
