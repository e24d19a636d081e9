//! Edits of nodes.

use std::collections::HashSet;

use olive_kit_onnx::proto::NodeProto;
use olive_schemas::graph::{self, NewNode};

use super::super::attributes;
use super::super::parts::{Attribute, Parts, Taker};

impl Parts {
    pub(super) fn add_node(&mut self, graph: u32, node: &NewNode) -> Result<(), String> {
        let graph = self.graph(graph)?;
        check_operator(&node.op_type)?;
        self.check_outputs(graph, &node.outputs, &[])?;
        let attributes = node.attributes.iter();
        let attribute = attributes.map(|(name, value)| attributes::proto(name, value));
        let text = |text: &String| (!text.is_empty()).then(|| text.clone());
        let proto = NodeProto {
            name: text(&node.name),
            op_type: text(&node.op_type),
            domain: text(&node.domain),
            input: node.inputs.clone(),
            output: node.outputs.clone(),
            attribute: attribute.collect::<Result<_, _>>()?,
            ..NodeProto::default()
        };
        self.add(proto, graph);
        node.inputs.iter().for_each(|name| self.touch(name));
        self.domains.push((node.domain.clone(), self.edit));
        Ok(())
    }

    pub(super) fn remove_node(&mut self, node: u32) -> Result<(), String> {
        let node = self.node(node)?;
        self.take_out(node);
        Ok(())
    }

    pub(super) fn set_node(
        &mut self,
        node: u32,
        name: Option<&str>,
        op_type: Option<&str>,
        domain: Option<&str>,
    ) -> Result<(), String> {
        let node = self.node(node)?;
        op_type.map_or(Ok(()), check_operator)?;
        let proto = &mut self.nodes[node].proto;
        if let Some(name) = name {
            proto.name = Some(name.to_owned());
        }
        if let Some(op_type) = op_type {
            proto.op_type = Some(op_type.to_owned());
        }
        if let Some(domain) = domain {
            proto.domain = Some(domain.to_owned());
            self.domains.push((domain.to_owned(), self.edit));
        }
        Ok(())
    }

    pub(super) fn set_inputs(&mut self, node: u32, inputs: &[String]) -> Result<(), String> {
        let node = self.node(node)?;
        for name in inputs.iter().filter(|name| !name.is_empty()) {
            self.takers.entry(name.clone()).or_default().push(Taker::Node(node));
            self.touch(name);
        }
        self.nodes[node].proto.input = inputs.to_vec();
        Ok(())
    }

    pub(super) fn set_outputs(&mut self, node: u32, outputs: &[String]) -> Result<(), String> {
        let node = self.node(node)?;
        let graph = self.nodes[node].graph;
        let old = self.nodes[node].proto.output.clone();
        self.check_outputs(graph, outputs, &old)?;
        self.unmake(node);
        for name in outputs.iter().filter(|name| !name.is_empty()) {
            self.graphs[graph].made.entry(name.clone()).or_default().push(node);
            self.note_maker(name, graph);
        }
        self.nodes[node].proto.output = outputs.to_vec();
        Ok(())
    }

    pub(super) fn set_attribute(
        &mut self,
        node: u32,
        name: &str,
        value: &graph::Attribute,
    ) -> Result<(), String> {
        let node = self.node(node)?;
        let new = Attribute::plain(attributes::proto(name, value)?);
        let mut old = self.nodes[node].attributes.iter_mut();
        match old.find(|attribute| attribute.proto.name() == name) {
            Some(old) => {
                let old = std::mem::replace(old, new);
                old.graphs().for_each(|graph| self.take_out_graph(graph));
            }
            None => self.nodes[node].attributes.push(new),
        }
        Ok(())
    }

    pub(super) fn remove_attribute(&mut self, node: u32, name: &str) -> Result<(), String> {
        let index = self.node(node)?;
        let attributes = std::mem::take(&mut self.nodes[index].attributes);
        let is_meant = |attribute: &Attribute| attribute.proto.name() == name;
        let (removed, kept): (Vec<_>, Vec<_>) = attributes.into_iter().partition(is_meant);
        self.nodes[index].attributes = kept;
        if removed.is_empty() {
            return Err(format!("node {node} has no attribute `{name}`"));
        }
        for graph in removed.iter().flat_map(Attribute::graphs) {
            self.take_out_graph(graph);
        }
        Ok(())
    }

    /// Takes a node out with all that is inside it.
    pub(super) fn take_out(&mut self, node: usize) {
        self.unmake(node);
        self.nodes[node].removed = Some(self.edit);
        let attributes = self.nodes[node].attributes.iter();
        let graphs: Vec<usize> = attributes.flat_map(Attribute::graphs).collect();
        for graph in graphs {
            self.take_out_graph(graph);
        }
    }

    fn take_out_graph(&mut self, graph: usize) {
        self.graphs[graph].removed = Some(self.edit);
        for node in std::mem::take(&mut self.graphs[graph].nodes) {
            self.take_out(node);
        }
    }

    /// Lets `node` make nothing.
    fn unmake(&mut self, node: usize) {
        let graph = self.nodes[node].graph;
        for name in std::mem::take(&mut self.nodes[node].proto.output) {
            let made = &mut self.graphs[graph].made;
            if let Some(makers) = made.get_mut(&name) {
                makers.retain(|&maker| maker != node);
                if makers.is_empty() {
                    made.remove(&name);
                }
                self.touch(&name);
            }
        }
    }

    /// Whether a node of `graph` with the outputs `old` may have the outputs `new`.
    fn check_outputs(&self, graph: usize, new: &[String], old: &[String]) -> Result<(), String> {
        let mut seen = HashSet::new();
        for name in new.iter().filter(|name| !name.is_empty()) {
            if !seen.insert(name) {
                return Err(format!("`{name}` is there twice among the outputs"));
            }
            if !old.contains(name) {
                self.check_free(graph, name)?;
            }
        }
        Ok(())
    }
}

fn check_operator(op_type: &str) -> Result<(), String> {
    if op_type.is_empty() { Err("a node has an operator".to_owned()) } else { Ok(()) }
}
