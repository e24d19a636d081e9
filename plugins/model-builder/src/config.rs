//! Settings of the pass, as a user writes them.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::spelling::{NodeNames, Operator, OperatorNames, Placement, Switch};
use crate::{advice, known, offers};

/// Settings of the `ModelBuilder` pass: write the model as an ONNX graph for ONNX Runtime GenAI.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "x-olive-quality-help" = QUALITY_HELP,
    "x-olive-ignored" = known::left_out_of_settings(),
    "x-olive-advice" = advice::all(),
    "x-olive-accelerators" = advice::accelerators(),
    "x-olive-shortcuts" = offers::all()
))]
pub struct ModelBuilderConfig {
    /// Type of the weights in the graph.
    pub precision: Precision,
    /// Write no graph: put the files of ONNX Runtime GenAI beside the ONNX model that comes in.
    ///
    /// Its folder must hold the `config.json` and the tokenizer of the model it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub metadata_only: Option<bool>,
    /// Neighboring weights that share a scale when `precision` is `int4` or `int8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend(
        "enum" = [16, 32, 64, 128, 256, null],
        "default" = 32,
        "x-olive-search" = [16, 32, 64, 128]
    ))]
    pub int4_block_size: Option<usize>,
    /// Least exact arithmetic the kernels of quantized weights may use.
    ///
    /// 1 is 32-bit float, 2 is 16-bit float, 3 is bfloat16, 4 is 8-bit integers. Unless set it is 4
    /// for CPUs and WebGPU, and left to the kernels of other providers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4))]
    pub int4_accuracy_level: Option<u8>,
    /// Whether the grid is symmetric, so that no zero points are stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub int4_is_symmetric: Option<bool>,
    /// How weights are rounded, and which get 8 bits instead of 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "default"))]
    pub int4_algo_config: Option<AlgoConfig>,
    /// Operators that are quantized: products with a matrix, the embedding.
    ///
    /// An embedding that is the weight of the layer that makes logits is quantized with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = ["MatMul"]))]
    pub int4_op_types_to_quantize: Option<Vec<Operator>>,
    /// Whether the CUDA provider records its kernels once and replays them; not unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_cuda_graph: Option<bool>,
    /// Whether what is not quantized is bfloat16 on NVIDIA GPUs when `precision` is `int4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_cuda_bf16: Option<bool>,
    /// Whether what is not quantized is 32-bit float on WebGPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_webgpu_fp32: Option<bool>,
    /// Names of nodes that are not quantized, such as `/lm_head/MatMul`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub int4_nodes_to_exclude: Option<Vec<String>>,
    /// Store 4-bit weights for `DequantizeLinear` and `MatMul` instead of `MatMulNBits`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub use_qdq: Option<bool>,
    /// Give out what the last norm makes, as `hidden_states`, besides logits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub include_hidden_states: Option<bool>,
    /// Leave the embedding out: the graph begins with the vectors of tokens, `inputs_embeds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub exclude_embeds: Option<bool>,
    /// Leave out the layer that makes logits: the graph ends with `hidden_states`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub exclude_lm_head: Option<bool>,
    /// Options by the names of ONNX Runtime GenAI's builder; they win over the fields above.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "ExtraOptions::is_empty"
    )]
    #[schemars(with = "Option<ExtraOptions>")]
    pub extra_options: ExtraOptions,
    /// Settings of generation that replace those of `search` in `genai_config.json`.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Map::is_empty")]
    #[schemars(
        with = "Option<Map<String, Value>>",
        extend("properties" = known::search_settings(), "additionalProperties" = false)
    )]
    pub search: Map<String, Value>,
}

/// What to try when the graph answers worse than the checkpoint.
const QUALITY_HELP: &str = "set `int4_algo_config` to `k_quant_mixed` (a search for each grid, and \
    8 bits where models feel it most) or `rtn_last` (8 bits for the layer that makes logits and for \
    an embedding tied to it), `int4_block_size` to 16, or `precision` to `int8` or `fp32`";

/// Type of the weights in the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit float.
    Fp32,
    /// 16-bit float, for GPUs.
    Fp16,
    /// Bfloat16, for NVIDIA GPUs; logits are 32-bit float.
    Bf16,
    /// 8-bit integers in blocks with a scale; the rest is as for `int4`, and the embedding too.
    Int8,
    /// 4-bit integers in blocks with a scale; the rest is 32-bit float on CPUs, 16-bit on GPUs.
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
    /// Of 21 grids the one of least weighted error, as llama.cpp's k-quants; with zero points.
    KQuant,
    /// `k_quant` with 8 bits for the layer that makes logits, and for an embedding tied to it.
    KQuantLast,
    /// `k_quant_last` with 8 bits also where models feel it most, in about half of the layers.
    KQuantMixed,
    /// `k_quant_last` with 8 bits also for linear attention, which no model that is built has.
    KQuantLinear,
}

