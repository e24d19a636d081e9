//! Settings of the pass.

use olive_kit_checkpoint::Dtype;
use olive_kit_gguf as gguf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of the `ImportGguf` pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImportGgufConfig {
    /// Names and layout of the weights.
    ///
    /// Both layouts compute the same; choose the one that later passes are set up for.
    pub layout: Layout,
    /// Type the weights are stored as.
    ///
    /// Quantized weights are dequantized first; `float32` keeps their values exactly.
    pub dtype: WeightType,
}

/// Names and layout of a checkpoint's weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// `LlamaForCausalLM`: separate projections, as the model was published.
    #[default]
    Llama,
    /// `Phi3ForCausalLM`: query, key and value in one `qkv_proj`, gate and up in one `gate_up_proj`.
    Phi3,
}

/// Type of stored weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WeightType {
    /// Four bytes a weight.
    #[default]
    Float32,
    /// Two bytes a weight, the range of `float32`.
    Bfloat16,
    /// Two bytes a weight, at most 65504.
    Float16,
}

impl From<Layout> for gguf::Layout {
    fn from(layout: Layout) -> Self {
        match layout {
            Layout::Llama => Self::Llama,
            Layout::Phi3 => Self::Phi3,
        }
    }
}

impl From<WeightType> for Dtype {
    fn from(dtype: WeightType) -> Self {
        match dtype {
            WeightType::Float32 => Self::F32,
            WeightType::Bfloat16 => Self::BF16,
            WeightType::Float16 => Self::F16,
        }
    }
}
