//! Types of stored weights and their conversion from and to `f32`.

use std::borrow::Cow;

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

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
            Self::F16 => decode_halves(bytes, values, f16::from_le_bytes),
            Self::BF16 => decode_halves(bytes, values, bf16::from_le_bytes),
        }
    }

    /// Appends `values` to `bytes`, little-endian, rounded to nearest, ties to even.
    pub fn encode(self, values: &[f32], bytes: &mut Vec<u8>) {
        match self {
            Self::F32 if cfg!(target_endian = "little") => {
                bytes.extend_from_slice(bytemuck::cast_slice(values));
            }
            Self::F32 => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            Self::F16 => encode_halves(values, bytes, f16::to_le_bytes),
            Self::BF16 => encode_halves(values, bytes, bf16::to_le_bytes),
        }
    }
}

/// Values converted at once: a buffer on the stack, wide enough for the vector units.
const CHUNK: usize = 256;

fn decode_halves<H: Copy + Default>(bytes: &[u8], values: &mut [f32], read: fn([u8; 2]) -> H)
where
    [H]: HalfFloatSliceExt,
{
    let mut halves = [H::default(); CHUNK];
    for (bytes, values) in bytes.chunks(2 * CHUNK).zip(values.chunks_mut(CHUNK)) {
        let halves = &mut halves[..values.len()];
        for (half, bytes) in halves.iter_mut().zip(bytes.as_chunks().0) {
            *half = read(*bytes);
        }
        halves.convert_to_f32_slice(values);
    }
}

fn encode_halves<H: Copy + Default>(values: &[f32], bytes: &mut Vec<u8>, write: fn(H) -> [u8; 2])
where
    [H]: HalfFloatSliceExt,
{
    let mut halves = [H::default(); CHUNK];
    bytes.reserve(2 * values.len());
    for values in values.chunks(CHUNK) {
        let halves = &mut halves[..values.len()];
        halves.convert_from_f32_slice(values);
        bytes.extend(halves.iter().flat_map(|&half| write(half)));
    }
}

#[cfg(test)]
mod tests {
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
