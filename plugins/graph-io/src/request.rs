//! Whether what is asked for fits a graph.

use std::collections::{BTreeMap, BTreeSet};

use olive_validator_api::graph::{GraphBody, ValueView};

use crate::{EditGraphIoConfig, needed, renames};

/// Names that a problem lists at most.
const LISTED: usize = 8;

/// Everything that is wrong with the settings for this graph.
pub(crate) fn problems(graph: &GraphBody, config: &EditGraphIoConfig) -> Vec<String> {
    let inputs = config.rename_inputs.keys().chain(&config.remove_inputs);
    let outputs = config.rename_outputs.keys().chain(&config.remove_outputs);
    let mut found = unknown("input", inputs, &graph.inputs);
    found.extend(unknown("output", outputs, &graph.outputs));
    found.extend(named_twice(config));
    found.extend(taken_names(graph, config));
    found.extend(removed_outputs(graph, config));
    found.extend(removed_inputs(graph, config));
    found
}

/// Names that are asked about and not there.
fn unknown<'a>(
    what: &str,
    asked: impl Iterator<Item = &'a String>,
    there: &[ValueView],
) -> Vec<String> {
    let is_there = |name: &&String| there.iter().any(|value| value.name == **name);
    let mut listed: Vec<String> =
        there.iter().take(LISTED).map(|value| format!("`{}`", value.name)).collect();
    if there.len() > LISTED {
        listed.push(format!("{} more", there.len() - LISTED));
    }
    let listed = listed.join(", ");
    asked
        .filter(|name| !is_there(name))
        .map(|name| format!("the graph has no {what} `{name}`, but {listed}"))
        .collect()
}

/// Values that are asked to be or to become two things.
fn named_twice(config: &EditGraphIoConfig) -> Vec<String> {
    let mut found = Vec::new();
    for name in config.rename_inputs.keys() {
        if config.remove_inputs.contains(name) {
            found.push(format!("input `{name}` is both renamed and removed"));
        }
        if config.rename_outputs.contains_key(name) {
            found.push(format!(
                "`{name}` is input and output at once: rename it in one of `rename_inputs` and \
                 `rename_outputs`"
            ));
        }
    }
    for name in config.rename_outputs.keys().filter(|name| config.remove_outputs.contains(name)) {
        found.push(format!("output `{name}` is both renamed and removed"));
    }
    for (setting, names) in
        [("remove_inputs", &config.remove_inputs), ("remove_outputs", &config.remove_outputs)]
    {
        let mut seen = BTreeSet::new();
        let twice = names.iter().filter(|name| !seen.insert(*name));
        found.extend(twice.map(|name| format!("`{setting}` has `{name}` twice")));
    }
    found
}

/// New names that something else has, or is to have.
fn taken_names(graph: &GraphBody, config: &EditGraphIoConfig) -> Vec<String> {
    let old: BTreeSet<&str> = renames::asked(config).map(|(from, _)| from).collect();
    let is_freed = |name: &str| {
        let is_removed = config.remove_inputs.iter().any(|removed| removed == name);
        old.contains(name) || is_removed && graph.weight(name).is_none()
    };
    if renames::asked(config).next().is_none() {
        return Vec::new();
    }
    let names = renames::names(graph);
    let (mut found, mut new) = (Vec::new(), BTreeMap::new());
    for (from, to) in renames::asked(config) {
        if to.is_empty() {
            found.push(format!("the new name of `{from}` is empty"));
        } else if let Some(other) = new.insert(to, from) {
            found.push(format!("`{other}` and `{from}` cannot both be called `{to}`"));
        } else if names.contains(to) && !is_freed(to) {
            found.push(format!("`{from}` cannot be called `{to}`: another value has that name"));
        }
    }
    found
}

fn removed_outputs(graph: &GraphBody, config: &EditGraphIoConfig) -> Option<String> {
    let is_removed = |output: &ValueView| config.remove_outputs.contains(&output.name);
    let leaves_none = !config.remove_outputs.is_empty() && graph.outputs.iter().all(is_removed);
    leaves_none.then(|| "no output would be left: keep one of them".to_owned())
}

/// Removed inputs that something takes.
fn removed_inputs(graph: &GraphBody, config: &EditGraphIoConfig) -> Vec<String> {
    if config.remove_inputs.is_empty() {
        return Vec::new();
    }
    let kept = graph.outputs.iter().map(|output| output.name.as_str());
    let kept: Vec<&str> =
        kept.filter(|name| config.remove_outputs.iter().all(|removed| removed != name)).collect();
    let mut used = if config.remove_unused {
        needed::values(graph, kept.iter().copied())
    } else {
        needed::taken(graph)
    };
    used.extend(kept);
    let is_used = |name: &&String| used.contains(name.as_str()) && graph.weight(name).is_none();
    let problem = |name: &String| {
        let takers = graph.bodies().into_iter().flat_map(|body| &body.nodes);
        let mut takers = takers.filter(|node| node.inputs.contains(name));
        match takers.next() {
            Some(node) if node.name.is_empty() => {
                format!("input `{name}` is still used: a `{}` takes it", node.op_type)
            }
            Some(node) => {
                format!("input `{name}` is still used: `{}` ({}) takes it", node.name, node.op_type)
            }
            None => format!("input `{name}` is still used: it is an output too"),
        }
    };
    let is_input = |name: &&String| graph.is_input(name);
    config.remove_inputs.iter().filter(is_input).filter(is_used).map(problem).collect()
}
