//! Edits of initializers.

use olive_schemas::graph::TensorView;

use super::super::describe;
use super::super::parts::Parts;

impl Parts {
    pub(super) fn set_weight(&mut self, graph: u32, weight: &TensorView) -> Result<(), String> {
        let graph = self.graph(graph)?;
        let name = &weight.name;
        let tensor =
            describe::tensor_proto(weight).map_err(|problem| format!("`{name}`: {problem}"))?;
        let body = &mut self.graphs[graph];
        if let Some(old) = body.weights.get_mut(name) {
            *old = tensor;
            return Ok(());
        }
        // An input with an initializer of the same name has a default value.
        if !body.inputs.has(name) {
            self.check_free(graph, name)?;
        }
        self.graphs[graph].weights.push(tensor);
        self.note_maker(name, graph);
        Ok(())
    }

    pub(super) fn remove_weight(&mut self, graph: u32, name: &str) -> Result<(), String> {
        let graph = self.graph(graph)?;
        let body = &mut self.graphs[graph];
        if !body.weights.remove(name) && !body.sparse.remove(name) {
            return Err(format!("graph {graph} has no initializer `{name}`"));
        }
        self.touch(name);
        Ok(())
    }
}
