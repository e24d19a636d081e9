//! What learning a rotation needs, told before it.

use olive_kit_calibrate::{Calibration, Memory, Order, estimate};
use olive_kit_checkpoint::{Decoder, Linear, LinearRole};

use super::grams::IN_MEMORY;
use super::sites::ROWS;
use crate::memory::PROGRAM;

/// Bytes of a 32-bit float.
const FLOAT: usize = 4;
/// Matrices of the stream's width squared: the best rotation and the one that is tried, their
/// gradients, a rotated Gram matrix and half of it.
const OF_STREAM: usize = 6;
/// A weight, rotated, rounded, its error, and slopes, with those of scales.
const OF_WEIGHT: usize = 6;

/// What learning needs beside the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Needs {
    /// Peak memory in bytes.
    pub(super) memory_bytes: u64,
    /// Bytes of temporary files.
    pub(super) scratch_bytes: u64,
}

/// What learning a rotation of `decoder` on some data needs.
pub(super) fn of(
    decoder: &Decoder,
    calibration: &Calibration,
    memory: &Memory,
    reads_logits: bool,
) -> Needs {
    let longest = calibration.sequences.iter().map(Vec::len).max().unwrap_or_default();
    let sequences = (calibration.sequences.len(), longest);
    let walk = estimate(decoder, sequences, memory, Order::TrueSequential);
    let linears = decoder.linears(0).into_iter().chain(reads_logits.then(|| decoder.lm_head()));
    let (mut collected, mut learned) = (0, OF_STREAM * squared(decoder.hidden_size));
    let of_stream = learned;
    for linear in linears {
        collected = collected.max(weight_bytes(&linear));
        learned = learned.max(of_stream + cost_bytes(&linear));
    }
    let grams = grams_bytes(decoder, reads_logits);
    let at_work = (walk.memory_bytes + collected as u64).max(learned as u64);
    Needs {
        memory_bytes: PROGRAM as u64 + grams.min(IN_MEMORY) + at_work,
        scratch_bytes: walk.scratch_bytes + grams.saturating_sub(IN_MEMORY),
    }
}

/// Gram matrices of all sites: of the stream twice a layer, of values of heads and of the gate.
fn grams_bytes(decoder: &Decoder, reads_logits: bool) -> u64 {
    let [hidden, values, gate] =
        [decoder.hidden_size, decoder.query_width(), decoder.intermediate_size]
            .map(|width| squared(width) as u64);
    let logits = if reads_logits { hidden } else { 0 };
    decoder.num_layers as u64 * (2 * hidden + values + gate) + logits
}

/// A weight, and all that is made of it at once: of some rows, but of all that write the stream.
fn cost_bytes(linear: &Linear) -> usize {
    let writes = matches!(linear.role, LinearRole::Output | LinearRole::Down);
    let rows = if writes { linear.out_features } else { linear.out_features.min(ROWS) };
    weight_bytes(linear) + OF_WEIGHT * rows * linear.in_features * FLOAT
}

/// A weight and the Gram matrix of its inputs.
fn weight_bytes(linear: &Linear) -> usize {
    linear.out_features * linear.in_features * FLOAT + squared(linear.in_features)
}

/// Bytes of a square matrix.
fn squared(k: usize) -> usize {
    k * k * FLOAT
}

#[cfg(test)]
mod tests {
    use olive_kit_checkpoint::Checkpoint;
    use olive_kit_testing::fixture;

    use super::*;

    #[test]
    fn layers_count_as_their_gram_matrices_until_these_are_in_a_file() {
        let decoder = Checkpoint::describe(fixture("tiny-llama")).unwrap().decoder;
        let of = |num_layers: usize, reads_logits: bool| {
            let calibration = Calibration { sequences: vec![vec![1; 32]; 4] };
            let decoder = Decoder { num_layers, ..decoder.clone() };
            super::of(&decoder, &calibration, &Memory::new("/tmp"), reads_logits)
        };
        let (hidden, inner) = (decoder.hidden_size as u64, decoder.intermediate_size as u64);
        let layer = 4 * (2 * hidden.pow(2) + (decoder.query_width() as u64).pow(2) + inner.pow(2));
        assert_eq!(of(3, false).memory_bytes - of(2, false).memory_bytes, layer);
        assert!(of(2, true).memory_bytes >= of(2, false).memory_bytes + 4 * hidden.pow(2));
        let many = [1 << 20, 2 << 20].map(|num_layers| of(num_layers, false));
        assert_eq!(many[0].memory_bytes, many[1].memory_bytes);
        assert_eq!(many[1].scratch_bytes - many[0].scratch_bytes, layer << 20);
    }
}
