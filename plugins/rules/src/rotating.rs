//! What rotating a checkpoint needs, by the sums that `olive-plugin-quantize` tells before it starts.

use olive_validator_api::{Document, PlannedStep, integer, switch, text};
use serde_json::Value;

use crate::model::{Linear, last_name};
use crate::need::{FLOAT, MIB, Need};
use crate::parts::is;
use crate::shape::{Shape, size};
use crate::walk::{Samples, Walk};

/// Bytes of Gram matrices in memory; others are in a file.
const GRAMS: f64 = 2048.0 * MIB;

/// Matrices of the stream's width squared while a rotation is learned.
const OF_STREAM: f64 = 6.0;

/// What is made of a weight while its rounding is judged.
const OF_WEIGHT: f64 = 6.0;

/// Rows that are rounded, or rotated, at once.
const ROWS: f64 = 4096.0;

/// Bytes of the matrices of 64-bit floats from which an orthogonal one is drawn, for each entry.
const DRAWN: f64 = 3.0 * 8.0;

/// Steps of learning when nothing is said.
const STEPS: f64 = 20.0;

/// What is in memory at once, in bytes by name.
type Memory = Vec<(&'static str, f64)>;

/// Whether the step's pass is a built-in one that rotates weights.
pub(crate) fn rotates(step: &PlannedStep) -> bool {
    is(step, "QuaRot") || learns(step)
}

/// Rotating a checkpoint of a shape.
pub(crate) fn need(document: &Document, step: &PlannedStep, shape: &Shape) -> Need {
    let disk = shape.clone().untied().stored_bytes;
    let is_dense = learns(step) || is_random(step);
    let turning = if is_dense { 2.0 * shape.hidden * shape.values } else { 0.0 };
    let mut phases = vec![writing(step, shape)];
    if is_random(step) {
        phases.push(vec![("rotation", DRAWN * shape.hidden.powi(2))]);
    }
    let mut flops = turning;
    if learns(step) {
        let samples = Samples::of(document, step);
        let grams = grams(step, shape).min(GRAMS);
        phases.extend([collecting(step, shape, samples, grams), learning(step, shape, grams)]);
        flops += learning_flops(step, shape, samples.tokens());
    }
    let sum = |memory: &Memory| memory.iter().map(|(_, bytes)| bytes).sum::<f64>();
    let memory = phases.into_iter().max_by(|one, other| sum(one).total_cmp(&sum(other)));
    Need { memory: memory.unwrap_or_default(), disk, flops, confidence: 0.6 }
}

fn learns(step: &PlannedStep) -> bool {
    is(step, "SpinQuant")
}

fn is_random(step: &PlannedStep) -> bool {
    text(&step.config, "rotate_mode") == Some("random")
}

fn reads_logits(step: &PlannedStep) -> bool {
    switch(&step.config, "lm_head") == Some(true)
}

/// Writing weights, of which the largest is there twice or a band of a table is, with what is folded
/// into them.
fn writing(step: &PlannedStep, shape: &Shape) -> Memory {
    let stream = if learns(step) || is_random(step) { shape.hidden.powi(2) } else { 0.0 };
    let values = if is_random(step) { shape.layers * shape.head.powi(2) } else { 0.0 };
    let band = ROWS.min(shape.vocabulary) * shape.hidden;
    let [qkv, _, gate_up, _] = shape.sites();
    let norms = (qkv.len() + gate_up.len()) as f64 * shape.layers * shape.hidden;
    vec![
        ("matrix", FLOAT * (2.0 * shape.largest_matrix()).max(band)),
        ("rotation", FLOAT * (stream + values)),
        ("norms", FLOAT * norms),
    ]
}

/// A walk through the model, whose Gram matrices are kept.
fn collecting(step: &PlannedStep, shape: &Shape, samples: Samples, grams: f64) -> Memory {
    let Walk { states, activations } = Walk::of(shape, samples, false);
    vec![
        ("weights", FLOAT * shape.layer()),
        ("hidden_states", states),
        ("activations", activations),
        ("matrices", largest(step, shape, weight)),
        ("hessian", grams),
    ]
}

/// Trying rotations on one weight after the other.
fn learning(step: &PlannedStep, shape: &Shape, grams: f64) -> Memory {
    let tried = |linear: &Linear| {
        let outputs = linear.outputs as f64;
        let rows = if writes(linear) { outputs } else { outputs.min(ROWS) };
        weight(linear) + FLOAT * OF_WEIGHT * rows * linear.inputs as f64
    };
    vec![
        ("rotation", FLOAT * OF_STREAM * shape.hidden.powi(2)),
        ("matrices", largest(step, shape, tried)),
        ("hessian", grams),
    ]
}

/// The largest of what `of` says of linear layers.
fn largest(step: &PlannedStep, shape: &Shape, of: impl Fn(&Linear) -> f64) -> f64 {
    let head = reads_logits(step).then(|| of(&shape.head_layer()));
    shape.linears.iter().map(&of).chain(head).fold(0.0, f64::max)
}

/// A weight and the Gram matrix of its inputs.
fn weight(linear: &Linear) -> f64 {
    FLOAT * (size(linear) + (linear.inputs as f64).powi(2))
}

/// Whether the outputs of a linear layer are added to the stream.
fn writes(linear: &Linear) -> bool {
    matches!(last_name(&linear.path), "o_proj" | "down_proj")
}

/// Gram matrices of all sites: of the stream twice a layer, of values of heads and of the gate.
fn grams(step: &PlannedStep, shape: &Shape) -> f64 {
    let [hidden, query, inner] = [shape.hidden, shape.query, shape.inner].map(|it| it.powi(2));
    let logits = if reads_logits(step) { hidden } else { 0.0 };
    FLOAT * (shape.layers * (2.0 * hidden + query + inner) + logits)
}

/// Operations of the walk and its Gram matrices, and of each step: a weight is turned, its error is
/// multiplied with a Gram matrix, and that with the weight.
fn learning_flops(step: &PlannedStep, shape: &Shape, tokens: f64) -> f64 {
    let training = step.config.get("training_args").and_then(Value::as_object);
    let steps = training.and_then(|args| integer(args, "max_steps"));
    let steps = 1.0 + steps.map_or(STEPS, |steps| steps as f64);
    let of_weight = |linear: &Linear| {
        let inputs = linear.inputs as f64;
        let turned = if writes(linear) { shape.hidden } else { inputs };
        2.0 * size(linear) * (2.0 * turned + inputs) * linear.count as f64
    };
    let judged: f64 = shape.linears.iter().map(of_weight).sum();
    2.0 * shape.matrices() * tokens + grams(step, shape) / FLOAT * tokens + steps * judged
}
