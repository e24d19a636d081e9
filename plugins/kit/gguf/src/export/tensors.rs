//! Names and order of a decoder's tensors in llama.cpp, and the values that it has no names for in
//! a checkpoint.

use olive_kit_checkpoint::rope::{Llama3Rope, Rope, RopeScaling};
use olive_kit_checkpoint::{Decoder, Family, LinearRole};

/// A tensor of the checkpoint as it is stored in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Export {
    /// Name in the checkpoint.
    pub(super) source: String,
    /// Name in the file.
    pub(super) name: String,
    /// Sizes, slowest first.
    pub(super) shape: Vec<usize>,
    /// Width of the heads whose rows llama.cpp interleaves, where it does.
    pub(super) interleaved: Option<usize>,
    /// Whether 1 is added to every value: to norms by `1 + weight`.
    pub(super) adds_one: bool,
}

/// Every tensor of `decoder`, in order of computation.
pub(super) fn exports(decoder: &Decoder) -> Vec<Export> {
    let plain = |source: &str, name: String, shape: &[usize]| Export {
        source: source.to_owned(),
        name,
        shape: shape.to_vec(),
        interleaved: None,
        adds_one: false,
    };
    let norm = |source: &str, name: String, size| Export {
        adds_one: decoder.norm_adds_one,
        ..plain(source, name, &[size])
    };
    let table = [decoder.vocab_size, decoder.hidden_size];
    let mut exports = vec![plain(Decoder::EMBEDDING, "token_embd.weight".into(), &table)];
    for layer in 0..decoder.num_layers {
        let name = |part: &str| format!("blk.{layer}.{part}");
        for (source, part, size) in norms(decoder, layer) {
            exports.push(norm(&source, name(&format!("{part}.weight")), size));
        }
        for linear in decoder.linears(layer) {
            let part = part(linear.role);
            let interleaved = interleaved(decoder, linear.role);
            let shape = [linear.out_features, linear.in_features];
            let weight = plain(&linear.weight(), name(&format!("{part}.weight")), &shape);
            exports.push(Export { interleaved, ..weight });
            exports.extend(linear.bias().map(|bias| {
                let bias = plain(&bias, name(&format!("{part}.bias")), &shape[..1]);
                Export { interleaved, ..bias }
            }));
        }
    }
    exports.push(norm(Decoder::FINAL_NORM, "output_norm.weight".into(), decoder.hidden_size));
    if !decoder.ties_embeddings {
        exports.push(plain(Decoder::LM_HEAD, "output.weight".into(), &table));
    }
    exports
}

/// Factors on the periods of rotation, by the name of the tensor that holds them.
pub(super) fn rope_factors(rope: &Rope) -> Vec<(&'static str, Vec<f32>)> {
    match &rope.scaling {
        RopeScaling::None => Vec::new(),
        RopeScaling::LongRope(long) => vec![
            ("rope_factors_long.weight", singles(&long.long_factor)),
            ("rope_factors_short.weight", singles(&long.short_factor)),
        ],
        RopeScaling::Llama3(bands) => {
            let exponent = |pair: usize| (2 * pair) as f64 / rope.rotary_dim as f64;
            let periods = (0..rope.rotary_dim / 2)
                .map(|pair| std::f64::consts::TAU * rope.theta.powf(exponent(pair)));
            let factors: Vec<_> = periods.map(|period| stretch(bands, period)).collect();
            vec![("rope_freqs.weight", singles(&factors))]
        }
    }
}

/// Row of the checkpoint that is row `row` of the file, whose rope turns neighboring entries of a
/// head where transformers turns those half a head apart.
pub(super) fn source_row(row: usize, head_dim: usize) -> usize {
    let (head, within) = (row / head_dim, row % head_dim);
    head * head_dim + within % 2 * (head_dim / 2) + within / 2
}

/// Norms of a layer: name in the checkpoint, name in the file, size.
fn norms(decoder: &Decoder, layer: usize) -> Vec<(String, &'static str, usize)> {
    let norms = decoder.norms(layer);
    let (hidden, head) = (decoder.hidden_size, decoder.head_dim);
    let mut named = vec![(norms.attention, "attn_norm", hidden)];
    if let Some([query, key]) = norms.heads {
        named.extend([(query, "attn_q_norm", head), (key, "attn_k_norm", head)]);
    }
    named.extend(norms.attention_output.map(|name| (name, "post_attention_norm", hidden)));
    named.push((norms.mlp, "ffn_norm", hidden));
    named.extend(norms.mlp_output.map(|name| (name, "post_ffw_norm", hidden)));
    named
}

fn part(role: LinearRole) -> &'static str {
    match role {
        LinearRole::Qkv => "attn_qkv",
        LinearRole::Query => "attn_q",
        LinearRole::Key => "attn_k",
        LinearRole::Value => "attn_v",
        LinearRole::Output => "attn_output",
        LinearRole::Gate => "ffn_gate",
        LinearRole::GateUp | LinearRole::Up => "ffn_up",
        LinearRole::Down => "ffn_down",
        LinearRole::LmHead => "output",
    }
}

fn interleaved(decoder: &Decoder, role: LinearRole) -> Option<usize> {
    let is_llama = matches!(decoder.family, Family::Llama | Family::Mistral);
    let is_rotated = matches!(role, LinearRole::Query | LinearRole::Key);
    (is_llama && is_rotated).then_some(decoder.head_dim)
}

/// Factor on a period of so many positions.
fn stretch(bands: &Llama3Rope, period: f64) -> f64 {
    let original = bands.original_max_positions as f64;
    if period < original / bands.high_freq_factor {
        return 1.0;
    }
    if period > original / bands.low_freq_factor {
        return bands.factor;
    }
    let band = bands.high_freq_factor - bands.low_freq_factor;
    let smooth = (original / period - bands.low_freq_factor) / band;
    ((1.0 - smooth) / bands.factor + smooth).recip()
}

#[expect(clippy::cast_possible_truncation, reason = "the tensors are singles")]
fn singles(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_two_halves_of_a_head_alternate() {
        let rows: Vec<_> = (0..8).map(|row| source_row(row, 4)).collect();
        assert_eq!(rows, [0, 2, 1, 3, 4, 6, 5, 7]);
    }
}
