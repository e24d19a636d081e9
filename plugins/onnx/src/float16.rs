//! The pass `OnnxFloatToFloat16`: 16-bit floats instead of 32-bit ones.
//!
//! In and out: a folder with an ONNX model. Weights, constants and values between nodes are rounded;
//! nodes that are blocked, by their operator or by name, keep computing with 32 bits between casts.
//! The rules are those of ONNX Runtime's converter. Weights are rounded while they are written.

mod convert;
mod weight;

use olive_kit_onnx::sort;
use olive_plugin_api::{
    Diagnostic, Model, ModelKind, Offer, Pass, PluginError, Shortcut, StepContext,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::RewriteError;
use crate::rewrite::rewrite;
use convert::Conversion;

/// Writes 16-bit floats instead of 32-bit ones.
#[derive(Debug, Default)]
pub struct OnnxFloatToFloat16;

olive_kit_onnx::settings_with_external_data! {
    /// Settings of the `OnnxFloatToFloat16` pass: 16-bit floats instead of 32-bit ones.
    #[schemars(extend("x-olive-ignored" = ignored(), "x-olive-shortcuts" = offers()))]
    pub struct OnnxFloatToFloat16Config {
        /// Smaller weights, but for 0, become this one; the smallest there is is 5.96e-8.
        #[serde(default = "smallest")]
        #[schemars(range(min = 5.96e-8, max = 1.0))]
        pub min_positive_val: f64,
        /// Larger finite weights become this one; the largest there is is 65504.
        #[serde(default = "largest")]
        #[schemars(range(min = 1.0, max = 65504.0))]
        pub max_finite_val: f64,
        /// Whether inputs and outputs keep their type; or the names of those that do.
        #[serde(default)]
        pub keep_io_types: KeptEnds,
        /// Operators that keep 32 bits; those that ONNX Runtime cannot do otherwise when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub op_block_list: Option<Vec<String>>,
        /// The only operators that get 16 bits; not together with `op_block_list`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub op_include_list: Option<Vec<String>>,
        /// Names of nodes that keep 32 bits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub node_block_list: Option<Vec<String>>,
        /// Names of the only nodes that get 16 bits; not together with `node_block_list`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub node_include_list: Option<Vec<String>>,
    }
}

/// Inputs and outputs that keep their type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum KeptEnds {
    /// All of them, or none.
    All(bool),
    /// Those of these names.
    Named(Vec<String>),
}

impl Default for KeptEnds {
    fn default() -> Self {
        Self::All(false)
    }
}

impl KeptEnds {
    fn keeps(&self, name: &str) -> bool {
        match self {
            Self::All(all) => *all,
            Self::Named(names) => names.iter().any(|kept| kept == name),
        }
    }
}

impl Pass for OnnxFloatToFloat16 {
    type Config = OnnxFloatToFloat16Config;

    const NAME: &'static str = "OnnxFloatToFloat16";
    const SUMMARY: &'static str = "Write 16-bit floats instead of 32-bit ones.";
    const THREADS_CHANGE_RESULT: bool = false;

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Onnx]
    }

    fn produces() -> ModelKind {
        ModelKind::Onnx
    }

    fn prepare(
        &self,
        _input: &Model,
        config: &OnnxFloatToFloat16Config,
        _ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        let both = |one: bool, other: bool, name: &str, opposite: &str| {
            let message = format!("`{name}` and `{opposite}` exclude each other");
            let pointer = format!("/{name}");
            (one && other).then(|| Diagnostic::error("does-not-fit", &pointer, message))
        };
        let operators = [&config.op_include_list, &config.op_block_list].map(Option::is_some);
        let nodes = [&config.node_include_list, &config.node_block_list].map(Option::is_some);
        let operators = both(operators[0], operators[1], "op_include_list", "op_block_list");
        let nodes = both(nodes[0], nodes[1], "node_include_list", "node_block_list");
        Ok(operators.into_iter().chain(nodes).collect())
    }

    fn run(
        &self,
        input: &Model,
        config: &OnnxFloatToFloat16Config,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        Ok(rewrite(input, &config.policy(), ctx, |model| {
            sort(&mut model.graph).map_err(|node| RewriteError::Unfit {
                edit: "OnnxFloatToFloat16",
                problem: format!("node `{node}` needs its own output"),
            })?;
            Conversion::new(config, model).convert(model)
        })?)
    }
}

/// What the pass does for commands that write their own config.
fn offers() -> [Offer; 2] {
    let reason = "no rounding to integers; what the device computes with";
    [
        Offer::new(Shortcut::Convert).precision("fp16"),
        Offer::new(Shortcut::Optimize).precision("fp16").on(&["gpu", "npu"]).because(reason),
    ]
}

fn ignored() -> Value {
    let reason = "types are worked out from what the graph says and from its operators";
    json!({"use_symbolic_shape_infer": {"reason": reason, "harmless": true}})
}

const fn smallest() -> f64 {
    1e-7
}

const fn largest() -> f64 {
    1e4
}
