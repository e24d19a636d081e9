//! Edits of inputs and outputs of a graph.

use olive_schemas::graph::ValueView;

use super::super::describe;
use super::super::parts::{Parts, Taker};

impl Parts {
    pub(super) fn add_input(&mut self, graph: u32, value: &ValueView) -> Result<(), String> {
        let graph = self.graph(graph)?;
        let body = &self.graphs[graph];
        let name = &value.name;
        // An input with an initializer of the same name has a default value.
        let is_default = body.weights.has(name) && !body.inputs.has(name);
        if !is_default {
            self.check_free(graph, name)?;
        }
        let proto = describe::value_proto(value)?;
        self.graphs[graph].values.remove(name);
        self.graphs[graph].inputs.push(proto);
        self.note_maker(name, graph);
        Ok(())
    }

    pub(super) fn remove_input(&mut self, graph: u32, name: &str) -> Result<(), String> {
        let graph = self.graph(graph)?;
        if !self.graphs[graph].inputs.remove(name) {
            return Err(format!("graph {graph} has no input `{name}`"));
        }
        self.touch(name);
        Ok(())
    }

    pub(super) fn add_output(&mut self, graph: u32, value: &ValueView) -> Result<(), String> {
        let graph = self.graph(graph)?;
        let body = &mut self.graphs[graph];
        let name = &value.name;
        if name.is_empty() {
            return Err("an output has a name".to_owned());
        }
        if body.outputs.has(name) {
            return Err(format!("graph {graph} has an output `{name}` already"));
        }
        let known = body.values.get(name).or_else(|| body.inputs.get(name));
        let proto = match known {
            Some(known) if value.dtype.is_none() && value.shape.is_none() => known.clone(),
            _ => describe::value_proto(value)?,
        };
        body.values.remove(name);
        body.outputs.push(proto);
        self.takers.entry(name.clone()).or_default().push(Taker::Output(graph));
        self.touch(name);
        Ok(())
    }

    pub(super) fn remove_output(&mut self, graph: u32, name: &str) -> Result<(), String> {
        let graph = self.graph(graph)?;
        if self.graphs[graph].outputs.remove(name) {
            return Ok(());
        }
        Err(format!("graph {graph} has no output `{name}`"))
    }
}
