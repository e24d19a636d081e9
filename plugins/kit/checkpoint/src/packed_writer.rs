//! Writing a checkpoint whose linear layers are packed as GPTQ, AWQ or Olive pack them.

use std::path::Path;

use olive_kit_quant::{CodeMatrix, Packer};

use crate::checkpoint_writer::CheckpointWriter;
use crate::dtype::Dtype;
use crate::error::CheckpointError;
use crate::packed::PARTS;
use crate::writer::{StoredType, TensorSpec};

/// What is to be written, declared before its values are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackedSpec {
    /// A tensor in floats.
    Plain(TensorSpec),
    /// The weight `[n, k]` of a layer, in codes.
    Packed {
        /// Module path of the layer.
        name: String,
        /// Width of a code.
        bits: u8,
        /// Output features.
        n: usize,
        /// Input features.
        k: usize,
        /// Groups of a row.
        groups: usize,
        /// Whether the middle of the grid is zero everywhere.
        is_symmetric: bool,
    },
}

/// Writes packed layers and tensors in floats in the declared order, each when it is known.
///
/// Peak memory is one layer in the form of its packer, beside what the caller holds.
#[derive(Debug)]
pub struct PackedWriter {
    writer: CheckpointWriter,
    packer: Packer,
}

impl PackedWriter {
    /// Starts the weights of a checkpoint in `dir`, with scales of `scale_type` and no shard larger
    /// than `max_shard_bytes` unless one tensor is.
    ///
    /// # Errors
    /// When `packer` has no layout for a layer, or the first file cannot be created.
    pub fn create(
        dir: &Path,
        specs: &[PackedSpec],
        packer: Packer,
        scale_type: Dtype,
        max_shard_bytes: usize,
    ) -> Result<Self, CheckpointError> {
        let mut tensors = Vec::new();
        for spec in specs {
            tensors.extend(tensors_of(spec, packer, scale_type)?);
        }
        let writer = CheckpointWriter::create(dir, tensors, max_shard_bytes)?;
        Ok(Self { writer, packer })
    }

    /// Appends values in floats, all or the next ones, of the next declared tensor, which must be
    /// `name`.
    ///
    /// # Errors
    /// When a file cannot be written.
    ///
    /// # Panics
    /// As [`CheckpointWriter::append_f32`].
    pub fn append_f32(&mut self, name: &str, values: &[f32]) -> Result<(), CheckpointError> {
        self.writer.append_f32(name, values)
    }

    /// Appends stored bytes, all or the next ones, of the next declared tensor, which must be `name`.
    ///
    /// # Errors
    /// When a file cannot be written.
    ///
    /// # Panics
    /// As [`CheckpointWriter::append_bytes`].
    pub fn append_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), CheckpointError> {
        self.writer.append_bytes(name, bytes)
    }

    /// Appends the next declared layer, which must be `name`; `order` is the group of each input
    /// where these do not follow each other.
    ///
    /// # Errors
    /// When a file cannot be written, or there is an order that the packer has no place for.
    ///
    /// # Panics
    /// When another layer is next, or the matrix is not as it was declared.
    pub fn append_layer(
        &mut self,
        name: &str,
        matrix: CodeMatrix<'_>,
        is_symmetric: bool,
        order: Option<&[u32]>,
    ) -> Result<(), CheckpointError> {
        let packer = self.packer;
        let part = |part: &str| format!("{name}.{part}");
        let [codes, zero_points, scales] = PARTS.map(part);
        self.writer.append_bytes(&codes, &matrix.packed_codes(packer))?;
        if has_zero_points(packer, is_symmetric) {
            self.writer.append_bytes(&zero_points, &matrix.packed_zero_points(packer))?;
        }
        self.writer.append_f32(&scales, &matrix.packed_scales(packer))?;
        match (packer, order) {
            (Packer::Gptq { .. }, order) => {
                let group_size = matrix.k.checked_div(matrix.groups()).unwrap_or(1).max(1);
                let plain = |input: usize| u32::try_from(input / group_size).unwrap_or(u32::MAX);
                let group = |input: usize| order.map_or_else(|| plain(input), |it| it[input]);
                let groups = (0..matrix.k).flat_map(|input| group(input).to_le_bytes());
                self.writer.append_bytes(&part(ORDER), &groups.collect::<Vec<_>>())
            }
            (Packer::Awq | Packer::Olive, None) => Ok(()),
            (Packer::Awq | Packer::Olive, Some(_)) => Err(CheckpointError::Packed {
                name: name.to_owned(),
                problem: "its inputs have an order, which only GPTQ's layout has a place for"
                    .into(),
            }),
        }
    }

    /// Writes the index where there is one.
    ///
    /// # Errors
    /// When a file cannot be written.
    ///
    /// # Panics
    /// When something declared was not appended.
    pub fn finish(self) -> Result<(), CheckpointError> {
        self.writer.finish()
    }
}

/// What tells the group of each input.
const ORDER: &str = "g_idx";

/// GPTQ and AWQ store the zero points of symmetric grids too.
fn has_zero_points(packer: Packer, is_symmetric: bool) -> bool {
    packer != Packer::Olive || !is_symmetric
}

/// The tensors of one declaration, in the order in which they are written.
fn tensors_of(
    spec: &PackedSpec,
    packer: Packer,
    scale_type: Dtype,
) -> Result<Vec<TensorSpec>, CheckpointError> {
    let (name, bits, n, k, groups, is_symmetric) = match spec {
        PackedSpec::Plain(tensor) => return Ok(vec![tensor.clone()]),
        PackedSpec::Packed { name, bits, n, k, groups, is_symmetric } => {
            (name, *bits, *n, *k, *groups, *is_symmetric)
        }
    };
    if let Some(problem) = problem(packer, bits, n, k) {
        return Err(CheckpointError::Packed { name: name.clone(), problem });
    }
    let part = |part: &str| format!("{name}.{part}");
    let dtype = if packer == Packer::Olive { StoredType::U8 } else { StoredType::I32 };
    let shapes = packer.shapes_of(bits, n, k, groups);
    let mut tensors = vec![TensorSpec::new(part(PARTS[0]), dtype, shapes[0])];
    if has_zero_points(packer, is_symmetric) {
        tensors.push(TensorSpec::new(part(PARTS[1]), dtype, shapes[1]));
    }
    tensors.push(TensorSpec::new(part(PARTS[2]), scale_type, shapes[2]));
    if matches!(packer, Packer::Gptq { .. }) {
        tensors.push(TensorSpec::new(part(ORDER), StoredType::I32, [k]));
    }
    Ok(tensors)
}

/// Why `packer` has no layout for a matrix `[n, k]` with codes of `bits`.
fn problem(packer: Packer, bits: u8, n: usize, k: usize) -> Option<String> {
    if !packer.widths().contains(&bits) {
        let widths: Vec<_> = packer.widths().iter().map(u8::to_string).collect();
        let widths = widths.join(", ");
        return Some(format!("its codes have {bits} bits, and this layout is for {widths}"));
    }
    let [of_outputs, of_inputs] = packer.multiples(bits);
    let misfit = [("outputs", n, of_outputs), ("inputs", k, of_inputs)];
    let misfit = misfit.into_iter().find(|(_, count, of)| !count.is_multiple_of(*of));
    misfit.map(|(what, count, of)| format!("its {count} {what} are no multiple of {of}"))
}
