//! Which graph makes a value, and who takes it: a graph sees the values of those around it.

use std::collections::HashSet;

use super::parts::{Parts, Taker};

impl Parts {
    /// The graph of this number, unless it was taken out.
    ///
    /// # Errors
    /// What is there instead.
    pub(super) fn graph(&self, number: u32) -> Result<usize, String> {
        let last = self.graphs.len().saturating_sub(1);
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        match self.graphs.get(index).map(|graph| graph.removed) {
            Some(None) => Ok(index),
            Some(Some(edit)) => Err(format!("graph {number} was taken out by `edits[{edit}]`")),
            None => Err(format!("there is no graph {number}; the last is {last}")),
        }
    }

    /// The node of this number, unless it was taken out.
    ///
    /// # Errors
    /// What is there instead.
    pub(super) fn node(&self, number: u32) -> Result<usize, String> {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        match self.nodes[..self.shown].get(index).map(|node| node.removed) {
            Some(None) => Ok(index),
            Some(Some(edit)) => Err(format!("node {number} was taken out by `edits[{edit}]`")),
            None if self.shown == 0 => Err(format!("there is no node {number}, and no other")),
            None => Err(format!("there is no node {number}; the last is {}", self.shown - 1)),
        }
    }

    /// The graph whose value `name` is for who looks from `graph`.
    pub(super) fn maker(&self, graph: usize, name: &str) -> Option<usize> {
        self.around(graph).find(|&graph| self.graphs[graph].makes(name))
    }

    /// Whether `name` may become a value of `graph`: no graph around it or in it has one.
    ///
    /// # Errors
    /// Who has it.
    pub(super) fn check_free(&self, graph: usize, name: &str) -> Result<(), String> {
        if name.is_empty() {
            return Err("a value has a name".to_owned());
        }
        let makers = self.makers.get(name).into_iter().flatten().copied();
        let mut live = makers.filter(|&maker| {
            self.graphs[maker].removed.is_none() && self.graphs[maker].makes(name)
        });
        let is_seen = |&maker: &usize| {
            self.around(graph).any(|one| one == maker) || self.around(maker).any(|one| one == graph)
        };
        match live.find(is_seen) {
            Some(maker) => Err(format!("graph {maker} has a value `{name}` already")),
            None => Ok(()),
        }
    }

    /// Those in and inside `graph` who take its value `name`, or one that nothing makes.
    pub(super) fn takers_in(&self, graph: usize, name: &str) -> Vec<Taker> {
        let all = self.takers.get(name).into_iter().flatten().copied();
        let mut found: Vec<Taker> = all.filter(|&taker| self.takes(taker, graph, name)).collect();
        // A node that takes it twice is there twice, not always one behind the other.
        let mut seen = HashSet::new();
        found.retain(|&taker| seen.insert(taker));
        found
    }

    /// The graph that `taker` is in.
    pub(super) fn place(&self, taker: Taker) -> usize {
        match taker {
            Taker::Node(node) => self.nodes[node].graph,
            Taker::Output(graph) => graph,
        }
    }

    /// `graph` and those around it, from the inside.
    fn around(&self, graph: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(graph), |&graph| {
            self.graphs[graph].inside.map(|node| self.nodes[node].graph)
        })
    }

    fn takes(&self, taker: Taker, graph: usize, name: &str) -> bool {
        let is_there = match taker {
            Taker::Node(node) => {
                let node = &self.nodes[node];
                node.removed.is_none() && node.proto.input.iter().any(|input| input == name)
            }
            Taker::Output(of) => {
                self.graphs[of].removed.is_none() && self.graphs[of].outputs.has(name)
            }
        };
        let place = self.place(taker);
        let is_its = || match self.maker(place, name) {
            Some(maker) => maker == graph,
            None => self.around(place).any(|around| around == graph),
        };
        is_there && is_its()
    }
}
