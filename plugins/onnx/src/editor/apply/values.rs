//! Edits of values: their names, who takes them, what is said of them.

use std::collections::HashSet;

use olive_schemas::graph::ValueView;

use super::super::describe;
use super::super::parts::{Parts, Taker};

impl Parts {
    pub(super) fn rename_value(&mut self, graph: u32, from: &str, to: &str) -> Result<(), String> {
        let number = graph;
        let graph = self.graph(graph)?;
        if !self.graphs[graph].makes(from) {
            return Err(self.unknown(graph, from));
        }
        if from == to {
            return Ok(());
        }
        self.check_free(graph, to)?;
        if self.graphs[graph].outputs.has(to) {
            return Err(format!("graph {number} has an output `{to}` already"));
        }
        let takers = self.takers_in(graph, from);
        self.retarget(&takers, from, to);
        let body = &mut self.graphs[graph];
        body.inputs.rename(from, to);
        body.weights.rename(from, to);
        body.sparse.rename(from, to);
        body.values.rename(from, to);
        body.rename_annotations(from, to);
        if let Some(nodes) = body.made.remove(from) {
            for &node in &nodes {
                let outputs = self.nodes[node].proto.output.iter_mut();
                outputs.filter(|name| *name == from).for_each(|name| to.clone_into(name));
            }
            self.graphs[graph].made.insert(to.to_owned(), nodes);
        }
        self.note_maker(to, graph);
        self.touch(from);
        Ok(())
    }

    pub(super) fn replace_uses(&mut self, graph: u32, from: &str, to: &str) -> Result<(), String> {
        let graph = self.graph(graph)?;
        let takers = self.takers_in(graph, from);
        if takers.is_empty() && !self.graphs[graph].makes(from) {
            return Err(self.unknown(graph, from));
        }
        let Some(maker) = self.maker(graph, to) else {
            return Err(self.unknown(graph, to));
        };
        if from == to {
            return Ok(());
        }
        for &taker in &takers {
            let place = self.place(taker);
            if self.maker(place, to) != Some(maker) {
                return Err(format!("graph {place} has another value `{to}`"));
            }
            if matches!(taker, Taker::Output(_)) && self.graphs[place].outputs.has(to) {
                return Err(format!("graph {place} has an output `{to}` already"));
            }
        }
        self.retarget(&takers, from, to);
        self.touch(to);
        Ok(())
    }

    pub(super) fn set_value(&mut self, graph: u32, value: &ValueView) -> Result<(), String> {
        let graph = self.graph(graph)?;
        let name = &value.name;
        let is_end =
            |body: &super::super::parts::Graph| body.inputs.has(name) || body.outputs.has(name);
        let body = &self.graphs[graph];
        if !is_end(body) && !body.values.has(name) && !body.makes(name) {
            return Err(self.unknown(graph, name));
        }
        let body = &mut self.graphs[graph];
        if !is_end(body) && value.dtype.is_none() && value.shape.is_none() {
            body.values.remove(name);
            return Ok(());
        }
        let mut is_said = false;
        for table in [&mut body.inputs, &mut body.outputs, &mut body.values] {
            let Some(old) = table.get_mut(name) else { continue };
            is_said = true;
            // A value that is no tensor, described as the view does, stays what it is.
            if describe::value(old) != *value {
                old.r#type = describe::value_proto(value)?.r#type;
            }
        }
        if !is_said {
            body.values.push(describe::value_proto(value)?);
        }
        Ok(())
    }

    /// That `graph` has no value `name`, and which graph around it has.
    pub(super) fn unknown(&self, graph: usize, name: &str) -> String {
        match self.maker(graph, name) {
            Some(maker) => {
                format!("`{name}` is a value of graph {maker}, not of graph {graph}")
            }
            None => format!("graph {graph} has no value `{name}`"),
        }
    }

    /// Lets `takers` of one value take another.
    fn retarget(&mut self, takers: &[Taker], from: &str, to: &str) {
        if let Some(known) = self.takers.get_mut(from) {
            let gone: HashSet<&Taker> = takers.iter().collect();
            known.retain(|taker| !gone.contains(taker));
        }
        for &taker in takers {
            match taker {
                Taker::Node(node) => {
                    let inputs = self.nodes[node].proto.input.iter_mut();
                    inputs.filter(|name| *name == from).for_each(|name| to.clone_into(name));
                }
                Taker::Output(graph) => self.graphs[graph].outputs.rename(from, to),
            }
            self.takers.entry(to.to_owned()).or_default().push(taker);
        }
    }
}