/// Options by the names of ONNX Runtime GenAI's builder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend(
    "x-olive-ignored" = known::left_out_of_extra(),
    "x-olive-unavailable" = known::unavailable_in_extra()
))]
pub struct ExtraOptions {
    /// Neighboring weights that share a scale; as `int4_block_size`.
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
    pub is_symmetric: Option<Switch>,
    /// How weights are rounded, and which get 8 bits; as `int4_algo_config`.
    #[serde(alias = "int4_algo_config", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-renamed-from" = ["int4_algo_config"]))]
    pub algo_config: Option<AlgoConfig>,
    /// Which matrices get another width, such as `last_matmul:int8,mixed_layers:int8`.
    ///
    /// `last_matmul` is the layer that makes logits; `mixed_layers` are queries, keys, values and
    /// the MLP's last matrix of an eighth of the layers at either end and every third between.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matmul_mixed_precision: Option<Placement>,
    /// Operators that are quantized, such as `MatMul/Gather`; as `int4_op_types_to_quantize`.
    #[serde(alias = "int4_op_types_to_quantize", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-renamed-from" = ["int4_op_types_to_quantize"]))]
    pub op_types_to_quantize: Option<OperatorNames>,
    /// Names of nodes that are not quantized, with commas between; as `int4_nodes_to_exclude`.
    #[serde(alias = "int4_nodes_to_exclude", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-renamed-from" = ["int4_nodes_to_exclude"]))]
    pub nodes_to_exclude: Option<NodeNames>,
    /// Store 4-bit weights for `DequantizeLinear` and `MatMul`; as `use_qdq` of the pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_qdq: Option<Switch>,
    /// Give out `hidden_states` besides logits; as `include_hidden_states` of the pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_hidden_states: Option<Switch>,
    /// Begin with `inputs_embeds`; as `exclude_embeds` of the pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude_embeds: Option<Switch>,
    /// End with `hidden_states`; as `exclude_lm_head` of the pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude_lm_head: Option<Switch>,
    /// Compute logits for the last token only: faster on long prompts, too few to score texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prune_lm_head: Option<Switch>,
    /// Whether the embedding is the weight of the layer that makes logits.
    ///
    /// Left out, as the model has it.
    #[serde(alias = "int4_tied_embeddings", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-renamed-from" = ["int4_tied_embeddings"]))]
    pub shared_embeddings: Option<Switch>,
    /// Compute queries, keys and values in one product, which is the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuse_qkv: Option<Switch>,
    /// The opposite of `fuse_qkv`, which wins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_qkv_fusion: Option<Switch>,
    /// Compute both halves of the MLP, gate and up, in one product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuse_mlp_gate_up: Option<Switch>,
    /// Folder of an adapter that stays one in the graph, so that others can take its place.
    ///
    /// Of LoRA, without biases or whole weights. That of the input model is merged instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-path" = "input"))]
    pub adapter_path: Option<PathBuf>,
    /// Write `genai_config.json` and the tokenizer, and no graph.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_only: Option<Switch>,
    /// Name of the graph file, which ends in `.onnx`; `model.onnx` when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[^/\\]+\.onnx$"))]
    pub filename: Option<String>,
    /// Whether the CUDA provider records its kernels once and replays them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_cuda_graph: Option<Switch>,
    /// Whether the DML provider records its kernels once and replays them.
    ///
    /// It does unless told not to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_dml_graph: Option<Switch>,
    /// Whether the WebGPU provider records its kernels once and replays them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_webgpu_graph: Option<Switch>,
    /// Whether what is not quantized is bfloat16; as the field `use_cuda_bf16`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_cuda_bf16: Option<Switch>,
    /// Whether what is not quantized is 32-bit float; as the field `use_webgpu_fp32`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_webgpu_fp32: Option<Switch>,
    /// Whether ONNX Runtime puts weights where the device allocates them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_device_allocator_for_initializers: Option<Switch>,
    /// Let attention norm query and key heads itself where its kernels do; true by default.
    ///
    /// Those of CUDA and WebGPU do, for Qwen 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuse_qk_norm_gqa: Option<Switch>,
    /// Let layers with a sliding window have a KV cache as short as the window; true by default.
    ///
    /// Graphs for DML and WebGPU have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub windowed_kv_cache: Option<Switch>,
    /// Build only this many of the model's layers, the first ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub num_hidden_layers: Option<usize>,
}

impl ModelBuilderConfig {
    /// Whether a graph that is there already gets what it lacks.
    pub(crate) fn is_metadata_only(&self) -> bool {
        self.metadata_only == Some(true)
    }
}

impl ExtraOptions {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A value of an enum as a config writes it.
pub(crate) fn serialized(value: impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// `null` stands for the default.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
