//! What writing the graph of a model needs: one matrix at a time, with what it becomes.

use olive_validator_api::{PlannedStep, text};

use crate::block_size_padding::block_size;
use crate::need::{FLOAT, Need};
use crate::quantizing::Codes;
use crate::shape::{Shape, size};

/// Columns that are transposed at a time.
const COLUMNS: f64 = 128.0;

/// A graph that is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Built {
    /// What writing it needs; on disk is what it has.
    pub(crate) need: Need,
    /// Bytes of its weights that are in codes.
    pub(crate) quantized: f64,
}

/// Writing the graph of a checkpoint in floats.
pub(crate) fn of_floats(step: &PlannedStep, shape: &Shape) -> Option<Built> {
    let matrix = shape.largest_matrix().max(shape.logits_matrix());
    let tables = rotary_tables(shape);
    text(&step.config, "precision")?;
    let (result, quantized, disk) = match bytes_each(step) {
        Some(bytes_each) => {
            let quantized = bytes_each * (shape.matrices() + shape.logits_matrix());
            (bytes_each * matrix, quantized, quantized + own_embedding(shape) + tables)
        }
        None => (COLUMNS * FLOAT * shape.vocabulary, 0.0, FLOAT * shape.values + tables),
    };
    let memory = vec![("matrix", FLOAT * matrix), ("result", result)];
    Some(Built { need: Need { memory, disk, flops: 0.0, confidence: 0.8 }, quantized })
}

/// Writing the graph of a checkpoint in codes, which stay as they are; the layer of logits is
/// quantized where it is in floats. Nothing where all is to be in floats, which is refused.
pub(crate) fn of_codes(step: &PlannedStep, shape: &Shape, codes: &Codes) -> Option<Built> {
    let bytes_each = bytes_each(step)?;
    let (table, tables) = (shape.logits_matrix(), rotary_tables(shape));
    // What the steps of a group take, for each weight.
    let steps = |bits: f64| {
        let zero_point = if codes.is_symmetric { 0.0 } else { bits / 8.0 };
        (FLOAT + zero_point) / codes.group
    };
    let stored = |values: f64, bits: f64| values * (bits / 8.0 + steps(bits));
    let of_layers = stored(shape.matrices(), codes.bits);
    let of_table = stored(table, codes.table_bits);
    let of_logits = if codes.has_logits { of_table } else { bytes_each * table };
    let embedding = match codes.has_embedding {
        true if shape.ties => 0.0,
        true => of_table,
        false => own_embedding(shape),
    };
    let in_codes = of_logits + if codes.has_embedding { embedding } else { 0.0 };
    let quantized = of_layers + in_codes;
    let disk = of_layers + of_logits + embedding + tables;
    // Rows of the last part are there twice until they stand behind those of the others.
    let product = |(values, last): (f64, f64), bits: f64| {
        vec![("codes", bits / 8.0 * (values + last)), ("scales", steps(bits) * values)]
    };
    let mut phases = vec![
        product(largest_product(shape), codes.most_bits),
        // Sines and cosines, and one of them again.
        vec![("tables", 1.5 * tables)],
    ];
    if codes.has_logits || codes.has_embedding {
        phases.push(product((table, table), codes.table_bits));
    }
    if !codes.has_logits {
        phases.push(vec![("matrix", FLOAT * table), ("result", bytes_each * table)]);
    }
    let sum = |memory: &Vec<(&str, f64)>| memory.iter().map(|(_, bytes)| bytes).sum::<f64>();
    let memory = phases.into_iter().max_by(|one, other| sum(one).total_cmp(&sum(other)))?;
    Some(Built { need: Need { memory, disk, flops: 0.0, confidence: 0.8 }, quantized })
}

/// Bytes that a weight takes with its share of a scale; `None` where weights stay floats.
fn bytes_each(step: &PlannedStep) -> Option<f64> {
    let code = match text(&step.config, "precision")? {
        "int4" => 0.5,
        "int8" => 1.0,
        _ => return None,
    };
    Some(code + FLOAT / block_size(step).0 as f64)
}

/// Bytes of an embedding that is no weight of another layer, in floats.
fn own_embedding(shape: &Shape) -> f64 {
    if shape.ties { 0.0 } else { FLOAT * shape.logits_matrix() }
}

/// Bytes of sines and cosines of all positions.
fn rotary_tables(shape: &Shape) -> f64 {
    FLOAT * shape.positions * shape.head
}

/// Weights of the largest product of a layer, and of the last of its parts: queries, keys and values
/// are one, gate and up are two.
fn largest_product(shape: &Shape) -> (f64, f64) {
    let [qkv, output, gate_up, down] = shape.sites();
    let parts: Vec<f64> = qkv.into_iter().map(size).collect();
    let qkv = (parts.iter().sum::<f64>(), most(parts));
    let halves = if gate_up.len() == 1 { 0.5 } else { 1.0 };
    let gate_up = halves * most(gate_up.into_iter().map(size));
    let other = most(output.into_iter().chain(down).map(size)).max(gate_up);
    if qkv.0 + qkv.1 > 2.0 * other { qkv } else { (other, other) }
}

fn most(sizes: impl IntoIterator<Item = f64>) -> f64 {
    sizes.into_iter().fold(0.0, f64::max)
}
