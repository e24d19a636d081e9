//! The pass `GraphSurgeries`: a list of edits, one after the other.
//!
//! In and out: a folder with an ONNX model. Each surgery names its surgeon, a file of
//! `surgeons/`, and the surgeon's settings.

use olive_plugin_api::{Diagnostic, Model, ModelKind, Pass, PluginError, StepContext};

use crate::equal_weights::merge_equal_weights;
use crate::error::RewriteError;
use crate::rewrite::rewrite;
use crate::surgeons;
use crate::surgery::Surgery;

/// Edits an ONNX graph by a list of surgeries.
#[derive(Debug, Default)]
pub struct GraphSurgeries;

olive_kit_onnx::settings_with_external_data! {
    /// Settings of the `GraphSurgeries` pass: edit an ONNX graph by a list of surgeries.
    pub struct GraphSurgeriesConfig {
        /// Edits in the order they are done.
        #[schemars(length(min = 1))]
        pub surgeries: Vec<Surgery>,
        /// Whether weights of the same type, shape and bytes become one in the end.
        #[serde(default = "olive_kit_onnx::settings::yes")]
        pub remove_duplicate_initializers: bool,
    }
}

impl Pass for GraphSurgeries {
    type Config = GraphSurgeriesConfig;

    const NAME: &'static str = "GraphSurgeries";
    const SUMMARY: &'static str = "Edit an ONNX graph by a list of surgeries.";
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
        config: &GraphSurgeriesConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        let surgeries = config.surgeries.iter().enumerate();
        Ok(surgeries.flat_map(|(index, surgery)| surgery.problems(index)).collect())
    }

    fn run(
        &self,
        input: &Model,
        config: &GraphSurgeriesConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        let model = rewrite(input, &config.policy(), ctx, |graph| {
            for surgery in &config.surgeries {
                ctx.check_cancelled().map_err(|_| RewriteError::Cancelled)?;
                surgeons::operate(surgery, graph)?;
            }
            if config.remove_duplicate_initializers {
                merge_equal_weights(graph)?;
            }
            Ok(())
        })?;
        Ok(model)
    }
}
