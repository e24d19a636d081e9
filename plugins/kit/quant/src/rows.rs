//! Rows on their way from weights to codes, a few at a time.

#![expect(clippy::inline_always, reason = "what is not inlined is compiled for SSE2")]

use std::fmt::Debug;

use pulp::{NullaryFnOnce, Simd, WithSimd};

use crate::error::QuantError;
use crate::grid::BlockFormat;
use crate::scale::ScaleType;

/// Weights of a parallel task: they and their codes fit the cache of a core.
const TASK_VALUES: usize = 1 << 14;

/// What all rows of a matrix share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    /// Columns.
    pub(crate) k: usize,
    pub(crate) format: BlockFormat,
    pub(crate) scale_type: ScaleType,
}

/// Writes the row of a number.
///
/// The public functions take any such function and call ones that are not generic over it: these
/// are compiled with this crate, for speed also where its users are built without optimization.
pub(crate) type Fill<'a> = dyn Fn(usize, &mut [f32]) + Sync + 'a;

/// Blocks of some rows, and what becomes of them; `padded = blocks * block_size`.
#[derive(Debug)]
pub(crate) struct Blocks<'a> {
    pub(crate) layout: Layout,
    /// `[rows, padded]`, values of the scales' type; 0 beyond a row.
    pub(crate) weights: &'a [f32],
    /// `[rows, padded]`
    pub(crate) codes: &'a mut [u8],
    /// `[rows, blocks]`, values of the scales' type.
    pub(crate) scales: &'a mut [f32],
    /// `[rows, blocks]`
    pub(crate) zero_points: &'a mut [u8],
}

/// Makes codes, scales and zero points from weights; it is `#[inline(always)]`, so that it is
/// compiled for the instructions of whoever calls it.
pub(crate) trait Encode: Debug + Copy + Send + Sync {
    fn encode<S: Simd>(self, simd: S, blocks: Blocks<'_>);
}

/// A thread's room for some rows; its parts are those of [`Blocks`].
#[derive(Debug)]
pub(crate) struct Scratch {
    layout: Layout,
    weights: Vec<f32>,
    pub(crate) codes: Vec<u8>,
    pub(crate) scales: Vec<f32>,
    pub(crate) zero_points: Vec<u8>,
}

impl Layout {
    /// Blocks of a row.
    pub(crate) fn blocks(&self) -> usize {
        self.format.blocks(self.k)
    }

    /// Length of a row that is filled up to whole blocks.
    pub(crate) fn padded(&self) -> usize {
        self.blocks() * self.format.block_size
    }

    /// Rows of a task, an even number, so that two of them end with a byte.
    pub(crate) fn task_rows(&self) -> usize {
        (TASK_VALUES / self.padded().max(1)).next_multiple_of(2).max(2)
    }

    /// Weights in the block at `index` of all rows' blocks.
    #[inline(always)]
    pub(crate) fn block_len(&self, index: usize) -> usize {
        let start = index % self.blocks() * self.format.block_size;
        self.format.block_size.min(self.k - start)
    }
}

impl Scratch {
    pub(crate) fn new(layout: Layout) -> Self {
        let rows = layout.task_rows();
        Self {
            layout,
            weights: vec![0.0; rows * layout.padded()],
            codes: vec![0; rows * layout.padded()],
            scales: vec![0.0; rows * layout.blocks()],
            zero_points: vec![0; rows * layout.blocks()],
        }
    }

    /// Fills `count` rows from `first` on and encodes them.
    pub(crate) fn run(
        &mut self,
        (first, count): (usize, usize),
        encode: impl Encode,
        fill: &Fill<'_>,
    ) -> Result<(), QuantError> {
        let (padded, blocks) = (self.layout.padded(), self.layout.blocks());
        self.codes.resize(count * padded, 0);
        self.scales.resize(count * blocks, 0.0);
        self.zero_points.resize(count * blocks, 0);
        let weights = &mut self.weights[..count * padded];
        for (index, row) in weights.chunks_exact_mut(padded).enumerate() {
            fill(first + index, &mut row[..self.layout.k]);
        }
        let is_finite = pulp::Arch::new().dispatch(Round(self.layout.scale_type, weights));
        if !is_finite {
            let row = weights.chunks_exact(padded).position(|row| !are_finite(row));
            return Err(QuantError::NotFinite { row: first + row.unwrap_or_default() });
        }
        pulp::Arch::new().dispatch(Vectorized(
            encode,
            Blocks {
                layout: self.layout,
                weights,
                codes: &mut self.codes,
                scales: &mut self.scales,
                zero_points: &mut self.zero_points,
            },
        ));
        Ok(())
    }
}

/// Rounds values, and says whether all were finite and are.
struct Round<'a>(ScaleType, &'a mut [f32]);

