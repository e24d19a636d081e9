//! An Olive graph pass: takes out nodes that change nothing.

use std::collections::BTreeMap;

use olive_validator_api::graph::{GraphEdit, GraphView, Uses};
use olive_validator_api::{Context, GraphPass, Refusal, export_graph_passes};
use schemars::JsonSchema;
use serde::Deserialize;

/// Settings of the `AcmeTidy` pass.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AcmeTidyConfig {
    /// Operators whose first output is their first input, when a model only runs.
    #[schemars(length(min = 1))]
    pub operators: Vec<String>,
}

impl Default for AcmeTidyConfig {
    fn default() -> Self {
        Self {
            operators: ["Identity", "Dropout"].map(str::to_owned).into(),
        }
    }
}

/// The pass.
pub struct AcmeTidy;

impl GraphPass for AcmeTidy {
    type Config = AcmeTidyConfig;

    const NAME: &'static str = "AcmeTidy";
    const SUMMARY: &'static str = "Take out nodes that change nothing.";

    fn edit(
        view: &GraphView,
        config: &AcmeTidyConfig,
        _: &Context,
    ) -> Result<Vec<GraphEdit>, Refusal> {
        let graph = &view.graph;
        let uses = Uses::of(graph);
        let mut stands_for: BTreeMap<&str, &str> = BTreeMap::new();
        let mut edits = Vec::new();
        for node in &graph.nodes {
            if !config.operators.iter().any(|operator| node.is(operator)) {
                continue;
            }
            let ([from, masks @ ..], [to, ..]) = (&*node.outputs, &*node.inputs) else {
                let name = &node.name;
                return Err(Refusal::of(format!("node `{name}` has no input or output")));
            };
            let is_used = |mask: &String| graph.is_output(mask) || !uses.consumers(mask).is_empty();
            // An output of the graph keeps its name, so the node that makes it stays.
            if graph.is_output(from) || masks.iter().any(is_used) {
                continue;
            }
            let to = stands_for.get(to.as_str()).copied().unwrap_or(to);
            stands_for.insert(from, to);
            edits.push(GraphEdit::ReplaceUses {
                graph: graph.id,
                from: from.clone(),
                to: to.to_owned(),
            });
            edits.push(GraphEdit::RemoveNode { node: node.id });
        }
        Ok(edits)
    }
}

export_graph_passes! { AcmeTidy }
