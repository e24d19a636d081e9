//! Codes of packed checkpoints in GGUF's blocks, as they are.
//!
//! A block has 32 weights of a row. Its codes are those of the checkpoint, in another order; of scale
//! and zero point become halves:
//!
//! ```text
//! Q4_0    d (code - 8)      d = scale, zero point 8
//! Q4_1    d code + m        d = scale, m = -d * zero point
//! Q8_0    d (code - 128)    d = scale, zero point 128; codes are stored less 128
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use candle_core::quantized::GgmlDType;
use olive_kit_checkpoint::{Dtype, Linear, PackedCheckpoint, PackedLayer, PackedRows};

use super::quantize::{FileType, MAX_F16};
use crate::error::GgufError;
use crate::tensor_type;

/// Weights of a block.
const BLOCK: usize = 32;
/// Rows whose zero points are looked at together.
const ROWS: usize = 4096;

/// What becomes of the codes of a packed matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codes {
    /// They go over as they are, in this type.
    Kept(GgmlDType),
    /// They are dequantized, and the weights stored anew, for this reason.
    Dequantized(&'static str),
}

/// A packed matrix, and what becomes of it.
#[derive(Debug)]
pub(super) struct PackedWeight {
    pub(super) linear: Linear,
    pub(super) layer: PackedLayer,
    pub(super) codes: Codes,
}

impl Codes {
    /// Whether they go over as they are.
    pub fn are_kept(self) -> bool {
        match self {
            Self::Kept(_) => true,
            Self::Dequantized(_) => false,
        }
    }
}

impl fmt::Display for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept(dtype) => write!(f, "codes are kept, as {}", tensor_type::name(*dtype)),
            Self::Dequantized(reason) => write!(f, "dequantized: {reason}"),
        }
    }
}

/// Every packed matrix of a checkpoint, by the name of the tensor in its place.
///
/// # Errors
/// When zero points cannot be read.
pub(super) fn packed_weights(
    checkpoint: &PackedCheckpoint,
    file_type: FileType,
) -> Result<BTreeMap<String, PackedWeight>, GgufError> {
    let decoder = &checkpoint.description().decoder;
    let linears = decoder.all_linears().into_iter().chain([decoder.embedding_table()]);
    let mut weights = BTreeMap::new();
    for linear in linears {
        if let Some(layer) = checkpoint.layer(&linear.name) {
            let codes = fate(checkpoint, &linear, layer, file_type)?;
            let layer = layer.clone();
            weights.insert(linear.weight(), PackedWeight { linear, layer, codes });
        }
    }
    Ok(weights)
}

impl PackedWeight {
    /// The codes of some rows in blocks of `dtype`, row after row.
    ///
    /// # Errors
    /// When halves cannot hold a scale or an offset.
    pub(super) fn blocks(&self, rows: &PackedRows, dtype: GgmlDType) -> Result<Vec<u8>, GgufError> {
        let (k, format) = (self.linear.in_features, self.layer.format);
        let (groups, bits) = (format.blocks(k), format.bits.count());
        let zero_bytes = format.zero_point_bytes(k);
        let codes = rows.qweight.chunks_exact(bits * k / 8);
        let mut bytes = Vec::with_capacity(codes.len() * k / BLOCK * dtype.type_size());
        for (row, codes) in codes.enumerate() {
            for (index, codes) in codes.chunks_exact(bits * BLOCK / 8).enumerate() {
                let group = index * BLOCK / format.block_size;
                let scale = self.half(rows.scales[row * groups + group], &mut bytes)?;
                match dtype {
                    GgmlDType::Q8_0 => bytes.extend(codes.iter().map(|it| it.wrapping_sub(128))),
                    GgmlDType::Q4_1 => {
                        let zero_points = rows.zero_points.as_deref().unwrap_or_default();
                        let zero_point = code(4, &zero_points[row * zero_bytes..], group);
                        self.half(-scale * f32::from(zero_point), &mut bytes)?;
                        bytes.extend(halves_apart(codes));
                    }
                    _ => bytes.extend(halves_apart(codes)),
                }
            }
        }
        Ok(bytes)
    }

    /// The weights of some rows, `[rows, in_features]`.
    pub(super) fn floats(&self, rows: &PackedRows) -> Vec<f32> {
        let (k, format) = (self.linear.in_features, self.layer.format);
        let (groups, bits) = (format.blocks(k), format.bits.count());
        let (row_bytes, zero_bytes) = (bits * k / 8, format.zero_point_bytes(k));
        let of_input: Vec<usize> = (0..k).map(|input| self.group(input)).collect();
        let mut values = Vec::with_capacity(rows.scales.len() / groups.max(1) * k);
        for (row, scales) in rows.scales.chunks_exact(groups).enumerate() {
            let codes = &rows.qweight[row * row_bytes..][..row_bytes];
            let zero_points = rows.zero_points.as_ref().map(|all| &all[row * zero_bytes..]);
            values.extend(of_input.iter().enumerate().map(|(input, &group)| {
                let zero_point = zero_points.map_or(middle(bits), |all| code(bits, all, group));
                let steps = f32::from(code(bits, codes, input)) - f32::from(zero_point);
                steps * scales[group]
            }));
        }
        values
    }

