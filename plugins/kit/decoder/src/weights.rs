//! Where weights are read from.

use std::ops::Range;

use olive_kit_checkpoint::{
    Checkpoint, CheckpointError, Decoder, PackedCheckpoint, PackedLayer, PackedRows, Tensor,
};
use olive_kit_kernels::{FrozenMatrix, Precision};
use olive_kit_quant::Bits;

/// A checkpoint that weights are read from.
#[derive(Debug, Clone, Copy)]
pub enum Weights<'a> {
    /// In floats, or in bitsandbytes' 4 bits.
    Checkpoint(&'a Checkpoint),
    /// Packed by GPTQ, AWQ or Olive; what is packed becomes floats.
    Packed(&'a PackedCheckpoint),
}

impl<'a> From<&'a Checkpoint> for Weights<'a> {
    fn from(checkpoint: &'a Checkpoint) -> Self {
        Self::Checkpoint(checkpoint)
    }
}

impl<'a> From<&'a PackedCheckpoint> for Weights<'a> {
    fn from(checkpoint: &'a PackedCheckpoint) -> Self {
        Self::Packed(checkpoint)
    }
}

impl<'a> Weights<'a> {
    pub(crate) fn decoder(self) -> &'a Decoder {
        match self {
            Self::Checkpoint(checkpoint) => checkpoint.decoder(),
            Self::Packed(checkpoint) => &checkpoint.description().decoder,
        }
    }

    pub(crate) fn validate(self) -> Result<(), CheckpointError> {
        match self {
            Self::Checkpoint(checkpoint) => checkpoint.validate(),
            Self::Packed(checkpoint) => checkpoint.validate(),
        }
    }

    /// A tensor in floats; its shape is that of the decoder's once all is validated.
    pub(crate) fn tensor(self, name: &str) -> Result<Tensor<'a>, CheckpointError> {
        match self {
            Self::Checkpoint(checkpoint) => checkpoint.tensor(name),
            Self::Packed(checkpoint) => checkpoint.tensor(name),
        }
    }

    pub(crate) fn release(self, name: &str) {
        match self {
            Self::Checkpoint(checkpoint) => checkpoint.release(name),
            Self::Packed(checkpoint) => checkpoint.release(name),
        }
    }
}

/// The weight `[rows, columns]` of all the codes of a packed layer, in floats.
pub(crate) fn unpacked(
    layer: &PackedLayer,
    codes: &PackedRows,
    (rows, columns): (usize, usize),
    precision: Precision,
) -> FrozenMatrix {
    let blocks = layer.format.blocks(columns);
    let bits = layer.format.bits;
    let middle = 1_u8 << (bits.count() - 1);
    // Rows of zero points begin with a byte.
    let zero_points = blocks.next_multiple_of(8 / bits.count());
    let of_row = |row: usize, into: &mut [f32]| {
        for (column, value) in into.iter_mut().enumerate() {
            let block = match &layer.order {
                Some(groups) => usize::try_from(groups[column]).unwrap_or(0),
                None => column / layer.format.block_size,
            };
            let zero_point = match &codes.zero_points {
                Some(bytes) => code(bits, bytes, row * zero_points + block),
                None => middle,
            };
            let steps = f32::from(code(bits, &codes.qweight, row * columns + column))
                - f32::from(zero_point);
            *value = steps * codes.scales[row * blocks + block];
        }
    };
    let fill = |rows: Range<usize>, into: &mut [f32]| {
        rows.zip(into.chunks_mut(columns)).for_each(|(row, into)| of_row(row, into));
    };
    FrozenMatrix::new(rows, columns, precision, fill)
}

fn code(bits: Bits, bytes: &[u8], index: usize) -> u8 {
    match bits {
        Bits::Four => (bytes[index / 2] >> (index % 2 * 4)) & 15,
        Bits::Eight => bytes[index],
    }
}
