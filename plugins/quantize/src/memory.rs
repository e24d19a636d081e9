//! What a quantization needs of memory, told before it.

use olive_kit_calibrate::{Calibration, Memory, Order, estimate};
use olive_kit_checkpoint::{Decoder, LayerLinears, Linear};

use crate::config::Method;
use crate::targets::{Targets, own_head};

/// Bytes of a 32-bit float.
const FLOAT: usize = 4;

/// Bytes of a value as it is stored, which is copied; one of 32 bits is read where it lies.
const STORED: usize = 2;

/// Bytes of the scale and the zero point of a group.
const STEP: usize = FLOAT + 1;

/// Resident memory of a worker with its plugin and a tokenizer.
pub(crate) const PROGRAM: usize = 32 << 20;

/// Buffers of sums and differences that were given back, and stay with the process.
const RETAINED: usize = 48 << 20;

/// Rows whose sums `kit/solve` keeps at once.
const ROWS_AT_ONCE: usize = 4096;

/// Rows of each of the two bands in which it measures an error.
const BAND: usize = 512;

/// Tokens that `SmoothQuant` measures errors on.
pub(crate) const SMOOTH_TOKENS: usize = 512;

/// A quantization, as far as its memory depends on it.
#[derive(Clone, Copy)]
pub(crate) struct Need<'a> {
    pub(crate) decoder: &'a Decoder,
    pub(crate) method: Method<'a>,
    pub(crate) targets: &'a Targets,
}

impl Need<'_> {
    /// Peak memory in bytes of one that looks at weights only: the largest matrix with what it
    /// becomes, and the codes of a layer.
    pub(crate) fn by_weights(&self) -> u64 {
        let linears = self.decoder.linears(0);
        let kept: usize = linears.iter().map(|linear| self.kept_bytes(linear)).sum();
        let at_work = |linear: &Linear| (STORED + 2 * FLOAT) * num_values(linear);
        let largest = linears.iter().map(at_work).max();
        let head = self.head().map(|head| self.kept_bytes(&head) + at_work(&head));
        let layer = kept + largest.unwrap_or_default();
        (PROGRAM + layer.max(head.unwrap_or_default()).max(self.embedding_bytes())) as u64
    }

    /// Peak memory in bytes of one on data: the walk, what was made of a layer, and the costliest of
    /// its sites; or the layer of logits, or the embedding. The number of layers does not matter.
    pub(crate) fn on_data(&self, calibration: &Calibration, memory: &Memory, order: Order) -> u64 {
        let longest = calibration.sequences.iter().map(Vec::len).max().unwrap_or_default();
        let sequences = (calibration.sequences.len(), longest);
        let walk = estimate(self.decoder, sequences, memory, order).memory_bytes;
        let layer: usize = self.decoder.linears(0).iter().map(num_values).sum::<usize>() * FLOAT;
        let LayerLinears { qkv, output, gate_up, down } = self.decoder.layer_linears(0);
        let (mut kept, mut peak) = (0, 0);
        for site in [qkv, vec![output], gate_up, vec![down]] {
            kept += site.iter().map(|linear| self.kept_bytes(linear)).sum::<usize>();
            peak = peak.max(kept + self.site_bytes(&site));
        }
        if let Some(head) = self.head() {
            let head = self.kept_bytes(&head) + self.site_bytes(&[head]);
            peak = peak.max(head.saturating_sub(layer));
        }
        let beside = (PROGRAM + self.table_bytes() + self.retained_bytes()) as u64;
        (beside + walk + peak as u64).max((PROGRAM + self.embedding_bytes()) as u64)
    }

    /// What the allocator keeps of buffers that were given back: glibc returns those of 32 MiB at once,
    /// and of smaller ones only what lies at the end.
    fn retained_bytes(&self) -> usize {
        let of_head = self.head().map_or(0, |head| num_values(&head) * STORED);
        if matches!(self.method, Method::Gptq(_)) { RETAINED + of_head } else { 0 }
    }

    /// The layer of logits, where it gets codes of its own.
    fn head(&self) -> Option<Linear> {
        let is_quantized = self.targets.grid(Decoder::LM_HEAD_MODULE).is_some();
        is_quantized.then(|| own_head(self.decoder))
    }

    /// The Gram matrix of the inputs of the logits and its factor, where the embedding is solved for
    /// them.
    fn table_bytes(&self) -> usize {
        let is_solved = matches!(self.method, Method::Gptq(_)) && self.decoder.ties_embeddings;
        let is_solved = is_solved && self.targets.embedding.is_some();
        if is_solved { 2 * squared(self.decoder.hidden_size) } else { 0 }
    }

    /// The embedding as it is stored and in floats, its codes and what these stand for.
    fn embedding_bytes(&self) -> usize {
        if self.targets.embedding.is_none() {
            return 0;
        }
        let table = self.decoder.embedding_table();
        let at_work = (STORED + 2 * FLOAT) * num_values(&table);
        self.table_bytes() + at_work + self.codes_bytes(&table)
    }

    /// What is kept of a matrix until its layer is written.
    fn kept_bytes(&self, linear: &Linear) -> usize {
        match self.method {
            Method::Awq(settings) if settings.export_compatible => FLOAT * num_values(linear),
            Method::Clip(_) | Method::Smooth(_) => FLOAT * num_values(linear),
            Method::Nearest | Method::KQuant | Method::Gptq(_) | Method::Awq(_) => {
                self.codes_bytes(linear)
            }
        }
    }

    fn codes_bytes(&self, linear: &Linear) -> usize {
        let grid = self.targets.grid(&linear.name).unwrap_or(self.targets.usual);
        let group_len = grid.group_size.unwrap_or(linear.in_features).max(1);
        num_values(linear) + num_values(linear) / group_len * STEP
    }

    /// All matrices of a site, the Gram matrix of their inputs, and what one of them takes.
    fn site_bytes(&self, linears: &[Linear]) -> usize {
        let matrices: usize = linears.iter().map(num_values).sum();
        let inputs = linears.first().map_or(0, |first| first.in_features);
        let gram = if matches!(self.method, Method::Smooth(_)) { 0 } else { squared(inputs) };
        let solve = linears.iter().map(|linear| self.solve_bytes(linear, linears.len() > 1));
        matrices * FLOAT + gram + solve.max().unwrap_or_default()
    }

    /// What a matrix takes to be solved, beside its codes, and then to be measured: what it becomes
    /// and two bands.
    fn solve_bytes(&self, linear: &Linear, is_shared: bool) -> usize {
        let (n, k) = (linear.out_features, linear.in_features);
        let (gram, values) = (squared(k), num_values(linear) * FLOAT);
        let measured = values + 2 * n.min(BAND) * k * FLOAT;
        let sums = n.min(ROWS_AT_ONCE) * k * FLOAT;
        match self.method {
            // The factor is kept as long as another matrix needs it.
            Method::Gptq(_) if is_shared => gram + sums.max(measured),
            Method::Gptq(_) => (gram + sums).max(measured),
            Method::Awq(_) => values + measured,
            Method::Clip(_) => values + measured + self.codes_bytes(linear),
            // Inputs that errors are measured on, rounded too, with both outputs.
            Method::Smooth(_) => values + 2 * SMOOTH_TOKENS * (n + k) * FLOAT,
            Method::Nearest | Method::KQuant => measured,
        }
    }
}

