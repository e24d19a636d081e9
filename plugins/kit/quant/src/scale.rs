//! Types in which a graph holds a matrix, and so the scales of its blocks.

#![expect(clippy::inline_always, reason = "what is not inlined is compiled for SSE2")]

use std::cmp::Ordering;

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

/// Type of scales, which is that of the matrix before it was quantized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScaleType {
    /// 32-bit float.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of an f32.
    Bf16,
}

impl ScaleType {
    /// Bytes of a scale.
    pub const fn size_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// The nearest value of this type, halves to even; infinite beyond its range.
    #[inline(always)]
    pub fn round(self, value: f32) -> f32 {
        match self {
            Self::F32 => value,
            Self::F16 => f16::from_f32(value).to_f32(),
            Self::Bf16 => bf16::from_f32(value).to_f32(),
        }
    }

    /// The nearest value of this type to one in f64, rounded once.
    pub(crate) fn round_f64(self, value: f64) -> f32 {
        #[expect(clippy::cast_possible_truncation, reason = "that is the rounding")]
        let nearest = value as f32;
        let lost = f64::from(nearest).abs().partial_cmp(&value.abs());
        if self == Self::F32 || lost == Some(Ordering::Equal) || !nearest.is_finite() {
            return self.round(nearest);
        }
        // Cut off, with the last bit set for what is lost, so that the second rounding sees it.
        let is_above = lost == Some(Ordering::Greater);
        self.round(f32::from_bits((nearest.to_bits() - u32::from(is_above)) | 1))
    }

    /// Rounds all of `values`, which are finite.
    #[inline(always)]
    pub(crate) fn round_all(self, values: &mut [f32]) {
        const PIECE: usize = 64;
        for values in values.chunks_mut(PIECE) {
            match self {
                Self::F32 => {}
                Self::F16 => {
                    let halves = &mut [f16::ZERO; PIECE][..values.len()];
                    halves.convert_from_f32_slice(values);
                    halves.convert_to_f32_slice(values);
                }
                Self::Bf16 => {
                    for value in values {
                        *value = nearest_bf16(*value);
                    }
                }
            }
        }
    }

    /// Writes `scales`, values of this type, in little-endian order.
    pub(crate) fn write(self, scales: &[f32], bytes: &mut [u8]) {
        for (bytes, &scale) in bytes.chunks_exact_mut(self.size_bytes()).zip(scales) {
            match self {
                Self::F32 => bytes.copy_from_slice(&scale.to_le_bytes()),
                Self::F16 => bytes.copy_from_slice(&f16::from_f32(scale).to_le_bytes()),
                Self::Bf16 => bytes.copy_from_slice(&bf16::from_f32(scale).to_le_bytes()),
            }
        }
    }

    /// The value at `index` of what [`Self::write`] wrote.
    pub(crate) fn get(self, bytes: &[u8], index: usize) -> f32 {
        match self {
            Self::F32 => {
                let [a, b, c, d] = bytes.as_chunks().0[index];
                f32::from_le_bytes([a, b, c, d])
            }
            Self::F16 => f16::from_le_bytes(bytes.as_chunks().0[index]).to_f32(),
            Self::Bf16 => bf16::from_le_bytes(bytes.as_chunks().0[index]).to_f32(),
        }
    }
}

/// The nearest bf16 to a finite value; unlike [`bf16::from_f32`] it compiles to vector instructions.
#[inline(always)]
fn nearest_bf16(value: f32) -> f32 {
    let bits = value.to_bits();
    let half = 0x7fff + (bits >> 16 & 1);
    f32::from_bits((bits + half) & 0xffff_0000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_beside_the_middle_of_two_is_rounded_once() {
        let middle = 1.0 + 2_f64.powi(-11);
        let above = 1.0 + 2_f32.powi(-10);
        for (value, expected) in [(middle, 1.0), (middle + 1e-12, above), (middle - 1e-12, 1.0)] {
            let found = [value, -value].map(|value| ScaleType::F16.round_f64(value).to_bits());
            assert_eq!(found, [expected.to_bits(), (-expected).to_bits()], "{value:e}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for scale_type in [ScaleType::F32, ScaleType::F16, ScaleType::Bf16] {
            let scales =
                [0.0, -0.0, 1.5, -3e-5, f32::INFINITY].map(|value| scale_type.round(value));
            let mut bytes = vec![0; scales.len() * scale_type.size_bytes()];
            scale_type.write(&scales, &mut bytes);
            for (index, scale) in scales.iter().enumerate() {
                assert_eq!(scale_type.get(&bytes, index).to_bits(), scale.to_bits());
            }
        }
    }
}
