//! 8-bit codes of a dynamic range: what bitsandbytes keeps optimizer states and the scales of
//! scales in.
//!
//! Dettmers, "8-Bit Approximations for Parallelism in Deep Learning" (2015): in each decade from
//! 1e-7 to 1 the codes are evenly spaced, with twice as many in each decade as in the one below.
//! Blocks of values share a scale, their largest magnitude: Dettmers et al., "8-bit Optimizers via
//! Block-wise Quantization" (2021).
//!
//! A value gets the nearest code, the lower one when it lies midway: bitsandbytes' torch kernel does
//! so, and its CUDA kernel but for some that lie midway. Its CPU kernel (0.50) first rounds to one
//! of 65,536 steps of `-1..=1`, so close to a midpoint it can be a code off, and values below 1.5e-5
//! of the scale become zero.

use std::sync::LazyLock;

/// Neighboring values that share a scale in bitsandbytes' optimizer states and nested scales.
pub const DYNAMIC_BLOCK_SIZE: usize = 256;

/// A set of 256 values in `-1..=1` and the search for the nearest.
#[derive(Debug)]
pub struct DynamicCodes {
    /// Value of each code, ascending.
    values: [f32; 256],
    /// Midpoint between a value and the next; the last value has none above it.
    bounds: [f32; 256],
    /// Code of the least value in each [`cell`].
    first: Box<[u8; CELLS]>,
}

/// Cells of one sign: those of numbers from 2^-25 up to and with 1, and one for all below.
const CELLS_OF_SIGN: usize = 1 + 25 * CELLS_OF_EXPONENT + 1;
const CELLS: usize = 2 * CELLS_OF_SIGN;
const CELLS_OF_EXPONENT: usize = 1 << MANTISSA_BITS;
/// Enough for a cell to hold one midpoint at most.
const MANTISSA_BITS: u32 = 7;
const CELL_SHIFT: u32 = f32::MANTISSA_DIGITS - 1 - MANTISSA_BITS;
/// Leading bits of 2^-25, less one.
const CELL_OFFSET: u32 = ((f32::MAX_EXP as u32 - 1 - 25) << MANTISSA_BITS) - 1;

static SIGNED: LazyLock<DynamicCodes> = LazyLock::new(|| DynamicCodes::new(true));
static UNSIGNED: LazyLock<DynamicCodes> = LazyLock::new(|| DynamicCodes::new(false));

impl DynamicCodes {
    /// Codes for values of either sign: first moments, and scales less their mean.
    pub fn signed() -> &'static Self {
        &SIGNED
    }

    /// Codes for values that are not negative: second moments.
    pub fn unsigned() -> &'static Self {
        &UNSIGNED
    }

    /// Value of each code, ascending.
    pub fn values(&self) -> &[f32; 256] {
        &self.values
    }

    /// Writes the codes nearest to `values` and returns their scale, the largest magnitude.
    ///
    /// The scale of a block with a value that is not finite is NaN, and so is all of the block when
    /// it is read back.
    ///
    /// # Panics
    /// When there are not as many codes as values.
    pub fn quantize_block(&self, values: &[f32], codes: &mut [u8]) -> f32 {
        assert_eq!(values.len(), codes.len(), "a code for each value");
        let scale = absmax(values);
        if !scale.is_finite() {
            codes.fill(0);
            return f32::NAN;
        }
        let reciprocal = 1.0 / scale.max(LEAST_DIVISOR);
        for (code, value) in codes.iter_mut().zip(values) {
            *code = self.nearest((value * reciprocal).clamp(-1.0, 1.0));
        }
        scale
    }

    /// Writes the values that `codes` stand for in a block with `scale`.
    ///
    /// # Panics
    /// When there are not as many values as codes.
    pub fn dequantize_block(&self, codes: &[u8], scale: f32, into: &mut [f32]) {
        assert_eq!(into.len(), codes.len(), "a value for each code");
        for (into, &code) in into.iter_mut().zip(codes) {
            *into = self.values[usize::from(code)] * scale;
        }
    }

    fn new(is_signed: bool) -> Self {
        let values = values(is_signed);
        let bounds = std::array::from_fn(|code| match values.get(code + 1) {
            Some(next) => f32::midpoint(values[code], *next),
            None => f32::INFINITY,
        });
        let mut first = Box::new([0; CELLS]);
        for (index, code) in first.iter_mut().enumerate() {
            let least = least_of_cell(index);
            let rank = bounds.partition_point(|bound| *bound < least);
            *code = u8::try_from(rank).unwrap_or(u8::MAX);
        }
        Self { values, bounds, first }
    }

    /// Code of the value nearest to `value`, which lies in `-1..=1`.
    fn nearest(&self, value: f32) -> u8 {
        let code = self.first[cell(value)];
        code + u8::from(value > self.bounds[usize::from(code)])
    }
}

