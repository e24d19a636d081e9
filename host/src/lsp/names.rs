//! Names that a config gives to its parts, and where they are used.

use std::ops::Range;

use serde_json::Value;

use crate::config::Node;
use crate::config::navigate::Place;
use crate::config::node::NodeValue;
use crate::config::references::REFERENCE;

/// What has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// A system.
    System,
    /// A data config.
    DataConfig,
    /// An evaluator.
    Evaluator,
    /// A pass.
    Pass,
}

impl Named {
    /// What the value at `path` names, by its mark in the schema or else by its key.
    pub(super) fn by(place: &Place<'_>, path: &[String]) -> Option<Self> {
        Self::by_mark(place).or_else(|| Self::by_key(path))
    }

    fn by_mark(place: &Place<'_>) -> Option<Self> {
        match place.says(REFERENCE)?.as_str()? {
            "system" => Some(Self::System),
            "data_config" => Some(Self::DataConfig),
            "evaluator" => Some(Self::Evaluator),
            "pass" => Some(Self::Pass),
            _ => None,
        }
    }

    fn by_key(path: &[String]) -> Option<Self> {
        let key = path.iter().rfind(|token| token.parse::<usize>().is_err())?;
        match key.as_str() {
            "host" | "target" => Some(Self::System),
            "evaluator" => Some(Self::Evaluator),
            "pipeline" | "pass_flows" => Some(Self::Pass),
            key if key.ends_with("data_config") && path[0] != "data_configs" => {
                Some(Self::DataConfig)
            }
            _ => None,
        }
    }

    /// Key of the section that defines it.
    pub(super) const fn section(self) -> &'static str {
        match self {
            Self::System => "systems",
            Self::DataConfig => "data_configs",
            Self::Evaluator => "evaluators",
            Self::Pass => "passes",
        }
    }
}

/// Names of what `root` defines, each with its type.
pub(super) fn defined(root: &Value, named: Named) -> Vec<(&str, Option<&str>)> {
    match root.get(named.section()) {
        Some(Value::Object(map)) => {
            map.iter().map(|(name, part)| (name.as_str(), type_of(part))).collect()
        }
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(|item| Some((item.get("name")?.as_str()?, type_of(item))))
            .collect(),
        _ => Vec::new(),
    }
}

/// Bytes of the key or value that gives `name` in `root`.
pub(super) fn definition(root: &Node, named: Named, name: &str) -> Option<Range<usize>> {
    let section = root.get(named.section())?;
    match &section.value {
        NodeValue::Object(_) => section.entry(name).map(|entry| entry.key_range.clone()),
        NodeValue::Array(items) => {
            let mut names = items.iter().filter_map(|item| item.get("name"));
            names.find(|node| node.as_str() == Some(name)).map(|node| node.range.clone())
        }
        NodeValue::Scalar(_) => None,
    }
}

fn type_of(part: &Value) -> Option<&str> {
    part.get("type").and_then(Value::as_str)
}
