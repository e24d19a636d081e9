//! Types of stored weights and their conversion from and to `f32`.

use std::borrow::Cow;

use half::f16;
use half::slice::HalfFloatSliceExt;

/// Type of stored weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of a single.
    BF16,
}

impl Dtype {
    /// Every type, in declaration order.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::BF16];

    /// Bytes of one value.
    pub const fn size_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
        }
    }

    /// The name safetensors headers use.
    pub(crate) const fn safetensors_name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
        }
    }

    /// The name `config.json` uses.
    pub const fn config_name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::BF16 => "bfloat16",
        }
    }

    /// The type `config.json` calls `name`.
    pub(crate) fn from_config_name(name: &str) -> Option<Self> {
        let name = name.strip_prefix("torch.").unwrap_or(name);
        Self::ALL.into_iter().find(|dtype| dtype.config_name() == name)
    }

    pub(crate) fn from_safetensors_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dtype| dtype.safetensors_name() == name)
    }

    /// Values of little-endian `bytes` as `f32`; borrowed when they are aligned `f32` already.
    ///
    /// # Panics
    /// When the length is no multiple of [`Dtype::size_bytes`].
    pub fn decode(self, bytes: &[u8]) -> Cow<'_, [f32]> {
        assert_eq!(bytes.len() % self.size_bytes(), 0, "a whole number of {self:?} values");
        if self == Self::F32
            && cfg!(target_endian = "little")
            && let Ok(values) = bytemuck::try_cast_slice(bytes)
        {
            return Cow::Borrowed(values);
        }
        let mut values = vec![0.0; bytes.len() / self.size_bytes()];
        self.decode_into(bytes, &mut values);
        Cow::Owned(values)
    }

    /// Writes the values of little-endian `bytes` into `values`.
    ///
    /// # Panics
    /// When the lengths do not match.
    pub fn decode_into(self, bytes: &[u8], values: &mut [f32]) {
        assert_eq!(bytes.len(), values.len() * self.size_bytes(), "as many bytes as values need");
        match self {
            Self::F32 => {
                for (value, bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
                    *value = f32::from_le_bytes(*bytes);
                }
            }
            Self::F16 => {
                for (value, bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
                    *value = f16_to_f32(u16::from_le_bytes(*bytes));
                }
            }
            Self::BF16 => {
                for (value, bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
                    *value = f32::from_bits(u32::from(u16::from_le_bytes(*bytes)) << 16);
                }
            }
        }
    }

    /// Appends `values` to `bytes`, little-endian, rounded to nearest, ties to even.
    pub fn encode(self, values: &[f32], bytes: &mut Vec<u8>) {
        match self {
            Self::F32 if cfg!(target_endian = "little") => {
                bytes.extend_from_slice(bytemuck::cast_slice(values));
            }
            Self::F32 => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            Self::F16 => encode_f16(values, bytes),
            Self::BF16 => {
                let start = bytes.len();
                bytes.resize(start + 2 * values.len(), 0);
                for (bytes, value) in bytes[start..].as_chunks_mut().0.iter_mut().zip(values) {
                    *bytes = f32_to_bf16(*value).to_le_bytes();
                }
            }
        }
    }
}

/// A half as a single; unlike [`f16::to_f32`] it compiles to vector instructions everywhere.
///
/// The exponent counts from 15 in one and from 127 in the other, so that 2^112 brings numbers to
/// their place, those without a leading 1 too.
fn f16_to_f32(half: u16) -> f32 {
    const EXPONENT: u16 = 0x7c00;
    let (sign, magnitude) = (u32::from(half & 0x8000) << 16, u32::from(half & 0x7fff) << 13);
    let value = f32::from_bits(magnitude) * f32::from_bits((127 + 112) << 23);
    let bits = if half & EXPONENT == EXPONENT { magnitude | 0x7f80_0000 } else { value.to_bits() };
    f32::from_bits(bits | sign)
}

/// The nearest bf16, ties to even; unlike [`half::bf16::from_f32`] it compiles to vector instructions.
fn f32_to_bf16(value: f32) -> u16 {
    const QUIET: u32 = 0x0040_0000;
    let bits = value.to_bits();
    let nearest = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
    let upper = if value.is_nan() { bits | QUIET } else { nearest } >> 16;
    let [low, high, ..] = upper.to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// Appends `values` as halves, some at a time for the vector units.
fn encode_f16(values: &[f32], bytes: &mut Vec<u8>) {
    let mut halves = [f16::ZERO; 256];
    bytes.reserve(2 * values.len());
    for values in values.chunks(halves.len()) {
        let halves = &mut halves[..values.len()];
        halves.convert_from_f32_slice(values);
        bytes.extend(halves.iter().flat_map(|half| half.to_le_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use half::bf16;

    use super::*;

    fn check_round_trip(dtype: Dtype, values: &[f32]) {
        let mut bytes = Vec::new();
        dtype.encode(values, &mut bytes);
        assert_eq!(bytes.len(), values.len() * dtype.size_bytes());
        assert_eq!(dtype.decode(&bytes).as_ref(), values);
    }

    #[test]
    fn exact_values_survive_every_type() {
        let values: Vec<f32> = (-300..300_i16).map(|i| f32::from(i) / 4.0).collect();
        check_round_trip(Dtype::F32, &values);
        check_round_trip(Dtype::F16, &values);
        check_round_trip(Dtype::BF16, &values[200..400]);
    }

    #[test]
    fn every_half_has_its_value() {
        for bits in 0..=u16::MAX {
            let (half, upper) = (f16::from_bits(bits), bf16::from_bits(bits));
            let found = Dtype::F16.decode(&bits.to_le_bytes())[0];
            if half.is_nan() {
                assert!(found.is_nan());
            } else {
                assert_eq!(found.to_bits(), half.to_f32().to_bits(), "{bits:04x}");
            }
            let found = Dtype::BF16.decode(&bits.to_le_bytes())[0];
            assert_eq!(found.is_nan(), upper.is_nan());
            assert!(found.is_nan() || found.to_bits() == upper.to_f32().to_bits(), "{bits:04x}");
        }
    }

    #[test]
    fn singles_are_rounded_as_by_the_library() {
        for upper in 0..=u16::MAX {
            for lower in [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff] {
                let value = f32::from_bits(u32::from(upper) << 16 | lower);
                let mut bytes = Vec::new();
                Dtype::BF16.encode(&[value], &mut bytes);
                assert_eq!(bytes, bf16::from_f32(value).to_le_bytes(), "{value:e}");
            }
        }
    }

    #[test]
    fn ties_round_to_even() {
        let mut bytes = Vec::new();
        Dtype::BF16.encode(&[1.0 + 1.0 / 256.0, 1.0 + 3.0 / 256.0], &mut bytes);
        assert_eq!(Dtype::BF16.decode(&bytes).as_ref(), [1.0, 1.0 + 4.0 / 256.0]);
    }

    #[test]
    fn unaligned_singles_are_copied() {
        let mut bytes = vec![0_u8];
        Dtype::F32.encode(&[1.5, -2.0, 3.25], &mut bytes);
        let start = usize::from(bytes.as_ptr().addr() % 4 == 3) + 1;
        if start == 1 {
            assert_eq!(Dtype::F32.decode(&bytes[1..]).as_ref(), [1.5, -2.0, 3.25]);
        }
    }
}
