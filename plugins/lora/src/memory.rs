//! How much memory a training needs, from shapes alone.

use std::fmt;

use olive_kit_adapters::{Adapters, Method};
use olive_kit_checkpoint::{Decoder, LinearRole};
use olive_kit_decoder::{Precision, Storage};
use olive_kit_train::{OptimizerSettings, TrainingSettings};

/// Bytes of a 32-bit float, in which all but weights is held.
const FLOAT: u64 = 4;

/// Resident memory of a worker with its plugin and a tokenizer.
const PROGRAM: u64 = 32 << 20;

/// Logits that exist at a time.
const LOGITS: u64 = 1 << 23;

/// Tokens that are computed at once when micro-batches are smaller, as the trainer does.
const TOKENS_AT_ONCE: usize = 512;

/// Memory of a training by what it is for, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// The program itself.
    pub program: u64,
    /// Frozen weights, each held once.
    pub weights: u64,
    /// The adapter, its gradients, and what the optimizer remembers.
    pub adapter: u64,
    /// What forward passes keep for backward passes, and room to compute in.
    pub activations: u64,
    /// Blocks of tokens.
    pub data: u64,
}

impl Memory {
    /// All of it.
    pub const fn total(&self) -> u64 {
        self.program + self.weights + self.adapter + self.activations + self.data
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { weights, adapter, activations, .. } = *self;
        let rest = self.program + self.data;
        write!(
            f,
            "{}: {} weights, {} adapter, {} activations, {} the rest",
            told(self.total()),
            told(weights),
            told(adapter),
            told(activations),
            told(rest)
        )
    }
}

/// Bytes as people say them.
pub(crate) fn told(bytes: u64) -> String {
    const MIB: f64 = 1_048_576.0;
    let mib = bytes as f64 / MIB;
    if mib < 1024.0 { format!("{mib:.0} MiB") } else { format!("{:.2} GiB", mib / 1024.0) }
}

/// What an estimate is of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need<'a> {
    /// How weights are held.
    pub(crate) storage: Storage,
    /// The training.
    pub(crate) settings: &'a TrainingSettings,
    /// What is trained.
    pub(crate) adapters: &'a Adapters,
    /// Tokens of the longest block.
    pub(crate) longest: usize,
    /// Tokens of all blocks.
    pub(crate) num_tokens: usize,
    /// Whether the evaluation loss is computed.
    pub(crate) evaluates: bool,
    /// Processes that train together; the memory is that of one.
    pub(crate) ranks: usize,
}

/// The memory a training of `decoder` needs.
pub(crate) fn estimate(decoder: &Decoder, need: &Need<'_>) -> Memory {
    Memory {
        program: PROGRAM,
        weights: weights(decoder, need.storage),
        adapter: adapter(need),
        activations: activations(decoder, need),
        data: FLOAT * need.num_tokens as u64,
    }
}

fn weights(decoder: &Decoder, storage: Storage) -> u64 {
    let dense = match storage.precision {
        Precision::F32 => 4.0,
        Precision::Bf16 => 2.0,
    };
    let linear = storage.four_bit.map_or(dense, |format| {
        let scale = if format.double_quantized { 1.0 + 4.0 / 256.0 } else { 4.0 };
        0.5 + scale / format.block_size as f64
    });
    let linears = decoder.linears_of_layers();
    let linears: usize = linears.map(|linear| linear.in_features * linear.out_features).sum();
    let tables = if decoder.ties_embeddings { 1 } else { 2 };
    let tables = tables * decoder.vocab_size * decoder.hidden_size;
    whole(linear * linears as f64 + dense * tables as f64)
}

/// Values, gradients, and moments; the optimizer's update needs no more than one tensor beside.
fn adapter(need: &Need<'_>) -> u64 {
    let values = need.adapters.num_values() as f64;
    let moments = match need.settings.optimizer {
        OptimizerSettings::AdamW(_) => 8.0,
        OptimizerSettings::AdamW8Bit(_) => 2.0 + 8.0 / 256.0,
        OptimizerSettings::Lion(_) | OptimizerSettings::Adagrad(_) => 4.0,
        OptimizerSettings::Lion8Bit(_) => 1.0 + 4.0 / 256.0,
        OptimizerSettings::Adafactor(_) => 0.1,
        OptimizerSettings::Sgd(sgd) if sgd.momentum > 0.0 => 4.0,
        OptimizerSettings::Sgd(_) => 0.0,
        OptimizerSettings::RmsProp(settings) => {
            let extra = [settings.momentum > 0.0, settings.centered];
            4.0 + 4.0 * extra.iter().filter(|is_kept| **is_kept).count() as f64
        }
    };
    // All gradients in one piece, and the part of them that comes from another rank.
    let summed = if need.ranks > 1 { 4.0 + 4.0 / need.ranks as f64 } else { 0.0 };
    whole((8.0 + moments + summed) * values)
}

