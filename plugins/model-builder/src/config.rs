//! Settings of the pass, as a user writes them.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::{advice, known};

/// Settings of the `ModelBuilder` pass: write the model as an ONNX graph for ONNX Runtime GenAI.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "x-olive-quality-help" = QUALITY_HELP,
    "x-olive-ignored" = known::left_out_of_settings(),
    "x-olive-unavailable" = known::unavailable_in_settings(),
    "x-olive-advice" = advice::all(),
    "x-olive-accelerators" = advice::accelerators(),
    "x-olive-adapter" = "refuses"
))]
pub struct ModelBuilderConfig {
    /// Type of the weights in the graph.
    #[schemars(extend("x-olive-unavailable-values" = known::unavailable_precisions()))]
    pub precision: Precision,
    /// Neighboring weights that share a scale when `precision` is `int4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [16, 32, 64, 128, 256, null], "default" = 32))]
    pub int4_block_size: Option<usize>,
    /// Least exact arithmetic the `int4` kernels may use.
    ///
    /// 1 is 32-bit float, 2 is 16-bit float, 3 is bfloat16, 4 is 8-bit integers. Unless set it is 4
    /// for CPUs and WebGPU, and left to the kernels of other providers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4))]
    pub int4_accuracy_level: Option<u8>,
    /// Whether the `int4` grid is symmetric, so that no zero points are stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub int4_is_symmetric: Option<bool>,
    /// How `int4` weights are rounded, and which get more bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend(
        "default" = "default",
        "x-olive-unavailable-values" = known::unavailable_algorithms()
    ))]
    pub int4_algo_config: Option<AlgoConfig>,
    /// Operators that `int4` quantizes: matrices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "operators")]
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
const QUALITY_HELP: &str = "set `int4_algo_config` to `rtn_last` (8 bits for the layer that makes \
    logits and for an embedding tied to it), `int4_block_size` to 16, or `precision` to `fp32`";

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
}

/// Operators that can be quantized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Operator {
    /// Products with a matrix.
    MatMul,
    /// Products with a matrix and a sum, of which the graphs have none.
    Gemm,
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
    pub is_symmetric: Option<bool>,
    /// How weights are rounded, and which get more bits; as `int4_algo_config`.
    #[serde(alias = "int4_algo_config", skip_serializing_if = "Option::is_none")]
    #[schemars(extend(
        "x-olive-renamed-from" = ["int4_algo_config"],
        "x-olive-unavailable-values" = known::unavailable_algorithms()
    ))]
    pub algo_config: Option<AlgoConfig>,
    /// Name of the graph file, which ends in `.onnx`; `model.onnx` when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[^/\\]+\.onnx$"))]
    pub filename: Option<String>,
    /// Whether the CUDA provider records its kernels once and replays them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_cuda_graph: Option<bool>,
    /// Whether the DML provider records its kernels once and replays them; it does unless told not to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_dml_graph: Option<bool>,
    /// Whether the WebGPU provider records its kernels once and replays them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_webgpu_graph: Option<bool>,
    /// Whether what is not quantized is bfloat16; as the field `use_cuda_bf16`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_cuda_bf16: Option<bool>,
    /// Whether what is not quantized is 32-bit float; as the field `use_webgpu_fp32`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_webgpu_fp32: Option<bool>,
    /// Whether ONNX Runtime puts weights where the device allocates them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_device_allocator_for_initializers: Option<bool>,
    /// Build only this many of the model's layers, the first ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub num_hidden_layers: Option<usize>,
}

impl ExtraOptions {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Schema of a list of operators, whose items carry the mark.
fn operators(generator: &mut SchemaGenerator) -> Schema {
    let item = generator.subschema_for::<Operator>();
    json_schema!({
        "type": ["array", "null"],
        "items": {"allOf": [item], "x-olive-unavailable-values": known::unavailable_operators()}
    })
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
