//! Parsing a config's text into trees with places.

mod json;

use super::{Finding, Node, Source};

/// What a text holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The config; several when the text shows alternatives, none when it cannot be parsed.
    pub documents: Vec<Node>,
    /// What is wrong with the text itself.
    pub findings: Vec<Finding>,
}

/// Parses the text of `source`.
pub fn parse(source: &Source) -> Parsed {
    let mut findings = Vec::new();
    let documents = json::parse(&source.text, &mut findings).into_iter().collect();
    Parsed { documents, findings }
}
