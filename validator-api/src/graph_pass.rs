//! Passes on ONNX graphs.

use olive_schemas::graph::{GraphEdit, GraphView};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::context::Context;
use crate::refusal::Refusal;

/// A pass on an ONNX graph: it is shown the graph without its weights and says what to change.
///
/// The host keeps the model, checks every edit and what all of them leave, and writes the files.
///
/// ```
/// use olive_validator_api::graph::{GraphEdit, GraphView};
/// use olive_validator_api::{Context, GraphPass, Refusal, call};
/// use serde_json::json;
///
/// /// Settings of `DropIdentity`.
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// struct DropIdentityConfig {}
///
/// struct DropIdentity;
///
/// impl GraphPass for DropIdentity {
///     type Config = DropIdentityConfig;
///     const NAME: &'static str = "DropIdentity";
///     const SUMMARY: &'static str = "Take out nodes that change nothing.";
///
///     fn edit(
///         view: &GraphView,
///         _: &DropIdentityConfig,
///         _: &Context,
///     ) -> Result<Vec<GraphEdit>, Refusal> {
///         let mut edits = Vec::new();
///         for node in view.graph.nodes.iter().filter(|node| node.is("Identity")) {
///             let [from, to] = [&node.outputs[0], &node.inputs[0]].map(String::clone);
///             if !view.graph.is_output(&from) {
///                 edits.push(GraphEdit::ReplaceUses { graph: 0, from, to });
///                 edits.push(GraphEdit::RemoveNode { node: node.id });
///             }
///         }
///         Ok(edits)
///     }
/// }
///
/// let view = json!({"graph": {
///     "inputs": [{"name": "x"}],
///     "outputs": [{"name": "y"}],
///     "nodes": [
///         {"id": 0, "op_type": "Identity", "inputs": ["x"], "outputs": ["same"]},
///         {"id": 1, "op_type": "Relu", "inputs": ["same"], "outputs": ["y"]}
///     ]
/// }});
/// let view = serde_json::from_value(view).unwrap();
/// let edits = call::edit::<DropIdentity>(&view, &json!({}), &Context::default()).unwrap();
/// assert_eq!(
///     serde_json::to_value(edits).unwrap(),
///     json!([
///         {"edit": "replace_uses", "from": "same", "to": "x"},
///         {"edit": "remove_node", "node": 0}
///     ])
/// );
/// ```
pub trait GraphPass {
    /// What a user sets beside `type`. Every field is documented, unknown keys are refused.
    type Config: DeserializeOwned + JsonSchema;

    /// Name a workflow selects it by, such as `DropIdentity`; matched without case.
    const NAME: &'static str;

    /// One sentence on what it does, imperative, with a final period.
    const SUMMARY: &'static str;

    /// What to change of the model, in order; nothing when it is right as it is.
    ///
    /// # Errors
    /// When the settings do not fit the graph. The step then ends with the reason.
    fn edit(
        view: &GraphView,
        config: &Self::Config,
        ctx: &Context,
    ) -> Result<Vec<GraphEdit>, Refusal>;
}
