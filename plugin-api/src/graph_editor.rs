//! The trait of graph editors.

use olive_schemas::error::PluginError;
use olive_schemas::graph::{GraphEdit, GraphView};
use olive_schemas::model::Model;

use crate::context::StepContext;

/// A graph editor shows ONNX graphs without their weights, and changes them as it is told.
///
/// It is the hand of passes that run in a sandbox: they see the graph, and never a file. The host
/// prints the same view as `olive onnx inspect`.
pub trait GraphEditor: Default + Send + Sync + 'static {
    /// Name in listings.
    const NAME: &'static str;

    /// One sentence on what it does, with a final period.
    const SUMMARY: &'static str;

    /// The graph of the ONNX model `input`.
    ///
    /// # Errors
    /// When the model cannot be read, or the step was cancelled.
    fn view(&self, input: &Model, ctx: &StepContext<'_>) -> Result<GraphView, PluginError>;

    /// Writes the model that `edits` make of `input` into the output folder.
    ///
    /// # Errors
    /// When an edit does not fit the model, when what they leave is no sound model, when a file
    /// cannot be read or written, or when the step was cancelled.
    fn edit(
        &self,
        input: &Model,
        edits: &[GraphEdit],
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError>;
}
