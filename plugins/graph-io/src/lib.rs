//! Renames and removes inputs and outputs of ONNX graphs, in the sandbox.
//!
//! `EditGraphIO` does what the surgeries `RenameInputs`, `RenameOutputs` and `RemoveInputs` of
//! `GraphSurgeries` do, from a component that sees no weight and no file, and refuses what those
//! pass over: names that the graph does not have, and inputs that something still takes. In reading
//! order: what is needed of a graph once outputs are gone, renames in an order that loses none, and
//! the settings checked against the graph.

mod needed;
mod renames;
mod request;

use std::collections::BTreeMap;

use olive_validator_api::graph::{GraphEdit, GraphView};
use olive_validator_api::{Context, GraphPass, Refusal, export_graph_passes};
use schemars::JsonSchema;
use serde::Deserialize;

/// Settings of the `EditGraphIO` pass.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EditGraphIoConfig {
    /// New names of inputs, by the names they have.
    ///
    /// Two inputs may change names. Files beside the model that name its inputs, such as
    /// `genai_config.json`, stay as they are.
    pub rename_inputs: BTreeMap<String, String>,
    /// New names of outputs, by the names they have.
    pub rename_outputs: BTreeMap<String, String>,
    /// Inputs to take out; refused while a node or an output takes them.
    ///
    /// An input that an initializer has a value for may be taken out always: it then is constant.
    pub remove_inputs: Vec<String>,
    /// Outputs to take out; one must stay.
    pub remove_outputs: Vec<String>,
    /// Take out nodes and initializers that nothing needs, also those that nothing needed before.
    pub remove_unused: bool,
}

/// The pass.
#[derive(Debug)]
pub struct EditGraphIo;

impl GraphPass for EditGraphIo {
    type Config = EditGraphIoConfig;

    const NAME: &'static str = "EditGraphIO";
    const SUMMARY: &'static str = "Rename and remove inputs and outputs of an ONNX graph.";

    fn edit(
        view: &GraphView,
        config: &EditGraphIoConfig,
        _: &Context,
    ) -> Result<Vec<GraphEdit>, Refusal> {
        let problems = request::problems(&view.graph, config);
        if !problems.is_empty() {
            return Err(Refusal::of(problems.join("; ")));
        }
        let mut edits = Vec::new();
        let removed = config.remove_outputs.iter().cloned();
        edits.extend(removed.map(|name| GraphEdit::RemoveOutput { graph: 0, name }));
        edits.extend(config.remove_unused.then_some(GraphEdit::RemoveUnused));
        let removed = config.remove_inputs.iter().cloned();
        edits.extend(removed.map(|name| GraphEdit::RemoveInput { graph: 0, name }));
        let steps = renames::steps(config, &view.graph).into_iter();
        edits.extend(steps.map(|(from, to)| GraphEdit::RenameValue { graph: 0, from, to }));
        Ok(edits)
    }
}

export_graph_passes! { EditGraphIo }