/// Bytes of a square matrix.
fn squared(k: usize) -> usize {
    k * k * FLOAT
}

fn num_values(linear: &Linear) -> usize {
    linear.out_features * linear.in_features
}

#[cfg(test)]
mod tests {
    use olive_kit_checkpoint::Checkpoint;
    use olive_kit_solve::Grid;
    use olive_kit_testing::fixture;

    use super::*;
    use crate::config::GptqConfig;

    fn tiny() -> Decoder {
        Checkpoint::describe(fixture("tiny-llama")).unwrap().decoder
    }

    fn targets(decoder: &Decoder, head: bool, embeds: bool) -> Targets {
        let usual = Grid { bits: 4, group_size: Some(16), is_symmetric: false };
        let linears = head.then(|| (own_head(decoder), usual)).into_iter().collect();
        let embedding = embeds.then_some(usual);
        Targets { usual, linears, embedding, left: Vec::new(), unties: false }
    }

    /// Of GPTQ on so many sequences of so many tokens.
    fn needed(decoder: &Decoder, [count, len]: [usize; 2], targets: &Targets) -> u64 {
        let settings: GptqConfig = serde_json::from_str("{}").unwrap();
        let need = Need { decoder, method: Method::Gptq(&settings), targets };
        let calibration = Calibration { sequences: vec![vec![1; len]; count] };
        need.on_data(&calibration, &Memory::new("/tmp"), Order::TrueSequential)
    }

    #[test]
    fn the_number_of_layers_does_not_matter_and_the_widest_input_does() {
        let decoder = tiny();
        let of = |decoder: &Decoder| needed(decoder, [4, 32], &targets(decoder, false, false));
        let usual = of(&decoder);
        assert_eq!(of(&Decoder { num_layers: 200, ..decoder.clone() }), usual);
        let wider = Decoder { intermediate_size: 4096, ..decoder };
        assert!(of(&wider) > usual + 2 * 4096 * 4096 * 4);
    }

    #[test]
    fn a_large_vocabulary_matters_where_it_is_quantized() {
        let vocab_size = 1 << 20;
        let decoder = Decoder { vocab_size, ties_embeddings: false, ..tiny() };
        let of = |head, embeds| needed(&decoder, [4, 32], &targets(&decoder, head, embeds));
        let (usual, table) = (of(false, false), (vocab_size * decoder.hidden_size) as u64);
        for (head, embeds) in [(true, false), (false, true)] {
            let found = of(head, embeds);
            assert!(found > usual + 8 * table && found < usual + 12 * table, "{found} {usual}");
        }
    }

    #[test]
    fn phi_3_mini_fits_in_two_gigabytes_and_a_half() {
        let decoder = Decoder {
            hidden_size: 3072,
            intermediate_size: 8192,
            num_heads: 32,
            num_kv_heads: 32,
            head_dim: 96,
            vocab_size: 32064,
            num_layers: 32,
            ..tiny()
        };
        let found = needed(&decoder, [64, 512], &targets(&decoder, true, false));
        assert!(found > 1_500_000_000 && found < 2_500_000_000, "{found}");
    }

    #[test]
    fn weights_alone_take_one_matrix_and_codes() {
        let decoder = tiny();
        let need = |method| {
            Need { decoder: &decoder, method, targets: &targets(&decoder, false, false) }
                .by_weights()
        };
        let largest = decoder.linears(0).iter().map(num_values).max().unwrap();
        let found = usize::try_from(need(Method::Nearest)).unwrap() - PROGRAM;
        assert!(found > 2 * FLOAT * largest && found < 3 * FLOAT * 3 * largest, "{found}");
    }
}
