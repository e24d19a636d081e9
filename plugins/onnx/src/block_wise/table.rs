//! Tables for `GatherBlockQuantized`, quantized while they are written.
//!
//! Arithmetic is numpy's: each step is rounded to the type of the table, halves to even.

use std::collections::BTreeSet;
use std::sync::Arc;

use half::f16;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::proto::{NodeProto, TensorProto};
use olive_kit_onnx::{MakeWeight, Model, Node, OnnxError, TensorData};
use olive_kit_quant::BlockFormat;

use super::matrix::labeled;
use crate::numbers::{dtype, float_bytes, floats};

/// The lookup `node` with a quantized table, which is added to `model`; `None` when it has no
/// constant table of 32-bit or 16-bit floats.
///
/// Blocks lie along the last axis. `made` holds names of weights that other nodes have asked for.
pub(super) fn quantized(
    node: &NodeProto,
    model: &mut Model,
    format: BlockFormat,
    made: &mut BTreeSet<String>,
) -> Option<NodeProto> {
    let name = node.input_at(0);
    let table = model.weight(name).filter(|table| table.dims.len() > 1).cloned()?;
    if !matches!(dtype(&table), DataType::Float | DataType::Float16) {
        return None;
    }
    let bits = format.bits.count();
    let names = [format!("{name}_Q{bits}"), format!("{name}_scales"), format!("{name}_zero_point")];
    let count = if format.is_symmetric { 2 } else { 3 };
    if made.insert(names[0].clone()) {
        add(model, &table, format, &names[..count]);
    }
    let lookup = Node::new("GatherBlockQuantized", labeled(node.name(), bits));
    let [codes, others] = [&names[..1], &names[1..count]];
    let inputs = [codes, &[node.input_at(1).to_owned()], others].concat();
    let mut lookup = lookup.domain(Node::MICROSOFT).inputs(inputs);
    let axis = i64::try_from(table.dims.len() - 1).unwrap_or(i64::MAX);
    let whole = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
    for (name, value) in [
        ("gather_axis", node.int("axis").unwrap_or(0)),
        ("quantize_axis", axis),
        ("block_size", whole(format.block_size)),
        ("bits", whole(bits)),
    ] {
        lookup = lookup.attribute(name, value);
    }
    Some(lookup.outputs(node.output.iter().cloned()).into_proto())
}

/// Adds codes, scales and zero points, as far as there are names.
fn add(model: &mut Model, table: &TensorProto, format: BlockFormat, names: &[String]) {
    let Some((&width, outer)) = table.dims.split_last() else { return };
    let width = usize::try_from(width).unwrap_or(0);
    let bits = format.bits.count();
    let blocks = width.div_ceil(format.block_size);
    let packed = |count: usize| (count * bits).div_ceil(8);
    let parts =
        [(Part::Codes, packed(width)), (Part::Scales, blocks), (Part::ZeroPoints, packed(blocks))];
    for ((part, last), name) in parts.into_iter().zip(names) {
        let kind = if part == Part::Scales { dtype(table) } else { DataType::Uint8 };
        let dims = [outer, &[i64::try_from(last).unwrap_or(i64::MAX)]].concat();
        let data = model.data().clone();
        let made = PartOf { table: table.clone(), data, format, width, part };
        model.add_made(name, kind, &dims, Arc::new(made));
    }
}

/// What of a quantized table is one weight of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Codes,
    Scales,
    ZeroPoints,
}

#[derive(Debug)]
struct PartOf {
    table: TensorProto,
    data: TensorData,
    format: BlockFormat,
    width: usize,
    part: Part,
}

impl MakeWeight for PartOf {
    fn make(&self, piece: &mut dyn FnMut(&[u8]) -> Result<(), OnnxError>) -> Result<(), OnnxError> {
        let bytes = self.data.bytes(&self.table)?;
        let kind = dtype(&self.table);
        let size = if kind == DataType::Float { 4 } else { 2 };
        let bits = self.format.bits.count();
        for row in bytes.chunks_exact((self.width * size).max(1)) {
            let values = floats(row, kind).unwrap_or_default();
            let blocks = values.chunks(self.format.block_size);
            let grids: Vec<Grid> =
                blocks.clone().map(|block| Grid::of(block, self.format, kind)).collect();
            match self.part {
                Part::Codes => {
                    let codes = blocks.zip(&grids).flat_map(|(block, grid)| {
                        block.iter().map(|&value| grid.code(value)).collect::<Vec<_>>()
                    });
                    piece(&pack(&codes.collect::<Vec<_>>(), bits))?;
                }
                Part::Scales => {
                    let scales: Vec<f64> = grids.iter().map(|grid| grid.scale).collect();
                    piece(&float_bytes(&scales, kind).unwrap_or_default())?;
                }
                Part::ZeroPoints => {
                    let zeros: Vec<u8> = grids.iter().map(|grid| to_code(grid.zero)).collect();
                    piece(&pack(&zeros, bits))?;
                }
            }
        }
        self.data.release(&bytes);
        Ok(())
    }
}

/// Scale and zero point of a block, as numbers of the type of the table.
struct Grid {
    scale: f64,
    zero: f64,
    format: BlockFormat,
    kind: DataType,
}

impl Grid {
    fn of(block: &[f64], format: BlockFormat, kind: DataType) -> Self {
        let middle = middle(format);
        let max = block.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let min = block.iter().copied().fold(f64::INFINITY, f64::min);
        if format.is_symmetric {
            let largest = if max.abs() > min.abs() { max } else { min };
            let scale = rounded(largest / -middle, kind);
            return Self { scale, zero: middle, format, kind };
        }
        let (min, max) = (min.min(0.0), max.max(0.0));
        let last = 2.0 * middle - 1.0;
        let scale = rounded(rounded(max - min, kind) / last, kind);
        let zero = if scale == 0.0 {
            middle
        } else {
            rounded(-min / scale, kind).round_ties_even().clamp(0.0, last)
        };
        Self { scale, zero, format, kind }
    }

    fn code(&self, value: f64) -> u8 {
        let middle = middle(self.format);
        if self.scale == 0.0 {
            return to_code(middle);
        }
        let step = rounded(value / self.scale, self.kind);
        if self.format.is_symmetric {
            return to_code(step.round_ties_even().clamp(-middle, middle - 1.0) + middle);
        }
        let step = rounded(step + self.zero, self.kind);
        to_code(step.round_ties_even().clamp(0.0, 2.0 * middle - 1.0))
    }
}

/// The middle of the codes: 8 or 128.
fn middle(format: BlockFormat) -> f64 {
    if format.bits.count() == 4 { 8.0 } else { 128.0 }
}

/// `value`, rounded to the type of the table.
#[expect(clippy::cast_possible_truncation, reason = "rounding to the type is what is asked for")]
fn rounded(value: f64, kind: DataType) -> f64 {
    if kind == DataType::Float { f64::from(value as f32) } else { f16::from_f64(value).to_f64() }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "codes are whole numbers from 0 to 255"
)]
fn to_code(value: f64) -> u8 {
    value as u8
}

/// Codes of a row, two a byte when they are of 4 bits; the earlier is in the low bits.
fn pack(codes: &[u8], bits: usize) -> Vec<u8> {
    if bits == 8 {
        return codes.to_vec();
    }
    codes.chunks(2).map(|pair| pair[0] | pair.get(1).map_or(0, |&high| high << 4)).collect()
}