/// What layers keep for the tokens of a micro-batch, and room for one layer's work and for logits.
fn activations(decoder: &Decoder, need: &Need<'_>) -> u64 {
    let settings = need.settings;
    let mut blocks = settings.train_batch_size;
    if !settings.gradient_checkpointing {
        let joined = TOKENS_AT_ONCE / need.longest.max(1);
        blocks = joined.max(blocks).min(blocks * settings.gradient_accumulation_steps);
    }
    let tokens = blocks * need.longest;
    let layer = kept_values(decoder);
    let kept = if settings.gradient_checkpointing {
        layer + decoder.num_layers * decoder.hidden_size
    } else {
        layer * decoder.num_layers
    };
    let stream = 3 * decoder.hidden_size;
    let (of_tokens, of_weights) = working_values(decoder, need.adapters);
    let values = tokens * (kept + stream + of_tokens) + of_weights;
    let training = FLOAT * values as u64 + logits(decoder, tokens);
    if !need.evaluates {
        return training;
    }
    let tokens = settings.eval_batch_size * need.longest;
    let values = tokens * (layer + stream + of_tokens) + of_weights;
    training.max(FLOAT * values as u64 + logits(decoder, tokens))
}

/// Values a layer keeps for each token: the stream twice, queries, keys and values, the attention
/// with its sums, gate and up, and inputs of further norms.
fn kept_values(decoder: &Decoder) -> usize {
    let qkv = decoder.query_width() + 2 * decoder.kv_width();
    let output_norms = if decoder.has_output_norms { 2 * decoder.hidden_size } else { 0 };
    let head_norms = if decoder.has_head_norms { qkv - decoder.kv_width() } else { 0 };
    2 * decoder.hidden_size
        + qkv
        + decoder.query_width()
        + 2 * decoder.intermediate_size
        + decoder.num_heads
        + output_norms
        + head_norms
}

/// Values that the work on one layer takes: for each token, and once.
///
/// For each token it is the gate's product, a norm's output, and the gradients of both and of
/// queries, keys and values. An adapter
/// of the widest layer adds its input without what is dropped, and the gradient of that; `DoRA`
/// adds the product of weights twice. `LoHa` and `LoKr` make whole matrices.
fn working_values(decoder: &Decoder, adapters: &Adapters) -> (usize, usize) {
    let qkv = decoder.query_width() + 2 * decoder.kv_width();
    let mut of_tokens = 2 * decoder.intermediate_size + 2 * decoder.hidden_size + qkv;
    let linears = decoder.linears_of_layers();
    let (mut widest, mut of_weights) = (0, 0);
    for linear in linears {
        let Some(layer) = adapters.layers.get(&linear.name) else { continue };
        let (inputs, outputs) = (linear.in_features, linear.out_features);
        let matrix = inputs * outputs;
        match &layer.method {
            Method::Lora { magnitude: Some(_), .. } => widest = widest.max(2 * outputs + inputs),
            Method::Lora { magnitude: None, .. } => {
                let drops = linear.role == LinearRole::Down && layer.drop.input > 0.0;
                widest = widest.max(if drops { 2 * inputs } else { 0 });
            }
            Method::Loha { .. } => of_weights = of_weights.max(3 * matrix),
            Method::Lokr { .. } => of_weights = of_weights.max(2 * matrix),
        }
    }
    of_tokens += widest;
    (of_tokens, of_weights)
}

fn logits(decoder: &Decoder, tokens: usize) -> u64 {
    FLOAT * ((decoder.vocab_size * tokens) as u64).min(LOGITS)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes are not negative; what is out of range saturates"
)]
fn whole(bytes: f64) -> u64 {
    bytes as u64
}
