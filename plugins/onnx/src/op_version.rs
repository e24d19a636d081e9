//! The pass `OnnxOpVersionConversion`: a newer version of ONNX's operators.
//!
//! In and out: a folder with an ONNX model. From version 18 on, newer versions of almost all
//! operators compute what older ones did and take more types; so the graph stays and says the newer
//! version. Operators of which this does not hold are refused by name, as are older targets.

use olive_kit_onnx::proto::NodeProto;
use olive_kit_onnx::{Model as Graph, each_graph, label};
use olive_plugin_api::{Model, ModelKind, Pass, PluginError, StepContext};

use crate::error::RewriteError;
use crate::rewrite::rewrite;

/// Declares a newer version of ONNX's operators.
#[derive(Debug, Default)]
pub struct OnnxOpVersionConversion;

olive_kit_onnx::settings_with_external_data! {
    /// Settings of the `OnnxOpVersionConversion` pass: a newer version of ONNX's operators.
    pub struct OnnxOpVersionConversionConfig {
        /// Version of ONNX's own operators, not older than that of the model.
        #[serde(default = "newest")]
        #[schemars(range(min = 18, max = 25))]
        pub target_opset: i64,
    }
}

/// Operators whose form changed, and the first version that has the new one.
const CHANGED: [(&str, i64); 3] = [("DFT", 20), ("GridSample", 20), ("GroupNormalization", 21)];

/// Oldest version from which models are converted.
const OLDEST: i64 = 18;

impl Pass for OnnxOpVersionConversion {
    type Config = OnnxOpVersionConversionConfig;

    const NAME: &'static str = "OnnxOpVersionConversion";
    const SUMMARY: &'static str = "Convert an ONNX graph to a newer version of ONNX's operators.";
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
        config: &OnnxOpVersionConversionConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        let target = config.target_opset;
        Ok(rewrite(input, &config.policy(), ctx, |model| convert(model, target))?)
    }
}

fn convert(model: &mut Graph, target: i64) -> Result<(), RewriteError> {
    let version = model.opset("").or_else(|| model.opset("ai.onnx")).unwrap_or(1);
    if version == target {
        return Ok(());
    }
    if version < OLDEST || target < version {
        let problem = format!(
            "the model is of version {version}; conversion is from {OLDEST} or newer to newer \
             versions, not to {target}"
        );
        return Err(unfit(problem));
    }
    if let Some(function) = model.header.functions.first() {
        return Err(unfit(format!("the model has functions of its own, `{}`", function.name())));
    }
    let mut changed = None;
    each_graph(&model.graph, &mut |graph| {
        let found = graph.node.iter().find(|node| is_changed(node, version, target));
        changed =
            changed.take().or_else(|| found.map(|node| (label(node), node.op_type().to_owned())));
    });
    if let Some((node, operator)) = changed {
        let problem = format!(
            "node `{node}` is a `{operator}`, whose form changes between versions {version} and \
             {target}"
        );
        return Err(unfit(problem));
    }
    model.header.opset_import.retain(|opset| opset.domain() != "ai.onnx");
    model.header.set_opset("", target);
    Ok(())
}

fn is_changed(node: &NodeProto, version: i64, target: i64) -> bool {
    CHANGED.iter().any(|&(operator, since)| node.is(operator) && version < since && since <= target)
}

fn unfit(problem: String) -> RewriteError {
    RewriteError::Unfit { edit: "OnnxOpVersionConversion", problem }
}

const fn newest() -> i64 {
    25
}
