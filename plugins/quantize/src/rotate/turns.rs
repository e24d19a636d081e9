//! What becomes of each tensor of a decoder whose residual stream is rotated.
//!
//! With `R` for the stream and `S` for the values of a layer's heads, `g` the weight of the norm
//! before, and `W`, `[n, k]`, of `y = x W^T`:
//!
//! ```text
//! embedding           E R
//! norm                1
//! query, key, gate    W diag(g) R
//! value               S^T W diag(g) R    for each head
//! attention output    R^T W S            for each head
//! down                R^T W
//! logits              W diag(g) R
//! ```
//!
//! An RMS norm without weight of `x R` is that of `x`, rotated; scores of attention do not see
//! values, and their sum over tokens is 1, so that biases of values are rotated as values are.

use std::collections::BTreeMap;
use std::ops::Range;

use olive_kit_checkpoint::{
    Checkpoint, CheckpointError, CheckpointWriter, Decoder, Dtype, Linear, LinearRole, Tensor,
};
use olive_kit_solve::Rotation;
use olive_plugin_api::Diagnostic;

use crate::config::QuaRotConfig;
use crate::error::QuantizeError;

/// Rows of the embedding that are rotated at once.
const ROWS: usize = 4096;
/// The largest 16-bit float.
const LARGEST_F16: f32 = 65_504.0;

/// Rotations of a model.
#[derive(Debug)]
struct Rotations {
    /// Of the residual stream.
    stream: Rotation,
    /// Of the values of each layer's heads.
    values: Vec<Rotation>,
}

/// What becomes of each tensor.
#[derive(Debug)]
pub(crate) struct Turns {
    rotations: Rotations,
    tensors: BTreeMap<String, Turn>,
}

/// What becomes of a tensor that does not stay as it is.
#[derive(Debug)]
enum Turn {
    /// Nothing but rows of the stream.
    Embedding,
    /// A norm that is folded into what follows: so stored that it multiplies by 1.
    Norm(f32),
    /// The weight of a linear layer.
    Weight(Around),
    /// Its bias.
    Bias(Around),
}

/// What is around a linear layer.
#[derive(Debug, Clone)]
struct Around {
    /// Number of the layer; 0 for the layer of logits.
    layer: usize,
    /// Weight of the norm before it, where its inputs are the normed stream.
    norm: Option<Vec<f32>>,
    /// Whether its inputs are values of heads.
    reads_values: bool,
    /// Outputs that are values of heads.
    values: Range<usize>,
    /// Whether its outputs are added to the stream.
    is_added: bool,
}

impl Rotations {
    fn new(decoder: &Decoder, config: &QuaRotConfig) -> Result<Self, QuantizeError> {
        let QuaRotConfig { seed, rotate_mode: mode } = *config;
        let stream = mode.rotation(decoder.hidden_size, seed);
        let values = (1..).take(decoder.num_layers).map(|layer: u64| {
            let values = mode.rotation(decoder.head_dim, seed.wrapping_add(layer));
            values.map_err(QuantizeError::of("self_attn.v_proj"))
        });
        Ok(Self {
            stream: stream.map_err(QuantizeError::of(Decoder::EMBEDDING_MODULE))?,
            values: values.collect::<Result<_, _>>()?,
        })
    }
}

impl Turns {
    /// What becomes of the tensors of `checkpoint`.
    ///
    /// # Errors
    /// When a norm cannot be read, or no Hadamard matrix is known.
    pub(crate) fn new(
        checkpoint: &Checkpoint,
        config: &QuaRotConfig,
    ) -> Result<Self, QuantizeError> {
        let decoder = checkpoint.decoder();
        let offset = if decoder.norm_adds_one { 1.0 } else { 0.0 };
        let mut tensors = BTreeMap::new();
        tensors.insert(Decoder::EMBEDDING.to_owned(), Turn::Embedding);
        let fold = |tensors: &mut BTreeMap<_, _>, name: String| {
            let stored = checkpoint.shaped(&name, &[decoder.hidden_size])?.to_f32();
            let weight: Vec<f32> = stored.iter().map(|stored| stored + offset).collect();
            tensors.insert(name, Turn::Norm(1.0 - offset));
            Ok::<_, CheckpointError>(weight)
        };
        for layer in 0..decoder.num_layers {
            let norms = decoder.norms(layer);
            let attention = fold(&mut tensors, norms.attention)?;
            let mlp = fold(&mut tensors, norms.mlp)?;
            for linear in decoder.linears(layer) {
                let around = Around::of(&linear, layer, decoder, [&attention, &mlp]);
                if let Some(bias) = linear.bias() {
                    tensors.insert(bias, Turn::Bias(around.clone()));
                }
                tensors.insert(linear.weight(), Turn::Weight(around));
            }
        }
        let last = fold(&mut tensors, Decoder::FINAL_NORM.to_owned())?;
        let head = Around { norm: Some(last), ..Around::nothing(0) };
        tensors.insert(Decoder::LM_HEAD.to_owned(), Turn::Weight(head));
        Ok(Self { rotations: Rotations::new(decoder, config)?, tensors })
    }

    /// The same with another rotation of the stream.
    pub(crate) fn with_stream(mut self, stream: Rotation) -> Self {
        self.rotations.stream = stream;
        self
    }

    /// The rotation of the stream.
    pub(crate) fn stream(&self) -> &Rotation {
        &self.rotations.stream
    }

    /// The rotation of the values of a layer's heads.
    pub(crate) fn values(&self, layer: usize) -> &Rotation {
        &self.rotations.values[layer]
    }

