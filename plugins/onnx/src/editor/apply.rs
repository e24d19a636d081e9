//! The edits, one after the other, on a model in parts.

mod nodes;
mod values;
mod ends;
mod weights;
mod unused;
mod header;

use olive_kit_onnx::{GraphProblem, Model};
use olive_schemas::graph::GraphEdit;

use super::parts::Parts;
use super::view::sort_all;
use crate::error::RewriteError;

/// Does `edits` on `model`, whose nodes are in order, and puts them in order again.
///
/// Costs what the edits touch and, once, the size of the graph.
///
/// # Errors
/// The first edit that does not fit, or an edit after which the model is not sound.
pub(super) fn apply(edits: &[GraphEdit], model: &mut Model) -> Result<(), RewriteError> {
    let header = std::mem::take(&mut model.header);
    let mut parts = Parts::of(header, std::mem::take(&mut model.graph));
    for (index, edit) in edits.iter().enumerate() {
        parts.edit = index;
        parts.apply(edit).map_err(|problem| unfit(edits, index, problem))?;
    }
    parts.forget_missing();
    let (domains, touched) =
        (std::mem::take(&mut parts.domains), std::mem::take(&mut parts.touched));
    (model.header, model.graph) = parts.into_model();
    for (domain, index) in domains {
        let mut opsets = model.header.opset_import.iter();
        if !opsets.any(|opset| plain(opset.domain()) == plain(&domain)) {
            let problem = format!("the model has no operator set of the domain `{domain}`");
            return Err(unfit(edits, index, problem));
        }
    }
    sort_all(model)?;
    let Some(problem) = model.check().into_iter().next() else { return Ok(()) };
    let touched = match &problem {
        GraphProblem::DanglingInput { value, .. } | GraphProblem::DanglingOutput { value, .. } => {
            touched.get(value)
        }
        GraphProblem::MadeTwice { .. } | GraphProblem::Cycle { .. } | GraphProblem::Tensor(_) => {
            None
        }
    };
    match touched {
        Some(&index) => Err(unfit(edits, index, format!("in the end, {problem}"))),
        None => Err(RewriteError::Broken(problem)),
    }
}

impl Parts {
    fn apply(&mut self, edit: &GraphEdit) -> Result<(), String> {
        match edit {
            GraphEdit::AddNode { graph, node } => self.add_node(*graph, node),
            GraphEdit::RemoveNode { node } => self.remove_node(*node),
            GraphEdit::SetNode { node, name, op_type, domain } => {
                self.set_node(*node, name.as_deref(), op_type.as_deref(), domain.as_deref())
            }
            GraphEdit::SetInputs { node, inputs } => self.set_inputs(*node, inputs),
            GraphEdit::SetOutputs { node, outputs } => self.set_outputs(*node, outputs),
            GraphEdit::SetAttribute { node, name, value } => self.set_attribute(*node, name, value),
            GraphEdit::RemoveAttribute { node, name } => self.remove_attribute(*node, name),
            GraphEdit::RenameValue { graph, from, to } => self.rename_value(*graph, from, to),
            GraphEdit::ReplaceUses { graph, from, to } => self.replace_uses(*graph, from, to),
            GraphEdit::AddInput { graph, value } => self.add_input(*graph, value),
            GraphEdit::RemoveInput { graph, name } => self.remove_input(*graph, name),
            GraphEdit::AddOutput { graph, value } => self.add_output(*graph, value),
            GraphEdit::RemoveOutput { graph, name } => self.remove_output(*graph, name),
            GraphEdit::SetValue { graph, value } => self.set_value(*graph, value),
            GraphEdit::SetWeight { graph, weight } => self.set_weight(*graph, weight),
            GraphEdit::RemoveWeight { graph, name } => self.remove_weight(*graph, name),
            GraphEdit::RemoveUnused => {
                self.remove_unused();
                Ok(())
            }
            GraphEdit::SetOpset { domain, version } => self.set_opset(domain, *version),
            GraphEdit::SetMetadata { key, value } => self.set_metadata(key, value.as_deref()),
        }
    }

    /// Remembers that this edit takes away or asks for the value `name`.
    fn touch(&mut self, name: &str) {
        self.touched.insert(name.to_owned(), self.edit);
    }

    /// Forgets what is said of values that edits left without a maker.
    fn forget_missing(&mut self) {
        let mut names: Vec<&String> = self.touched.keys().collect();
        names.sort_unstable();
        for name in names {
            for &graph in self.makers.get(name).into_iter().flatten() {
                self.graphs[graph].forget_missing(name);
            }
        }
    }
}

fn unfit(edits: &[GraphEdit], index: usize, problem: String) -> RewriteError {
    RewriteError::Edit { index, kind: edits.get(index).map_or("", kind), problem }
}

/// A domain of operators by its one name: ONNX's own has two.
fn plain(domain: &str) -> &str {
    if domain == "ai.onnx" { "" } else { domain }
}

/// How an edit is spelled.
fn kind(edit: &GraphEdit) -> &'static str {
    match edit {
        GraphEdit::AddNode { .. } => "add_node",
        GraphEdit::RemoveNode { .. } => "remove_node",
        GraphEdit::SetNode { .. } => "set_node",
        GraphEdit::SetInputs { .. } => "set_inputs",
        GraphEdit::SetOutputs { .. } => "set_outputs",
        GraphEdit::SetAttribute { .. } => "set_attribute",
        GraphEdit::RemoveAttribute { .. } => "remove_attribute",
        GraphEdit::RenameValue { .. } => "rename_value",
        GraphEdit::ReplaceUses { .. } => "replace_uses",
        GraphEdit::AddInput { .. } => "add_input",
        GraphEdit::RemoveInput { .. } => "remove_input",
        GraphEdit::AddOutput { .. } => "add_output",
        GraphEdit::RemoveOutput { .. } => "remove_output",
        GraphEdit::SetValue { .. } => "set_value",
        GraphEdit::SetWeight { .. } => "set_weight",
        GraphEdit::RemoveWeight { .. } => "remove_weight",
        GraphEdit::RemoveUnused => "remove_unused",
        GraphEdit::SetOpset { .. } => "set_opset",
        GraphEdit::SetMetadata { .. } => "set_metadata",
    }
}
