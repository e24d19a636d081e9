//! What a walk needs, told before it.

use olive_kit_checkpoint::Decoder;

use crate::memory::Memory;
use crate::order::Order;
use crate::states::{Room, size_bytes};

/// What a walk needs beside the program and its visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Peak memory in bytes.
    pub memory_bytes: u64,
    /// Bytes of the temporary file.
    pub scratch_bytes: u64,
}

/// What a walk through `decoder` with `num_sequences` sequences of `len` tokens needs; the number of
/// layers does not matter.
pub fn estimate(
    decoder: &Decoder,
    (num_sequences, len): (usize, usize),
    memory: &Memory,
    order: Order,
) -> Estimate {
    let num_rows = num_sequences * len;
    let inner = decoder.query_width().max(decoder.intermediate_size);
    let mut widths = vec![decoder.hidden_size, inner];
    if order == Order::WholeLayer {
        widths.insert(1, decoder.hidden_size);
    }
    let (mut room, mut in_memory, mut scratch_bytes) = (Room::new(memory), 0, 0);
    for width in widths {
        let bytes = size_bytes(num_rows, width);
        if room.takes(bytes) {
            in_memory += bytes;
        } else {
            scratch_bytes += bytes;
        }
    }
    let at_once = ((memory.rows_at_once / len.max(1)).max(1) * len).min(num_rows);
    let memory_bytes = in_memory + layer_bytes(decoder) + stages_bytes(decoder, at_once, order);
    Estimate { memory_bytes, scratch_bytes }
}

/// Linear layers of one layer in f32.
fn layer_bytes(decoder: &Decoder) -> u64 {
    let linears = decoder.linears(0);
    linears.iter().map(|linear| size_bytes(linear.out_features, linear.in_features)).sum()
}

/// Rows of one piece in all stages; buffers are used again, none is given back.
fn stages_bytes(decoder: &Decoder, num_rows: usize, order: Order) -> u64 {
    let (hidden, inner) = (decoder.hidden_size, decoder.intermediate_size);
    let heads = decoder.query_width() + 2 * decoder.kv_width();
    let widest = decoder.query_width().max(inner).max(hidden);
    // The stream, what is normed, attention, the gate, and the left side of a product.
    let stages = 2 * hidden + heads + decoder.query_width() + 3 * inner + widest;
    // What a visitor is given: states read back, and what the norm makes of them.
    let given = widest.max(2 * hidden);
    let read_back = if order == Order::WholeLayer { hidden } else { 0 };
    size_bytes(num_rows, stages + given + read_back)
}

#[cfg(test)]
mod tests {
    use olive_kit_checkpoint::Checkpoint;
    use olive_kit_testing::fixture;

    use super::*;

    fn needs(states_bytes: u64, num_layers: usize, order: Order) -> Estimate {
        let mut decoder = Checkpoint::describe(fixture("tiny-llama")).unwrap().decoder;
        decoder.num_layers = num_layers;
        let memory = Memory { states_bytes, ..Memory::new("/tmp") };
        estimate(&decoder, (6, 32), &memory, order)
    }

    #[test]
    fn states_are_in_memory_or_in_the_file() {
        for (order, streams) in [(Order::TrueSequential, 1), (Order::WholeLayer, 2)] {
            let stream = size_bytes(6 * 32, 64);
            let inner = size_bytes(6 * 32, 128);
            let [all, none] = [u64::MAX, 0].map(|bytes| needs(bytes, 2, order));
            assert_eq!((all.scratch_bytes, none.scratch_bytes), (0, streams * stream + inner));
            assert_eq!(all.memory_bytes - none.memory_bytes, none.scratch_bytes);
            assert_eq!(needs(stream, 2, order).scratch_bytes, none.scratch_bytes - stream);
            assert_eq!(needs(0, 200, order), none, "the number of layers does not matter");
        }
    }
}