    /// Makes a weight `[n, k]` what it is before the stream is rotated: norms folded in, values of
    /// heads rotated. Where no outputs are values, some rows may stand for all.
    pub(crate) fn fold(&self, name: &str, k: usize, weight: &mut [f32]) {
        let Some(Turn::Weight(around)) = self.tensors.get(name) else { return };
        if let Some(norm) = &around.norm {
            multiply_norm(weight, norm);
        }
        self.turn_values(weight, k, around);
    }

    /// Writes what becomes of a tensor, of the values of `source`.
    ///
    /// # Errors
    /// When a file cannot be written, or a value is beyond its type.
    pub(super) fn write(
        &self,
        name: &str,
        source: &Tensor<'_>,
        writer: &mut CheckpointWriter,
    ) -> Result<(), QuantizeError> {
        let Some(turn) = self.tensors.get(name) else {
            return Ok(writer.append_bytes(name, source.bytes)?);
        };
        match turn {
            Turn::Embedding => self.write_rows(name, source, None, writer),
            Turn::Norm(stored) => Ok(writer.append_f32(name, &vec![*stored; source.len()])?),
            Turn::Weight(around) if around.is_of_inputs() => {
                self.write_rows(name, source, around.norm.as_deref(), writer)
            }
            Turn::Weight(around) => {
                let mut weight = source.to_f32().into_owned();
                self.turn(&mut weight, source.row_len(), around);
                append(name, &weight, source.dtype, writer)
            }
            Turn::Bias(around) => {
                let mut bias = source.to_f32().into_owned();
                if around.is_added {
                    self.rotations.stream.rotate_rows(&mut bias);
                }
                let values = &mut bias[around.values.clone()];
                self.rotations.values[around.layer].rotate_rows(values);
                append(name, &bias, source.dtype, writer)
            }
        }
    }

    /// Writes rows that the stream is multiplied with, some at a time.
    fn write_rows(
        &self,
        name: &str,
        source: &Tensor<'_>,
        norm: Option<&[f32]>,
        writer: &mut CheckpointWriter,
    ) -> Result<(), QuantizeError> {
        for first in (0..source.num_rows()).step_by(ROWS) {
            let last = (first + ROWS).min(source.num_rows());
            let mut rows = source.rows_f32(first..last).into_owned();
            self.turn_inputs(&mut rows, norm);
            append(name, &rows, source.dtype, writer)?;
        }
        Ok(())
    }

    fn turn_inputs(&self, rows: &mut [f32], norm: Option<&[f32]>) {
        if let Some(norm) = norm {
            multiply_norm(rows, norm);
        }
        self.rotations.stream.rotate_rows(rows);
    }

    /// Turns a weight `[n, k]`.
    fn turn(&self, weight: &mut [f32], k: usize, around: &Around) {
        if around.norm.is_some() {
            self.turn_inputs(weight, around.norm.as_deref());
        }
        self.turn_values(weight, k, around);
        if around.is_added {
            self.rotations.stream.rotate_columns(weight, k);
        }
    }

    /// Rotates what is of the values of heads in a weight `[n, k]`.
    fn turn_values(&self, weight: &mut [f32], k: usize, around: &Around) {
        let values = &self.rotations.values[around.layer];
        if around.reads_values {
            values.rotate_rows(weight);
        }
        let rows = around.values.start * k..around.values.end * k;
        for head in weight[rows].chunks_exact_mut(values.size() * k) {
            values.rotate_columns(head, k);
        }
    }
}

impl Around {
    fn nothing(layer: usize) -> Self {
        Self { layer, norm: None, reads_values: false, values: 0..0, is_added: false }
    }

    fn of(linear: &Linear, layer: usize, decoder: &Decoder, [attention, mlp]: [&[f32]; 2]) -> Self {
        let (query, kv) = (decoder.query_width(), decoder.kv_width());
        let plain = Self::nothing(layer);
        match linear.role {
            LinearRole::Qkv => {
                Self { norm: Some(attention.to_vec()), values: query + kv..query + 2 * kv, ..plain }
            }
            LinearRole::Query | LinearRole::Key => Self { norm: Some(attention.to_vec()), ..plain },
            LinearRole::Value => Self { norm: Some(attention.to_vec()), values: 0..kv, ..plain },
            LinearRole::Output => Self { reads_values: true, is_added: true, ..plain },
            LinearRole::GateUp | LinearRole::Gate | LinearRole::Up => {
                Self { norm: Some(mlp.to_vec()), ..plain }
            }
            LinearRole::Down => Self { is_added: true, ..plain },
            LinearRole::LmHead => plain,
        }
    }

    /// Whether nothing but its inputs, the normed stream, is rotated.
    fn is_of_inputs(&self) -> bool {
        self.norm.is_some() && self.values.is_empty() && !self.is_added
    }
}

/// Folds the weight of a norm into rows of a linear layer after it.
fn multiply_norm(rows: &mut [f32], norm: &[f32]) {
    for row in rows.chunks_exact_mut(norm.len()) {
        row.iter_mut().zip(norm).for_each(|(weight, of_norm)| *weight *= of_norm);
    }
}

/// Appends values that their type can hold.
fn append(
    name: &str,
    values: &[f32],
    dtype: Dtype,
    writer: &mut CheckpointWriter,
) -> Result<(), QuantizeError> {
    let largest = match dtype {
        Dtype::F16 => LARGEST_F16,
        Dtype::F32 | Dtype::BF16 => f32::MAX,
    };
    if let Some(value) = values.iter().find(|value| value.is_nan() || value.abs() > largest) {
        let message = format!("`{name}` has the weight {value} when it is rotated");
        let problem = Diagnostic::error("not-finite", "", message);
        let help = "look for weights that are infinite or no numbers in the model, and in 16-bit \
                    floats for very large ones";
        return Err(problem.with_help(help).into());
    }
    Ok(writer.append_f32(name, values)?)
}
