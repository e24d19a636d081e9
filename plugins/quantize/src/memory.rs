//! What a quantization on data needs, told before it.

use olive_kit_calibrate::{Calibration, Memory, Order, estimate};
use olive_kit_checkpoint::{Decoder, LayerLinears, Linear};

/// Bytes of a 32-bit float.
const FLOAT: usize = 4;
/// Rows whose sums `kit/solve` keeps at once.
const ROWS_AT_ONCE: usize = 4096;

/// Peak memory in bytes, beside the program: the walk, the codes of a layer, and the costliest of its
/// sites.
pub(crate) fn needed(
    decoder: &Decoder,
    calibration: &Calibration,
    memory: &Memory,
    order: Order,
) -> u64 {
    let longest = calibration.sequences.iter().map(Vec::len).max().unwrap_or_default();
    let sequences = (calibration.sequences.len(), longest);
    let walk = estimate(decoder, sequences, memory, order).memory_bytes;
    let LayerLinears { qkv, output, gate_up, down } = decoder.layer_linears(0);
    let sites = [qkv, vec![output], gate_up, vec![down]];
    let codes: usize = sites.iter().flatten().map(num_values).sum();
    let site = sites.iter().map(|linears| site_bytes(linears)).max().unwrap_or_default();
    walk + (codes + site) as u64
}

/// All matrices of a site, and what one of them takes to be solved.
fn site_bytes(linears: &[Linear]) -> usize {
    let matrices: usize = linears.iter().map(num_values).sum();
    matrices * FLOAT + linears.iter().map(solve_bytes).max().unwrap_or_default()
}

/// What a matrix becomes and its codes; the Gram matrix of its inputs and the factor of that; the
/// sums of some rows.
fn solve_bytes(linear: &Linear) -> usize {
    let k = linear.in_features;
    let made = num_values(linear) * (FLOAT + 1);
    made + (2 * k * k + linear.out_features.min(ROWS_AT_ONCE) * k) * FLOAT
}

fn num_values(linear: &Linear) -> usize {
    linear.out_features * linear.in_features
}

#[cfg(test)]
mod tests {
    use olive_kit_checkpoint::Checkpoint;
    use olive_kit_testing::fixture;

    use super::*;

    #[test]
    fn the_number_of_layers_does_not_matter_and_the_widest_input_does() {
        let decoder = Checkpoint::describe(fixture("tiny-llama")).unwrap().decoder;
        let of = |decoder: &Decoder| {
            let calibration = Calibration { sequences: vec![vec![1; 32]; 4] };
            needed(decoder, &calibration, &Memory::new("/tmp"), Order::TrueSequential)
        };
        let usual = of(&decoder);
        assert_eq!(of(&Decoder { num_layers: 200, ..decoder.clone() }), usual);
        let wider = Decoder { intermediate_size: 4096, ..decoder };
        assert!(of(&wider) > usual + 2 * 4096 * 4096 * 4);
    }
}
