//! Renames in an order that loses none.

use std::cell::LazyCell;
use std::collections::BTreeSet;

use olive_validator_api::graph::GraphBody;

use crate::EditGraphIoConfig;

/// The renames that are asked for, but not to the name that is there already.
pub(crate) fn asked(config: &EditGraphIoConfig) -> impl Iterator<Item = (&str, &str)> {
    let all = config.rename_inputs.iter().chain(&config.rename_outputs);
    all.map(|(from, to)| (from.as_str(), to.as_str())).filter(|(from, to)| from != to)
}

/// Every name that a value of `graph`, or of a graph inside a node, has.
pub(crate) fn names(graph: &GraphBody) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for body in graph.bodies() {
        let described = body.inputs.iter().chain(&body.outputs).chain(&body.values);
        names.extend(described.map(|value| value.name.as_str()));
        names.extend(body.weights.iter().map(|weight| weight.name.as_str()));
        names.extend(body.nodes.iter().flat_map(|node| &node.outputs).map(String::as_str));
    }
    names
}

/// The renames one after the other: what is to take a name that another value still has waits under
/// one that no value of `graph` has.
pub(crate) fn steps(config: &EditGraphIoConfig, graph: &GraphBody) -> Vec<(String, String)> {
    let names = LazyCell::new(|| names(graph));
    let old: BTreeSet<&str> = asked(config).map(|(from, _)| from).collect();
    let new: BTreeSet<&str> = asked(config).map(|(_, to)| to).collect();
    let is_free = |name: &str| !names.contains(name) && !new.contains(name);
    let (mut first, mut then) = (Vec::new(), Vec::new());
    for (from, to) in asked(config) {
        if !old.contains(to) {
            first.push((from.to_owned(), to.to_owned()));
            continue;
        }
        let mut waiting = format!("{from}.renamed");
        while !is_free(&waiting) {
            waiting.push('_');
        }
        first.push((from.to_owned(), waiting.clone()));
        then.push((waiting, to.to_owned()));
    }
    first.append(&mut then);
    first
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use olive_validator_api::graph::{GraphBody, ValueView};

    use super::steps;
    use crate::EditGraphIoConfig;

    fn check(inputs: &[(&str, &str)], expected: &[(&str, &str)]) {
        let owned = |(from, to): &(&str, &str)| ((*from).to_owned(), (*to).to_owned());
        let rename_inputs: BTreeMap<_, _> = inputs.iter().map(owned).collect();
        let config = EditGraphIoConfig { rename_inputs, ..EditGraphIoConfig::default() };
        let inputs = ["a", "b", "c", "a.renamed"]
            .map(|name| ValueView { name: name.to_owned(), ..ValueView::default() });
        let graph = GraphBody { inputs: inputs.into(), ..GraphBody::default() };
        let expected: Vec<_> = expected.iter().map(owned).collect();
        assert_eq!(steps(&config, &graph), expected);
    }

    #[test]
    fn values_may_change_names() {
        check(&[("a", "x"), ("b", "b")], &[("a", "x")]);
        check(
            &[("a", "b"), ("b", "c"), ("c", "d")],
            &[
                ("a", "a.renamed_"),
                ("b", "b.renamed"),
                ("c", "d"),
                ("a.renamed_", "b"),
                ("b.renamed", "c"),
            ],
        );
        check(
            &[("b", "c"), ("c", "b")],
            &[("b", "b.renamed"), ("c", "c.renamed"), ("b.renamed", "c"), ("c.renamed", "b")],
        );
    }
}
