//! The pass `OnnxDynamicQuantization`: weights of 8 bits, activations quantized when they are used.
//!
//! In and out: a folder with an ONNX model. Products take codes of 8 bits (`MatMulInteger`), the
//! weight's from the file, the activation's from `DynamicQuantizeLinear`; tables of `Gather` are
//! looked up as codes. The graph and the codes are those of ONNX Runtime's `quantize_dynamic`. Weights
//! of 16 bits stay as they are: `DynamicQuantizeLinear` takes 32. Weights are read in pieces, twice.

mod known;
mod grid;
mod weight;
mod walk;

use olive_kit_onnx::Model as Graph;
use olive_plugin_api::{LogLevel, Model, ModelKind, Pass, PluginError, StepContext};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::RewriteError;
use crate::peephole::simplify;
use crate::redundant;
use crate::rewrite::rewrite_places;
use walk::Walk;

/// Quantizes weights to 8 bits, and activations while they are used.
#[derive(Debug, Default)]
pub struct OnnxDynamicQuantization;

olive_kit_onnx::settings_with_external_data! {
    /// Settings of the `OnnxDynamicQuantization` pass: 8 bits for weights and activations.
    #[schemars(extend(
        "x-olive-unavailable" = known::modes(),
        "x-olive-shortcuts" = known::offers()
    ))]
    pub struct OnnxDynamicQuantizationConfig {
        /// Type of the codes of weights.
        #[serde(default)]
        #[schemars(extend("x-olive-search" = ["int8", "uint8"]))]
        pub precision: CodeType,
        /// The only operators whose weights are quantized; all that can be when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub op_types_to_quantize: Option<Vec<Quantizable>>,
        /// Operators whose weights stay as they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub op_types_to_exclude: Option<Vec<String>>,
        /// Names of the only nodes whose weights are quantized; all when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub nodes_to_quantize: Option<Vec<String>>,
        /// Names of nodes whose weights stay as they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub nodes_to_exclude: Option<Vec<String>>,
        /// Whether each column of a matrix has a scale of its own.
        #[serde(default)]
        #[schemars(extend("x-olive-search" = [true, false]))]
        pub per_channel: bool,
        /// Whether codes of matrices have 7 bits.
        ///
        /// Some processors add products of 8 bits in 16 bits, which are too few for them.
        #[serde(default)]
        #[schemars(extend("x-olive-search" = [true, false]))]
        pub reduce_range: bool,
        /// Whether constants are folded and nodes that compute nothing dropped first.
        ///
        /// Matrices that `Constant` nodes hold are only quantized then.
        #[serde(default = "olive_kit_onnx::settings::yes")]
        pub quant_preprocess: bool,
        /// Whether grids of tables and constant activations are symmetric.
        ///
        /// With precision `uint8`, `weight_symmetric` says it of these too.
        #[serde(default)]
        pub activation_symmetric: bool,
        /// Whether grids of weights are symmetric; those of `int8` are when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub weight_symmetric: Option<bool>,
        /// Options by the names of ONNX Runtime's quantizer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub extra_options: Option<ExtraOptions>,
    }
}

/// Type of codes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(extend("x-olive-unavailable-values" = known::widths()))]
pub enum CodeType {
    /// From -128 to 127.
    #[default]
    Int8,
    /// From 0 to 255.
    Uint8,
}

/// An operator whose weights can be quantized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-olive-unavailable-values" = known::operators()))]
pub enum Quantizable {
    /// Products with a constant matrix; `Gemm` that neither scales nor transposes its input too.
    MatMul,
    /// Lookups in a constant table.
    Gather,
    /// Transposes of what is quantized.
    Transpose,
    /// Convolutions with a constant kernel.
    Conv,
    /// ONNX Runtime's own attention with packed projections.
    Attention,
}

impl Quantizable {
    const ALL: [Self; 5] =
        [Self::MatMul, Self::Gather, Self::Transpose, Self::Conv, Self::Attention];
}

/// Options by the names of ONNX Runtime's quantizer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend(
    "x-olive-ignored" = known::ignored_options(),
    "x-olive-unavailable" = known::unavailable_options()
))]
pub struct ExtraOptions {
    /// Least distance of the ends of a grid.
    #[serde(rename = "MinimumRealRange", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub minimum_real_range: Option<f32>,
}

impl Pass for OnnxDynamicQuantization {
    type Config = OnnxDynamicQuantizationConfig;

    const NAME: &'static str = "OnnxDynamicQuantization";
    const SUMMARY: &'static str =
        "Quantize weights to 8 bits, and activations while they are used.";
    const THREADS_CHANGE_RESULT: bool = false;

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Onnx]
    }

    fn produces() -> ModelKind {
        ModelKind::Onnx
    }

    fn run(
        &self,
        input: &Model,
        config: &OnnxDynamicQuantizationConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        let none = "no node with a constant matrix or table of 32-bit floats was found";
        Ok(rewrite_places(input, &config.policy(), ctx, none, |model| {
            let (count, left) = quantize(model, config)?;
            for operator in left {
                let told =
                    format!("nodes of `{operator}` stay as they are: {}", known::NOT_QUANTIZED);
                ctx.log(LogLevel::Warning, &told);
            }
            Ok(count)
        })?)
    }
}

/// Quantizes each weight that can be; says how many nodes there were, and which operators were left
/// that ONNX Runtime's quantizer takes.
fn quantize(
    model: &mut Graph,
    config: &OnnxDynamicQuantizationConfig,
) -> Result<(usize, Vec<&'static str>), RewriteError> {
    let version = model.opset("").or_else(|| model.opset("ai.onnx")).unwrap_or(0);
    if version < 11 {
        let problem = format!("the model is of version {version}, and 11 or newer is needed");
        return Err(RewriteError::Unfit { edit: "OnnxDynamicQuantization", problem });
    }
    if config.quant_preprocess {
        simplify(model)?;
        redundant::drop_repeats(model);
    }
    let is_there =
        |operator: &&str| model.graph.node.iter().any(|node| node.op_type() == *operator);
    let left = known::LEFT.into_iter().filter(|_| config.op_types_to_quantize.is_none());
    let left = left.filter(is_there).collect();
    Ok((Walk::new(model, config).run(), left))
}
