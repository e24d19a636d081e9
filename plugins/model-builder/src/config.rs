//! Settings of the pass, as a user writes them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Settings of the `ModelBuilder` pass: write the model as an ONNX graph for ONNX Runtime GenAI.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-olive-quality-help" = QUALITY_HELP))]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of Olive's pass")]
pub struct ModelBuilderConfig {
    /// Type of the weights in the graph.
    pub precision: Precision,
    /// Neighbouring weights that share a scale when `precision` is `int4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [16, 32, 64, 128, 256, null], "default" = 32))]
    pub int4_block_size: Option<usize>,
    /// Least exact arithmetic the `int4` kernels may use: 1 is 32-bit float, 2 is 16-bit float,
    /// 3 is bfloat16, 4 is 8-bit integers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4), extend("default" = 4))]
    pub int4_accuracy_level: Option<u8>,
    /// Whether the `int4` grid is symmetric, so that no zero points are stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub int4_is_symmetric: Option<bool>,
    /// How `int4` weights are rounded, and which get more bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "default"))]
    pub int4_algo_config: Option<AlgoConfig>,
    /// Options by the names of ONNX Runtime GenAI's builder; they win over the fields above.
    #[serde(default, skip_serializing_if = "ExtraOptions::is_empty")]
    pub extra_options: ExtraOptions,
    /// Settings of generation that replace those of `search` in `genai_config.json`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub search: Map<String, Value>,
    /// Only add `genai_config.json` to an ONNX model; `true` is not supported yet.
    #[serde(default, skip_serializing_if = "is_false")]
    pub metadata_only: bool,
    /// Operators that `int4` quantizes; only `["MatMul"]` is supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub int4_op_types_to_quantize: Option<Vec<String>>,
    /// Nodes that `int4` leaves alone; only an empty list is supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub int4_nodes_to_exclude: Option<Vec<String>>,
    /// Write `DequantizeLinear` and `MatMul` for `MatMulNBits`; `true` is not supported yet.
    #[serde(default, skip_serializing_if = "is_false")]
    pub use_qdq: bool,
    /// 8 bits for mixtures of experts; `true` is not supported yet.
    #[serde(default, skip_serializing_if = "is_false")]
    pub use_8bits_moe: bool,
    /// 32-bit float activations on `WebGPU`; `true` is not supported yet.
    #[serde(default, skip_serializing_if = "is_false")]
    pub use_webgpu_fp32: bool,
    /// Bfloat16 activations on CUDA; `true` is not supported yet.
    #[serde(default, skip_serializing_if = "is_false")]
    pub use_cuda_bf16: bool,
    /// Make the last hidden states an output as well; `true` is not supported yet.
    #[serde(default, skip_serializing_if = "is_false")]
    pub include_hidden_states: bool,
    /// Leave the embedding out of the graph; `true` is not supported yet.
    #[serde(default, skip_serializing_if = "is_false")]
    pub exclude_embeds: bool,
    /// Leave the layer that makes logits out of the graph; `true` is not supported yet.
    #[serde(default, skip_serializing_if = "is_false")]
    pub exclude_lm_head: bool,
    /// Capture a CUDA graph; `true` is not supported yet.
    #[serde(default, skip_serializing_if = "is_false")]
    pub enable_cuda_graph: bool,
}

/// What to try when the graph answers worse than the checkpoint.
const QUALITY_HELP: &str = "set `int4_algo_config` to `rtn_last` (8 bits for the layer that makes \
    logits and for an embedding tied to it), `int4_block_size` to 16, or `precision` to `fp32`";

/// Type of the weights in the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit float.
    Fp32,
    /// 16-bit float; not supported yet.
    Fp16,
    /// Bfloat16; not supported yet.
    Bf16,
    /// 8-bit integers in blocks with a scale; not supported yet.
    Int8,
    /// 4-bit integers in blocks with a scale; norms and activations stay 32-bit float.
    Int4,
}

/// How weights are rounded, and which get more bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlgoConfig {
    /// ONNX Runtime's own rounding to nearest; a symmetric scale uses all 16 steps.
    Default,
    /// Neural Compressor's rounding to nearest.
    Rtn,
    /// `rtn` with 8 bits for the layer that makes logits, and for an embedding tied to it.
    RtnLast,
    /// Rounding that minimizes a weighted error; not supported yet.
    KQuant,
    /// `k_quant` with 8 bits for the layer that makes logits; not supported yet.
    KQuantLast,
    /// `k_quant` with 8 bits for sensitive layers; not supported yet.
    KQuantMixed,
    /// `k_quant` with 8 bits for linear attention; not supported yet.
    KQuantLinear,
}

/// Options by the names of ONNX Runtime GenAI's builder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ExtraOptions {
    /// Neighbouring weights that share a scale; as `int4_block_size`.
    #[serde(alias = "int4_block_size", skip_serializing_if = "Option::is_none")]
    #[schemars(extend(
        "enum" = [16, 32, 64, 128, 256, null],
        "x-olive-renamed-from" = ["int4_block_size"]
    ))]
    pub block_size: Option<usize>,
    /// Least exact arithmetic of the kernels, 0 for their own choice; as `int4_accuracy_level`.
    #[serde(alias = "int4_accuracy_level", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 4), extend("x-olive-renamed-from" = ["int4_accuracy_level"]))]
    pub accuracy_level: Option<u8>,
    /// Whether no zero points are stored; as `int4_is_symmetric`.
    #[serde(alias = "int4_is_symmetric", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-renamed-from" = ["int4_is_symmetric"]))]
    pub is_symmetric: Option<bool>,
    /// How weights are rounded, and which get more bits; as `int4_algo_config`.
    #[serde(alias = "int4_algo_config", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-renamed-from" = ["int4_algo_config"]))]
    pub algo_config: Option<AlgoConfig>,
    /// Name of the graph file; `model.onnx` when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Build only this many of the model's layers, the first ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub num_hidden_layers: Option<usize>,
    /// What is not honoured; each entry is refused by name.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

impl ExtraOptions {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}
