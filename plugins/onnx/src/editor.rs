//! The graph editor: shows a model without its weights, and changes it as it is told.
//!
//! From the top: `view` describes the graph, `apply` does the edits on its `parts`, where a value
//! is found by name however large the graph is. Weights stay where they are: in the graph, or in
//! files of the same names.

mod view;
mod apply;
mod scope;
mod parts;
mod table;
mod attributes;
mod describe;
mod elements;
mod small_floats;

use olive_plugin_api::{GraphEdit, GraphEditor, GraphView, Model, PluginError, StepContext};

use crate::error::RewriteError;
use crate::rewrite::{graph_path, open_to_look, rewrite_alike};

/// Shows and edits ONNX graphs.
#[derive(Debug, Default)]
pub struct OnnxGraphEditor;

impl GraphEditor for OnnxGraphEditor {
    const NAME: &'static str = "OnnxGraphEditor";
    const SUMMARY: &'static str = "Show ONNX graphs without their weights, and edit them.";

    fn view(&self, input: &Model, _ctx: &StepContext<'_>) -> Result<GraphView, PluginError> {
        let mut model = open_to_look(&graph_path(input)?)?;
        view::sort_all(&mut model)?;
        Ok(view::view(&model)?)
    }

    fn edit(
        &self,
        input: &Model,
        edits: &[GraphEdit],
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        let model = rewrite_alike(input, ctx, |model| {
            view::sort_all(model)?;
            apply::apply(edits, model)
        });
        model.map_err(|error: RewriteError| error.into())
    }
}
