//! What choosing layers for more bits needs, by the sums that `olive-plugin-quantize` tells before it
//! starts.

use olive_validator_api::{Document, PlannedStep, integer, text};

use crate::choice::is_by_place;
use crate::need::{FLOAT, Need};
use crate::quantizing;
use crate::shape::Shape;
use crate::walk::Samples;

/// Tokens that gradients are taken of at once, unless a sample is longer.
const TOKENS_AT_ONCE: f64 = 2048.0;

/// Logits of each of the two models that exist at a time.
const LOGITS: f64 = 8_388_608.0;

/// Matrices of the size of the widest while its direction is made.
const MATRICES: f64 = 5.0;

/// Bytes of the scale and the zero point of a group.
const STEP: f64 = FLOAT + 1.0;

/// Choosing layers of a checkpoint of a shape; its files stay where they are.
pub(crate) fn need(document: &Document, step: &PlannedStep, shape: &Shape) -> Need {
    match text(&step.config, "algorithm").unwrap_or_default() {
        algorithm if is_by_place(algorithm) => {
            Need { memory: Vec::new(), disk: 0.0, flops: 0.0, confidence: 0.8 }
        }
        "output_error" => quantizing::measuring(document, step, shape),
        "kld_gradient" => by_gradients(shape, Samples::of(document, step)),
        _ => by_weights(step, shape),
    }
}

/// A matrix in floats, its codes, and what these stand for.
fn by_weights(step: &PlannedStep, shape: &Shape) -> Need {
    let largest = shape.largest_matrix().max(shape.logits_matrix());
    let group = match integer(&step.config, "group_size") {
        Some(-1) => shape.hidden.max(1.0),
        Some(size) => (size as f64).max(1.0),
        None => 128.0,
    };
    let memory = vec![("matrix", 2.0 * FLOAT * largest), ("codes", largest * (1.0 + STEP / group))];
    Need { memory, disk: 0.0, flops: 0.0, confidence: 0.6 }
}

/// The whole model in floats, hidden states of all samples, and what one layer keeps.
fn by_gradients(shape: &Shape, samples: Samples) -> Need {
    let table = shape.logits_matrix();
    let tables = if shape.ties { 2.0 } else { 3.0 };
    let widest = shape.largest_matrix().max(table);
    let Shape { hidden, inner, query, kv, layers, .. } = *shape;
    // The stream before each layer; and of one layer what it keeps, and room to compute in.
    let of_token = (layers + 8.0) * hidden + 4.0 * (query + kv) + 5.0 * inner;
    let at_once = samples.len.max(TOKENS_AT_ONCE.min(samples.tokens()));
    let logits = LOGITS.min(at_once * shape.vocabulary);
    Need {
        memory: vec![
            ("weights", FLOAT * (shape.matrices() + tables * table)),
            ("hidden_states", FLOAT * samples.tokens() * hidden),
            ("activations", FLOAT * at_once * of_token),
            ("logits", 3.0 * FLOAT * logits),
            ("matrices", MATRICES * FLOAT * widest),
        ],
        disk: 0.0,
        // Forward in both models, then again, with gradients and the product with a direction.
        flops: 10.0 * (shape.matrices() + table) * samples.tokens(),
        confidence: 0.6,
    }
}