impl NullaryFnOnce for Round<'_> {
    type Output = bool;

    #[inline(always)]
    fn call(self) -> bool {
        let Self(scale_type, values) = self;
        let were_finite = are_finite(values);
        if !were_finite || scale_type == ScaleType::F32 {
            return were_finite;
        }
        scale_type.round_all(values);
        are_finite(values)
    }
}

#[inline(always)]
fn are_finite(values: &[f32]) -> bool {
    values.iter().fold(true, |all, value| all & value.is_finite())
}

/// An encoder compiled for the processor's instructions.
struct Vectorized<'a, E>(E, Blocks<'a>);

impl<E: Encode> WithSimd for Vectorized<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.0.encode(simd, self.1);
    }
}

#[cfg(test)]
mod tests {
    use pulp::Scalar;

    use super::*;
    use crate::gather::Numpy;
    use crate::grid::Bits;
    use crate::k_quant::KQuant;
    use crate::mlas::Mlas;
    use crate::neural_compressor::Rtn;

    #[test]
    fn vectors_of_any_width_give_the_same_bits() {
        for block_size in BlockFormat::BLOCK_SIZES {
            for scale_type in [ScaleType::F32, ScaleType::F16] {
                for (bits, is_symmetric) in [(Bits::Four, true), (Bits::Eight, false)] {
                    let format = BlockFormat { bits, block_size, is_symmetric };
                    let layout = Layout { k: 5 * block_size - 3, format, scale_type };
                    check(layout, Mlas);
                    check(layout, Rtn);
                    check(layout, KQuant { is_sequential: false });
                    check(layout, KQuant { is_sequential: true });
                    check(layout, Numpy { is_signed: true });
                    check(layout, Numpy { is_signed: false });
                }
            }
        }
    }

    /// Vectors of a processor.
    #[derive(Debug, Clone, Copy)]
    enum Width {
        Portable,
        Avx2,
        Widest,
    }

    impl Width {
        /// Runs `work`, with plain code where a processor has no such vectors.
        fn run(self, work: Vectorized<'_, impl Encode>) {
            match self {
                Self::Portable => Simd::vectorize(Scalar, work),
                Self::Widest => pulp::Arch::new().dispatch(work),
                #[cfg(target_arch = "x86_64")]
                Self::Avx2 => match pulp::x86::V3::try_new() {
                    Some(simd) => Simd::vectorize(simd, work),
                    None => Simd::vectorize(Scalar, work),
                },
                #[cfg(not(target_arch = "x86_64"))]
                Self::Avx2 => Simd::vectorize(Scalar, work),
            }
        }
    }

    fn check(layout: Layout, encode: impl Encode) {
        let mut weights = Scratch::new(layout).weights;
        for (index, weight) in weights.iter_mut().enumerate() {
            let value = f32::from(u16::try_from(index * 7919 % 1021).unwrap()) / 512.0 - 1.0;
            let is_padding = index % layout.padded() >= layout.k;
            *weight = if is_padding { 0.0 } else { layout.scale_type.round(value * value * value) };
        }
        let encoded = |width: Width| {
            let mut scratch = Scratch::new(layout);
            width.run(Vectorized(
                encode,
                Blocks {
                    layout,
                    weights: &weights,
                    codes: &mut scratch.codes,
                    scales: &mut scratch.scales,
                    zero_points: &mut scratch.zero_points,
                },
            ));
            let scales: Vec<u32> = scratch.scales.iter().map(|scale| scale.to_bits()).collect();
            (scratch.codes, scales, scratch.zero_points)
        };
        let expected = encoded(Width::Portable);
        for width in [Width::Avx2, Width::Widest] {
            assert!(encoded(width) == expected, "{encode:?} {width:?} {layout:?}");
        }
    }
}
