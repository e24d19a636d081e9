//! The figures and weights of the specimen, without a file format.

/// Width of the embedding.
pub(super) const HIDDEN: usize = 64;
/// Width between the two halves of the MLP.
pub(super) const INTERMEDIATE: usize = 128;
/// Attention heads.
pub(super) const HEADS: usize = 4;
/// Heads of keys and values.
pub(super) const KV_HEADS: usize = 2;
/// Width of a head.
pub(super) const HEAD_DIM: usize = HIDDEN / HEADS;
/// Tokens of the longest text.
pub(super) const MAX_POSITIONS: usize = 128;

/// Tokens with a meaning of their own; their ids are their places.
pub(super) const SPECIAL: [&str; 4] = ["<unk>", "<bos>", "<eos>", "<pad>"];

/// A weight with values in rows.
pub(super) struct Weight {
    /// Name in a checkpoint, and in a GGUF file.
    pub(super) names: [&'static str; 2],
    /// Sizes, slowest first.
    pub(super) shape: Vec<usize>,
    /// Values, row by row.
    pub(super) values: Vec<f32>,
}

/// Every token: the special ones, then one for each byte, spelled as byte-level tokenizers do.
pub(super) fn tokens() -> Vec<String> {
    let special = SPECIAL.map(str::to_owned).into_iter();
    special.chain((0..=u8::MAX).map(|byte| spelled(byte).to_string())).collect()
}

/// Every weight, in order of computation; the embedding gives the logits too.
pub(super) fn weights() -> Vec<Weight> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (q, kv) = (HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM);
    let mut weight = |checkpoint, gguf, shape: &[usize]| {
        let count = shape.iter().product();
        // Norms scale, so they lie about 1.
        let middle = if shape.len() == 1 { 1.0 } else { 0.0 };
        let values = (0..count).map(|_| middle + 0.2 * random.next()).collect();
        Weight { names: [checkpoint, gguf], shape: shape.to_vec(), values }
    };
    macro_rules! layer {
        ($checkpoint:literal, $gguf:literal, $shape:expr) => {
            weight(
                concat!("model.layers.0.", $checkpoint, ".weight"),
                concat!("blk.0.", $gguf, ".weight"),
                &$shape,
            )
        };
    }
    let vocab = SPECIAL.len() + 256;
    vec![
        weight("model.embed_tokens.weight", "token_embd.weight", &[vocab, HIDDEN]),
        layer!("input_layernorm", "attn_norm", [HIDDEN]),
        layer!("self_attn.q_proj", "attn_q", [q, HIDDEN]),
        layer!("self_attn.k_proj", "attn_k", [kv, HIDDEN]),
        layer!("self_attn.v_proj", "attn_v", [kv, HIDDEN]),
        layer!("self_attn.o_proj", "attn_output", [HIDDEN, q]),
        layer!("post_attention_layernorm", "ffn_norm", [HIDDEN]),
        layer!("mlp.gate_proj", "ffn_gate", [INTERMEDIATE, HIDDEN]),
        layer!("mlp.up_proj", "ffn_up", [INTERMEDIATE, HIDDEN]),
        layer!("mlp.down_proj", "ffn_down", [HIDDEN, INTERMEDIATE]),
        weight("model.norm.weight", "output_norm.weight", &[HIDDEN]),
    ]
}

/// The letter that stands for `byte`: itself where it is visible, else one from 256 on.
fn spelled(byte: u8) -> char {
    let is_visible = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    if is_visible(byte) {
        return char::from(byte);
    }
    let place = (0..byte).filter(|&earlier| !is_visible(earlier)).count();
    u32::try_from(256 + place).ok().and_then(char::from_u32).unwrap_or_default()
}

/// Marsaglia's xorshift: numbers from -0.5 to 0.5, the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let bits = u16::try_from(self.0 >> 48).unwrap_or_default();
        f32::from(bits) / 65_536.0 - 0.5
    }
}

#[cfg(test)]
mod tests {
    use super::tokens;

    #[test]
    fn bytes_are_spelled_as_byte_level_tokenizers_spell_them() {
        let tokens = tokens();
        assert_eq!(tokens.len(), 260);
        for (byte, letter) in [(b' ', "Ġ"), (b'\n', "Ċ"), (b'A', "A"), (0, "Ā"), (0xad, "Ń")] {
            assert_eq!(tokens[4 + usize::from(byte)], letter);
        }
        let distinct: std::collections::BTreeSet<_> = tokens.iter().collect();
        assert_eq!(distinct.len(), tokens.len());
    }
}
