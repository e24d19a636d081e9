//! The pass `GraphSurgeries`: a list of edits, one after the other.
//!
//! In and out: a folder with an ONNX model. Each surgery names its surgeon, a file of
//! `surgeons/`, and the surgeon's settings.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher as _};

use olive_kit_onnx::Model as Graph;
use olive_kit_onnx::proto::ValueInfoProto;
use olive_kit_onnx::replace_uses;
use olive_plugin_api::{Diagnostic, Model, ModelKind, Pass, PluginError, StepContext};

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

/// Makes one weight of those of the main graph that are of the same type, shape and bytes.
fn merge_equal_weights(model: &mut Graph) -> Result<(), RewriteError> {
    let outer: Vec<&str> =
        model.graph.input.iter().chain(&model.graph.output).map(ValueInfoProto::name).collect();
    let mut first: HashMap<(i32, Vec<i64>, u64), String> = HashMap::new();
    let mut equal: Vec<(String, String)> = Vec::new();
    for weight in &model.graph.initializer {
        if outer.contains(&weight.name()) {
            continue;
        }
        let mut hasher = DefaultHasher::new();
        if model.maker(weight.name()).is_some() {
            hasher.write(&model.bytes(weight)?);
        } else {
            model.data().stream(weight, &mut |piece| {
                hasher.write(piece);
                Ok(())
            })?;
        }
        let key = (weight.data_type(), weight.dims.clone(), hasher.finish());
        let Some(kept) = first.get(&key) else {
            first.insert(key, weight.name().to_owned());
            continue;
        };
        let other = model.weight(kept).map(|other| model.bytes(other)).transpose()?;
        if other == Some(model.bytes(weight)?) {
            equal.push((weight.name().to_owned(), kept.clone()));
        }
    }
    for (dropped, kept) in &equal {
        replace_uses(&mut model.graph, dropped, kept);
    }
    let is_dropped = |name: &str| equal.iter().any(|(dropped, _)| dropped == name);
    model.graph.initializer.retain(|weight| !is_dropped(weight.name()));
    model.graph.value_info.retain(|value| !is_dropped(value.name()));
    Ok(())
}