/// Where numbers of one sign, one exponent and the same first bits of the mantissa are looked up.
fn cell(value: f32) -> usize {
    let bits = value.to_bits();
    let magnitude = (bits & !SIGN) >> CELL_SHIFT;
    let cell = magnitude.saturating_sub(CELL_OFFSET) as usize;
    let sign = (bits >> (u32::BITS - 1)) as usize;
    (cell + sign * CELLS_OF_SIGN).min(CELLS - 1)
}

/// The least value of a cell.
fn least_of_cell(index: usize) -> f32 {
    let start = |cell: usize| match u32::try_from(cell) {
        Ok(cell) if cell > 0 => f32::from_bits((cell + CELL_OFFSET) << CELL_SHIFT),
        _ => 0.0,
    };
    match index.checked_sub(CELLS_OF_SIGN) {
        None => start(index),
        Some(cell) => -start(cell + 1).next_down(),
    }
}

/// bitsandbytes' `create_dynamic_map`, whose steps are f32 tensor operations.
fn values(is_signed: bool) -> [f32; 256] {
    const DECADES: u32 = 7;
    let mut values = vec![0.0, 1.0];
    for decade in 0..DECADES {
        let steps = 1_usize << if is_signed { decade } else { decade + 1 };
        let power = 10.0_f64.powi(decade.cast_signed() + 1 - DECADES.cast_signed());
        #[expect(clippy::cast_possible_truncation, reason = "as bitsandbytes scales its tensor")]
        let power = power as f32;
        for step in 0..steps {
            let mean = f32::midpoint(tenth_to_one(step, steps), tenth_to_one(step + 1, steps));
            values.push(power * mean);
            if is_signed {
                values.push(-power * mean);
            }
        }
    }
    values.sort_by(f32::total_cmp);
    std::array::from_fn(|code| values[code])
}

/// The point at `step` of `steps` even ones from 0.1 to 1, as `torch.linspace` computes it: from
/// the nearer end.
fn tenth_to_one(step: usize, steps: usize) -> f32 {
    let width = (1.0 - 0.1_f32) / steps as f32;
    if step < steps.div_ceil(2) {
        width.mul_add(step as f32, 0.1)
    } else {
        (-width).mul_add((steps - step) as f32, 1.0)
    }
}

const SIGN: u32 = 1 << 31;

/// What a smaller scale is raised to before it divides.
pub(crate) const LEAST_DIVISOR: f32 = 1e-38;

/// Largest magnitude; NaN or infinite when a value is.
///
/// Magnitudes are ordered like their bits, where NaN comes last.
pub(crate) fn absmax(values: &[f32]) -> f32 {
    const LANES: usize = 16;
    let magnitude = |value: &f32| (value.to_bits() & !SIGN).cast_signed();
    let (lanes, rest) = values.as_chunks::<LANES>();
    let mut largest = [0; LANES];
    for values in lanes {
        for (largest, value) in largest.iter_mut().zip(values) {
            *largest = magnitude(value).max(*largest);
        }
    }
    let largest = rest.iter().map(magnitude).chain(largest).fold(0, i32::max);
    f32::from_bits(largest.cast_unsigned())
}
