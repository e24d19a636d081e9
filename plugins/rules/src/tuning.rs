//! What training an adapter needs, by the sums that `olive-plugin-lora` tells before it starts.

use olive_validator_api::{Document, PlannedStep, integer, switch, text};
use serde_json::Value;

use crate::model::{Linear, checkpoint, family, is_layer};
use crate::need::{FLOAT, Need};
use crate::parts::is;
use crate::shape::Shape;
use crate::training::Training;

/// Logits that exist at a time.
const LOGITS: f64 = 8_388_608.0;

/// Tokens that are computed at once when micro-batches are smaller.
const TOKENS_AT_ONCE: f64 = 512.0;

/// Weights in 4 bits that share a scale.
const BLOCK: f64 = 64.0;

/// Scales that share one of their own when they are codes too.
const SCALES: f64 = 256.0;

/// Training an adapter of so many values.
pub(crate) fn need(document: &Document, step: &PlannedStep, shape: &Shape, adapter: f64) -> Need {
    let training = Training::of(step);
    let block = training.data(document).map_or(1024.0, |data| data.block_tokens() as f64);
    let recomputes = training.is_on("gradient_checkpointing", true);
    let tokens = tokens_at_once(&training, block, recomputes);
    let kept = if recomputes {
        shape.kept() + shape.layers * shape.hidden
    } else {
        shape.layers * shape.kept()
    };
    let room = 3.0 * shape.hidden + shape.working();
    let logits = |tokens: f64| FLOAT * (shape.vocabulary * tokens).min(LOGITS);
    let trained = FLOAT * (tokens * (kept + room) + whole_matrices(step, shape)) + logits(tokens);
    let evaluated = if training.has_evaluation_data() {
        let tokens = training.evaluation_batch() as f64 * block;
        FLOAT * tokens * (shape.kept() + room) + logits(tokens)
    } else {
        0.0
    };
    let steps = training.limit(document).map_or(0.0, |limit| limit.steps as f64);
    let per_step = training.batch() as f64 * training.accumulation() as f64 * block;
    let products = if recomputes { 6.0 } else { 4.0 };
    Need {
        memory: vec![
            ("weights", weights(step, shape)),
            ("adapter", FLOAT * adapter),
            ("gradients", FLOAT * adapter),
            ("optimizer", moments(&training) * adapter),
            ("activations", trained.max(evaluated)),
        ],
        disk: FLOAT * adapter,
        flops: products * shape.values * per_step * steps,
        confidence: 0.8,
    }
}

/// Values of the adapter that a step trains.
pub(crate) fn adapter_values(document: &Document, step: &PlannedStep, shape: &Shape) -> f64 {
    let written = step.config.get("target_modules").filter(|targets| !targets.is_null());
    let is_fused = checkpoint(document).and_then(family) == Some("phi3");
    let usual = if is_fused { ["o_proj", "qkv_proj"] } else { ["q_proj", "v_proj"] };
    let by_family = is(step, "LoRA") || is(step, "DoRA");
    let is_target = |path: &str| match written {
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).any(|name| is_layer(path, name))
        }
        None if by_family => usual.iter().any(|name| is_layer(path, name)),
        Some(_) | None => true,
    };
    let rank = integer(&step.config, "r").unwrap_or(64) as f64;
    let adapted = shape.linears.iter().filter(|linear| is_target(&linear.path));
    adapted.map(|linear| values_of(step, linear, rank) * linear.count as f64).sum()
}

/// Values that adapt one layer.
fn values_of(step: &PlannedStep, linear: &Linear, rank: f64) -> f64 {
    let (inputs, outputs) = (linear.inputs as f64, linear.outputs as f64);
    if is(step, "LoHa") {
        2.0 * rank * (inputs + outputs)
    } else if is(step, "LoKr") {
        let (small_in, large_in) = sides(linear.inputs);
        let (small_out, large_out) = sides(linear.outputs);
        small_in * small_out + (rank * (large_in + large_out)).min(large_in * large_out)
    } else if is(step, "DoRA") {
        rank * (inputs + outputs) + outputs
    } else {
        rank * (inputs + outputs)
    }
}

/// The two factors of a side that are nearest to its root.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the root of a width")]
fn sides(width: u64) -> (f64, f64) {
    let root = (width as f64).sqrt() as u64;
    // Real widths have a factor near the root; the search ends for wild ones.
    let mut near = (root.saturating_sub(1_000_000).max(1)..=root.max(1)).rev();
    let small = near.find(|small| width.is_multiple_of(*small)).unwrap_or(1);
    (small as f64, width as f64 / small as f64)
}

/// Bytes of the frozen weights, each held once.
fn weights(step: &PlannedStep, shape: &Shape) -> f64 {
    let dtype = text(&step.config, "torch_dtype").unwrap_or("bfloat16");
    let quantizes = is(step, "QLoRA") || is(step, "LoftQ");
    let dtype = text(&step.config, "compute_dtype").filter(|_| quantizes).unwrap_or(dtype);
    let dense = if dtype == "bfloat16" { 2.0 } else { FLOAT };
    let linear = if quantizes {
        let is_double = switch(&step.config, "double_quant") == Some(true);
        let scale = if is_double { 1.0 + FLOAT / SCALES } else { FLOAT };
        0.5 + scale / BLOCK
    } else {
        dense
    };
    linear * shape.matrices() + dense * (shape.values - shape.matrices()).max(0.0)
}

/// Bytes that the optimizer remembers of each value.
fn moments(training: &Training<'_>) -> f64 {
    let optim = training.text("optim").unwrap_or("adamw_torch");
    match optim {
        "adafactor" | "sgd" => 0.0,
        "adagrad" | "rmsprop" | "lion_32bit" | "paged_lion_32bit" => FLOAT,
        "lion_8bit" | "paged_lion_8bit" => 1.0,
        _ if optim.contains("8bit") => 2.0,
        _ => 2.0 * FLOAT,
    }
}

/// Values of matrices that are made whole: what `LoHa` and `LoKr` add to the largest weight.
fn whole_matrices(step: &PlannedStep, shape: &Shape) -> f64 {
    if is(step, "LoHa") {
        3.0 * shape.largest_matrix()
    } else if is(step, "LoKr") {
        2.0 * shape.largest_matrix()
    } else {
        0.0
    }
}

/// Tokens that are computed at once: a micro-batch, or several small ones.
fn tokens_at_once(training: &Training<'_>, block: f64, recomputes: bool) -> f64 {
    let blocks = training.batch() as f64;
    if recomputes {
        return blocks * block;
    }
    let joined = (TOKENS_AT_ONCE / block.max(1.0)).floor();
    block * joined.max(blocks).min(blocks * training.accumulation() as f64)
}