    /// The group of an input.
    fn group(&self, input: usize) -> usize {
        let plain = input / self.layer.format.block_size;
        let order = self.layer.order.as_ref();
        order.map_or(plain, |order| usize::try_from(order[input]).unwrap_or(plain))
    }

    /// Appends a value as a half, and gives what that holds.
    fn half(&self, value: f32, bytes: &mut Vec<u8>) -> Result<f32, GgufError> {
        if value.is_nan() || value.abs() > MAX_F16 {
            let (name, dtype) = (self.linear.name.clone(), "a scale in float16");
            return Err(GgufError::Range { name, value, dtype });
        }
        let start = bytes.len();
        Dtype::F16.encode(&[value], bytes);
        Ok(Dtype::F16.decode(&bytes[start..])[0])
    }
}

/// What becomes of the codes of a layer in a file of this type.
fn fate(
    checkpoint: &PackedCheckpoint,
    linear: &Linear,
    layer: &PackedLayer,
    file_type: FileType,
) -> Result<Codes, GgufError> {
    let (format, bits) = (layer.format, layer.format.bits.count());
    let is_scattered = layer.order.as_ref().is_some_and(|order| {
        let groups = order.iter().map(|group| usize::try_from(*group).ok());
        !groups.eq((0..order.len()).map(|input| Some(input / format.block_size)))
    });
    let reason = match file_type {
        FileType::F32 | FileType::F16 => Some("the file is one of floats"),
        FileType::Q8_0 if bits != 8 => Some("8 bits are asked for, and the codes have fewer"),
        _ if is_scattered => Some("groups are of inputs here and there"),
        _ if !format.block_size.is_multiple_of(BLOCK) => {
            Some("groups are smaller than a block of 32 weights")
        }
        FileType::Q8_0 | FileType::Q4_0 | FileType::Q4_1 | FileType::Q4K => None,
    };
    if let Some(reason) = reason {
        return Ok(Codes::Dequantized(reason));
    }
    Ok(match (bits, is_centered(checkpoint, linear, layer)?) {
        (4, true) => Codes::Kept(GgmlDType::Q4_0),
        (4, false) => Codes::Kept(GgmlDType::Q4_1),
        (_, true) => Codes::Kept(GgmlDType::Q8_0),
        (_, false) => Codes::Dequantized("no type has zero points for codes of 8 bits"),
    })
}

/// Whether the middle of the grid is zero in every group.
fn is_centered(
    checkpoint: &PackedCheckpoint,
    linear: &Linear,
    layer: &PackedLayer,
) -> Result<bool, GgufError> {
    let (k, format) = (linear.in_features, layer.format);
    let (groups, bits, row_bytes) =
        (format.blocks(k), format.bits.count(), format.zero_point_bytes(k));
    for start in (0..linear.out_features).step_by(ROWS) {
        let rows: Range<usize> = start..(start + ROWS).min(linear.out_features);
        let Some(zero_points) = checkpoint.zero_points(linear, rows)? else { return Ok(true) };
        let is_middle =
            |row: &[u8]| (0..groups).all(|group| code(bits, row, group) == middle(bits));
        if !zero_points.chunks_exact(row_bytes).all(is_middle) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Codes of a block in the order of GGUF: of a byte's two, the second is 16 weights after the first,
/// where the checkpoint has neighbors.
fn halves_apart(codes: &[u8]) -> impl Iterator<Item = u8> {
    let half = codes.len();
    (0..half).map(move |at| code(4, codes, at) | code(4, codes, at + half) << 4)
}

fn code(bits: usize, bytes: &[u8], index: usize) -> u8 {
    match bits {
        4 => (bytes[index / 2] >> (index % 2 * 4)) & 15,
        _ => bytes[index],
    }
}

/// Code of zero in a symmetric grid.
fn middle(bits: usize) -> u8 {
    1 << (bits - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbors_of_a_byte_go_sixteen_apart() {
        let codes: Vec<u8> = (0..BLOCK).map(|at| u8::try_from(at % 16).unwrap()).collect();
        let pairs: Vec<u8> = codes.chunks(2).map(|pair| pair[0] | pair[1] << 4).collect();
        let expected: Vec<u8> = (0..16).map(|code| code | code << 4).collect();
        assert_eq!(halves_apart(&pairs).collect::<Vec<_>>(), expected);
    }
}
