//! Writing the quantized checkpoint, tensor by tensor in order of computation.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;

use olive_kit_checkpoint::{
    Checkpoint, CheckpointError, DEFAULT_SHARD_BYTES, Decoder, Dtype, PackedSpec, PackedWriter,
    TensorSpec, files,
};
use olive_kit_quant::{CodeMatrix, Packer};
use olive_kit_solve::{Coded, Grid};
use serde_json::Value;

use crate::error::QuantizeError;
use crate::layout::Layout;
use crate::made::Made;
use crate::targets::Targets;

/// Bytes of a tensor that are copied at once.
const PIECE_BYTES: usize = 1 << 24;

/// The weights of the quantized checkpoint, some of which are written.
#[derive(Debug)]
pub(crate) struct Output<'a> {
    checkpoint: &'a Checkpoint,
    writer: PackedWriter,
    waiting: VecDeque<Waiting>,
}

/// A tensor, or the packed layer in its place.
#[derive(Debug)]
struct Waiting {
    tensor: String,
    /// The tensor that has its values.
    source: String,
    /// Grid of its codes.
    grid: Option<Grid>,
}

impl<'a> Output<'a> {
    /// Starts the weights in `dir`; without a layout all stay in floats.
    ///
    /// # Errors
    /// When a tensor is missing, or a file cannot be created.
    pub(crate) fn create(
        dir: &Path,
        checkpoint: &'a Checkpoint,
        targets: &Targets,
        layout: Option<Layout>,
    ) -> Result<Self, CheckpointError> {
        let (mut waiting, mut specs) = (VecDeque::new(), Vec::new());
        let decoder = checkpoint.decoder();
        let mut tensors = decoder.tensors();
        if targets.unties {
            let shape = vec![decoder.vocab_size, decoder.hidden_size];
            tensors.push((Decoder::LM_HEAD.to_owned(), shape));
        }
        for (tensor, shape) in tensors {
            let is_shared = targets.unties && tensor == Decoder::LM_HEAD;
            let source = if is_shared { Decoder::EMBEDDING.to_owned() } else { tensor.clone() };
            let grid = layout.and_then(|_| targets.grid(module(&tensor)?));
            specs.push(match grid {
                None => {
                    let dtype = checkpoint.shaped(&source, &shape)?.dtype;
                    PackedSpec::Plain(TensorSpec::new(&*tensor, dtype, shape))
                }
                Some(grid) => packed(&tensor, [shape[0], shape[1]], grid),
            });
            waiting.push_back(Waiting { tensor, source, grid });
        }
        let packer = layout.map_or(Packer::Olive, |layout| layout.format.packer());
        let scale_type = layout.map_or(Dtype::F32, |layout| layout.scale_type);
        let writer = PackedWriter::create(dir, &specs, packer, scale_type, DEFAULT_SHARD_BYTES)?;
        Ok(Self { checkpoint, writer, waiting })
    }

    /// Writes the next tensors, those whose names begin with `prefix`: what was made of them, or as
    /// they are.
    ///
    /// # Errors
    /// When a tensor cannot be read, or a file written.
    ///
    /// # Panics
    /// When nothing was made of a matrix that is to be quantized.
    pub(crate) fn write(&mut self, prefix: &str, made: &mut Made) -> Result<(), CheckpointError> {
        while let Some(next) = self.waiting.pop_front_if(|next| next.tensor.starts_with(prefix)) {
            self.write_one(&next, made)?;
            self.checkpoint.release(&next.source);
        }
        Ok(())
    }

    /// Type in which the tensor called `name` is stored.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn dtype(&self, name: &str) -> Result<Dtype, CheckpointError> {
        Ok(self.checkpoint.tensor(name)?.dtype)
    }

    /// Ends the weights.
    ///
    /// # Errors
    /// When a file cannot be written.
    ///
    /// # Panics
    /// When a tensor was not written.
    pub(crate) fn finish(self) -> Result<(), CheckpointError> {
        self.writer.finish()
    }

    fn write_one(&mut self, next: &Waiting, made: &mut Made) -> Result<(), CheckpointError> {
        let Waiting { tensor, source, grid } = next;
        if let (Some(grid), Some(path)) = (grid, module(tensor)) {
            let Some(coded) = made.take_codes(path) else {
                unreachable!("every matrix with a grid is quantized before it is written")
            };
            let (matrix, order) = (matrix(&coded), coded.order.as_deref());
            return self.writer.append_layer(path, matrix, grid.is_symmetric, order);
        }
        if let Some(values) = made.take_floats(tensor) {
            return self.writer.append_f32(tensor, &values);
        }
        for piece in self.checkpoint.tensor(source)?.bytes.chunks(PIECE_BYTES) {
            self.writer.append_bytes(tensor, piece)?;
        }
        Ok(())
    }
}

/// Writes `config.json` with what is said of the codes, and copies what belongs to the model.
///
/// # Errors
/// When a file cannot be read or written.
pub(crate) fn write_configs(
    checkpoint: &Checkpoint,
    settings: Option<Value>,
    unties: bool,
    dir: &Path,
) -> Result<(), QuantizeError> {
    let mut config = checkpoint.config().clone();
    if unties {
        config.insert("tie_word_embeddings".into(), false.into());
    }
    if let Some(settings) = settings {
        config.insert("quantization_config".into(), settings);
    }
    let path = dir.join("config.json");
    let written = fs::write(&path, format!("{:#}\n", Value::Object(config)));
    written.map_err(|source| QuantizeError::Write { path, source })?;
    files::copy_companions(checkpoint.dir(), dir)?;
    Ok(())
}

/// The module whose weight a tensor is.
fn module(tensor: &str) -> Option<&str> {
    tensor.strip_suffix(".weight")
}

fn packed(tensor: &str, [n, k]: [usize; 2], grid: Grid) -> PackedSpec {
    PackedSpec::Packed {
        name: module(tensor).unwrap_or(tensor).to_owned(),
        bits: grid.bits,
        n,
        k,
        groups: grid.group_size.map_or(1, |size| k / size),
        is_symmetric: grid.is_symmetric,
    }
}

fn matrix(coded: &Coded) -> CodeMatrix<'_> {
    CodeMatrix {
        bits: coded.grid.bits,
        n: coded.n,
        k: coded.k,
        codes: &coded.codes,
        scales: &coded.scales,
        zero_points: &coded.zero_points,
    }
}
