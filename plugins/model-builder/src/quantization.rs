//! Which weights are quantized, and on which grid.
//!
//! Every product has a name, such as `/model/layers.0/mlp/down_proj/MatMul`; [`Quantization::grid`]
//! says what becomes of its matrix.

use olive_kit_quant::{Bits, BlockFormat, Rounding};

/// How weights are quantized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantization {
    /// Width of codes, but for those matrices that `placement` gives another.
    pub bits: Bits,
    /// Neighboring weights of a row that share a scale.
    pub block_size: usize,
    /// Least exact arithmetic the kernels may use, 1 to 4; 0 leaves it to them.
    pub accuracy_level: u8,
    /// Whether no zero points are stored.
    pub is_symmetric: bool,
    /// How weights are rounded.
    pub rounding: Rounding,
    /// Groups of matrices with codes of another width.
    pub placement: Vec<(Group, Bits)>,
    /// Which operators are quantized.
    pub operators: Operators,
    /// Names of nodes that stay as they are.
    pub excluded: Vec<String>,
    /// How codes are stored.
    pub form: Form,
}

/// Which operators are quantized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operators {
    /// Products with a matrix.
    pub products: bool,
    /// The gathering of rows of the embedding.
    pub embedding: bool,
}

/// How codes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In operators that read them, `MatMulNBits` and `GatherBlockQuantized`.
    Operators,
    /// Before `DequantizeLinear`, whose result a `MatMul` reads; 4 bits only.
    Dequantized,
}

/// Matrices that a config can name together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The one that makes logits.
    LastMatMul,
    /// Of an eighth of the layers at either end, and of every third between: queries, keys and
    /// values (of layers that have three products for them, only that of values), and down.
    MixedLayers,
    /// Those of layers with linear attention, which no model that is built has.
    LinearAttention,
}

/// The product that makes logits.
pub(crate) const LM_HEAD: &str = "/lm_head/MatMul";
/// The node that gathers rows of the embedding.
pub(crate) const EMBEDDING: &str = "/model/embed_tokens/Gather";

impl Default for Quantization {
    /// What the pass does on a CPU when only `int4` is asked for.
    fn default() -> Self {
        Self {
            bits: Bits::Four,
            block_size: 32,
            accuracy_level: 4,
            is_symmetric: true,
            rounding: Rounding::Default,
            placement: Vec::new(),
            operators: Operators { products: true, embedding: false },
            excluded: Vec::new(),
            form: Form::Operators,
        }
    }
}

impl Quantization {
    /// The same for a model whose embedding is the weight of the layer that makes logits, if it
    /// `is_shared`: both are quantized or neither, so all operators are.
    #[must_use]
    pub fn for_embedding(&self, is_shared: bool) -> Self {
        let all = Operators { products: true, embedding: true };
        let operators = if is_shared { all } else { self.operators };
        Self { operators, ..self.clone() }
    }

    /// Grid of the matrix of the product called `node` in a graph of `num_layers`; `None` where it
    /// stays as it is.
    pub fn grid(&self, node: &str, num_layers: usize) -> Option<BlockFormat> {
        let is_left = !self.operators.products || self.excludes(node);
        (!is_left).then(|| self.format(self.upgrade(node, num_layers).unwrap_or(self.bits)))
    }

    /// Grid of an embedding with a table of its own; `None` where it stays as it is.
    ///
    /// Neural Compressor's quantizers know no embeddings.
    pub fn embedding_grid(&self) -> Option<BlockFormat> {
        let is_known = self.rounding == Rounding::Default;
        (is_known && self.wants_embedding()).then(|| self.format(self.bits))
    }

    /// Whether an embedding is to be quantized, be its table its own or that of the logits; only
    /// `GatherBlockQuantized` does that, with 4 bits.
    pub fn wants_embedding(&self) -> bool {
        self.operators.embedding
            && self.bits == Bits::Four
            && self.form == Form::Operators
            && !self.excludes(EMBEDDING)
    }

    /// Whether the node called `node` stays as it is; a product of two that are both excluded does.
    pub fn excludes(&self, node: &str) -> bool {
        let is_named = |node: &str| self.excluded.iter().any(|excluded| excluded == node);
        let halves = |name: &str| node.replace("/gate_up_proj/", name);
        is_named(node)
            || (node.contains("/gate_up_proj/")
                && ["/gate_proj/", "/up_proj/"].iter().all(|name| is_named(&halves(name))))
    }

    /// In which turn ONNX Runtime's quantizer comes to the product called `node`: it knows one
    /// width at a time, first that of most matrices. Neural Compressor's takes them as they come.
    pub fn turn(&self, node: &str, num_layers: usize) -> usize {
        let Some(bits) = self.upgrade(node, num_layers).filter(|_| self.has_turns()) else {
            return 0;
        };
        let mut widths: Vec<Bits> = Vec::new();
        for (_, bits) in &self.placement {
            if !widths.contains(bits) {
                widths.push(*bits);
            }
        }
        1 + widths.iter().position(|width| *width == bits).unwrap_or_default()
    }

    fn has_turns(&self) -> bool {
        self.rounding == Rounding::Default
    }

    fn format(&self, bits: Bits) -> BlockFormat {
        // K-quants always have zero points.
        let is_symmetric = self.is_symmetric && self.rounding != Rounding::KQuant;
        BlockFormat { bits, block_size: self.block_size, is_symmetric }
    }

    /// Width that `placement` gives the product called `node`.
    fn upgrade(&self, node: &str, num_layers: usize) -> Option<Bits> {
        let known = self.placement.iter().find(|(group, _)| group.has(node, num_layers));
        known.map(|(_, bits)| *bits)
    }
}

impl Group {
    /// Whether the product called `node` belongs to it, in a graph of `num_layers`.
    fn has(self, node: &str, num_layers: usize) -> bool {
        match self {
            Self::LastMatMul => node == LM_HEAD,
            Self::MixedLayers => layer_and_part(node).is_some_and(|(layer, part)| {
                is_mixed(layer, num_layers)
                    && matches!(
                        part,
                        "attn/qkv_proj/MatMul" | "attn/v_proj/MatMul" | "mlp/down_proj/MatMul"
                    )
            }),
            Self::LinearAttention => false,
        }
    }
}

/// The number of the layer that has the product called `node`, and its name there.
fn layer_and_part(node: &str) -> Option<(usize, &str)> {
    let (layer, part) = node.strip_prefix("/model/layers.")?.split_once('/')?;
    Some((layer.parse().ok()?, part))
}

/// Whether a layer is one of those that llama.cpp's mixes give more bits.
fn is_mixed(layer: usize, num_layers: usize) -> bool {
    let (eighth, rest) = (num_layers / 8, num_layers % 8);
    // An eighth of the layers, halves to even.
    let rounded = match rest {
        0..4 => eighth,
        4 => eighth + eighth % 2,
        _ => eighth + 1,
    };
    let is_at_an_end = 8 * layer < num_layers || 8 * layer >= 7 * num_layers;
    is_at_an_end || (layer + 2 * rounded) % 3 == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixed_layers_are_an_eighth_at_either_end_and_every_third_between() {
        check_mixed(1, &[0]);
        check_mixed(2, &[0]);
        // As Python counts: `(i - round(L / 8)) % 3 == 2`.
        check_mixed(12, &[0, 1, 4, 7, 10, 11]);
        check_mixed(20, &[0, 1, 2, 4, 7, 10, 13, 16, 18, 19]);
        check_mixed(32, &[0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31]);
    }

    fn check_mixed(num_layers: usize, expected: &[usize]) {
        let mixed: Vec<_> = (0..num_layers).filter(|layer| is_mixed(*layer, num_layers)).collect();
        assert_eq!(mixed, expected, "{num_layers}");
    }
}
