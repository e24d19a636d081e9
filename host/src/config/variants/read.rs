//! What a config leaves to a search.

use olive_schemas::pointer::escape;
use serde_json::Value;

use super::values::{Setting, listed, setting};
use super::{Alternative, Slot, Variants};
use crate::config::check::Problem;
use crate::config::node::{Entry, Node, NodeValue};
use crate::config::references::SEARCHED;
use crate::config::schema::{Validators, quoted};
use crate::config::upgrade::Upgraded;
use crate::plugin::Catalog;

/// Key of a pass under which its settings to search stand.
const SEARCH_SPACE: &str = "search_space";
/// A value of a setting that stands for those its author would try.
const SEARCHABLE_VALUES: &str = "SEARCHABLE_VALUES";

/// What `upgraded` leaves to a search, and what is wrong with that; pointers lead into its tree.
pub fn read(upgraded: Upgraded, catalog: &Catalog) -> (Variants, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut slots = Vec::new();
    for (name, pass) in passes(&upgraded.tree) {
        let pointer = format!("/passes/{}", escape(name));
        let known = problems.len();
        let alternatives: Vec<Alternative> = match pass.items() {
            Some(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    alternative(item, &format!("{pointer}/{index}"), catalog, &mut problems)
                })
                .collect(),
            None => vec![alternative(pass, &pointer, catalog, &mut problems)],
        };
        let is_decided = match &alternatives[..] {
            [] => true,
            [only] => only.settings.is_empty(),
            _ => false,
        };
        // Values that are wrong are told once, not as values of the pass too.
        if !is_decided || problems.len() > known {
            slots.push(Slot { pass: name.to_owned(), alternatives });
        }
    }
    (Variants { upgraded, slots }, problems)
}

/// The passes of the config `tree`, by their names.
pub(super) fn passes(tree: &Node) -> impl Iterator<Item = (&str, &Node)> {
    let entries = tree.get("passes").and_then(Node::entries).unwrap_or_default();
    entries.iter().map(|entry| (entry.key.as_str(), &entry.node))
}

fn alternative(
    written: &Node,
    pointer: &str,
    catalog: &Catalog,
    problems: &mut Vec<Problem>,
) -> Alternative {
    if matches!(written.value, NodeValue::Scalar(Value::Null)) {
        return Alternative { pass: None, settings: Vec::new() };
    }
    let mut pass = written.clone();
    let mut settings: Vec<Setting> = Vec::new();
    if let Some(search) = pass.take(SEARCH_SPACE) {
        let pointer = format!("{pointer}/{SEARCH_SPACE}");
        settings = searched(&search.node, &pointer, problems);
    }
    let kind = pass.get("type").and_then(Node::as_str).unwrap_or_default().to_owned();
    let schema = catalog.pass(&kind).map(|known| &known.descriptor.schema);
    for (key, values) in written_inline(&pass, schema) {
        let pointer = format!("{pointer}/{}", escape(&key));
        let found = match &values {
            Inline::Listed(values) | Inline::Offered(values) => listed(values)
                .map_err(|message| Problem::error("search-values", &pointer, message, None)),
            Inline::Nothing => Err(without_values(&kind, &key, schema, &pointer)),
        };
        let found = found.and_then(|values| {
            if settings.iter().any(|setting| setting.name == key) {
                let message = format!("`{key}` has values in `{SEARCH_SPACE}`, too");
                let help = Some("keep one of the two".to_owned());
                return Err(Problem::error("search-values", &pointer, message, help));
            }
            Ok(Setting { name: key.clone(), pointer, values, when: Vec::new() })
        });
        match (values.usual(), pass.get_mut(&key)) {
            (Some(value), Some(node)) => *node = value,
            _ => drop(pass.take(&key)),
        }
        match found {
            Ok(found) => settings.push(found),
            Err(problem) => problems.push(problem),
        }
    }
    Alternative { pass: Some(pass), settings }
}

/// The settings of a `search_space` at `pointer`.
fn searched(space: &Node, pointer: &str, problems: &mut Vec<Problem>) -> Vec<Setting> {
    let Some(entries) = space.entries() else {
        let message = format!("`{SEARCH_SPACE}` has no names of settings");
        let help = format!("name each with its values: \"{SEARCH_SPACE}\": {{\"bits\": [4, 8]}}");
        problems.push(Problem::error("search-values", pointer, message, Some(help)));
        return Vec::new();
    };
    let (mut settings, mut wrong) = (Vec::new(), Vec::new());
    for Entry { key, node, .. } in entries {
        let pointer = format!("{pointer}/{}", escape(key));
        match setting(key, node, &pointer, &settings) {
            Ok(found) => settings.push(found),
            Err(problem) => {
                // What depends on a setting with wrong values is told when those are right.
                let is_of =
                    |name: &String| problem.diagnostic.pointer == format!("{pointer}/when/{name}");
                if !wrong.iter().any(is_of) {
                    problems.push(problem);
                }
                wrong.push(escape(key));
            }
        }
    }
    settings
}

/// The problem with a setting of the pass `kind` that has no values of its own.
fn without_values(kind: &str, key: &str, schema: Option<&Value>, pointer: &str) -> Problem {
    let properties = schema.and_then(|schema| schema.get("properties")?.as_object());
    let offering = properties.into_iter().flatten().filter(|(_, it)| it.get(SEARCHED).is_some());
    let names: Vec<&str> = offering.map(|(name, _)| name.as_str()).collect();
    let others = match &names[..] {
        [] => format!("no setting of `{kind}` has"),
        names => format!("settings of `{kind}` that have: {}", quoted(names)),
    };
    let message = format!("`{key}` has no values of its own to search");
    let help = format!("{others}; list others: \"{SEARCH_SPACE}\": {{\"{key}\": [\u{2026}]}}");
    Problem::error("search-values", pointer, message, Some(help))
}

/// Values to search that stand where the setting's value would.
enum Inline {
    /// These, as they are written.
    Listed(Vec<Node>),
    /// Those that the setting offers.
    Offered(Vec<Node>),
    /// The setting offers none.
    Nothing,
}

impl Inline {
    /// The setting's value where it is not searched; none for its default.
    fn usual(&self) -> Option<Node> {
        match self {
            Self::Listed(values) => values.first().cloned(),
            Self::Offered(_) | Self::Nothing => None,
        }
    }
}

/// Settings of `pass` with values to search in place of one: a list where `schema` allows none,
/// Olive's search parameters, and `SEARCHABLE_VALUES`.
fn written_inline(pass: &Node, schema: Option<&Value>) -> Vec<(String, Inline)> {
    let mut found = Vec::new();
    for Entry { key, node, .. } in pass.entries().unwrap_or_default() {
        let property = schema.and_then(|schema| schema.get("properties")?.get(key));
        if node.as_str() == Some(SEARCHABLE_VALUES) && property.is_some() {
            let usual = property.and_then(|property| property.get(SEARCHED)?.as_array());
            let values = usual.map(|values| {
                values.iter().map(|value| Node::from_value(value, &node.range)).collect()
            });
            found.push((key.clone(), values.map_or(Inline::Nothing, Inline::Offered)));
        } else if let Some(support) = support(node) {
            found.push((key.clone(), Inline::Listed(support)));
        } else if let (Some(items), Some(schema)) = (node.items(), schema)
            && property.is_some()
            && !items.is_empty()
            && fits(key, items, schema)
        {
            found.push((key.clone(), Inline::Listed(items.to_vec())));
        }
    }
    found
}

/// The values of one of Olive's search parameters, `{"olive_parameter_type": "SearchParameter", …}`.
fn support(node: &Node) -> Option<Vec<Node>> {
    let kind = node.get("olive_parameter_type").and_then(Node::as_str)?;
    if kind != "SearchParameter" {
        return None;
    }
    let of = |value: bool| Node::scalar(value, node.range.clone());
    match node.get("type").and_then(Node::as_str)? {
        "Boolean" => Some(vec![of(true), of(false)]),
        _ => Some(node.get("support").and_then(Node::items)?.to_vec()),
    }
}

/// Whether `schema` refuses the list `items` for the setting `key` and takes its items, or, where no
/// list of one of them is right, just some: what is wrong with another is told at its place.
fn fits(key: &str, items: &[Node], schema: &Value) -> bool {
    let mut validators = Validators::default();
    let pointer = format!("/{}", escape(key));
    let mut is_right = |value: Value| {
        let settings = Value::Object([(key.to_owned(), value)].into_iter().collect());
        let found = validators.violations(&settings, schema);
        !found.iter().any(|problem| problem.diagnostic.pointer.starts_with(&pointer))
    };
    let items: Vec<Value> = items.iter().map(Node::to_value).collect();
    if is_right(Value::Array(items.clone())) {
        return false;
    }
    let right: Vec<&Value> = items.iter().filter(|item| is_right((*item).clone())).collect();
    let is_listed = |item: &&Value| is_right(Value::Array(vec![(*item).clone()]));
    right.len() == items.len() || (!right.is_empty() && !right.iter().any(is_listed))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::fits;
    use crate::config::node::Node;

    #[test]
    fn a_list_is_searched_where_its_items_are_values_and_it_is_none() {
        let number = || json!({"type": "integer"});
        let listed = || json!({"type": ["string", "array"], "items": {"type": "string"}});
        for (property, items, expected) in [
            (number(), json!([4, 8]), true),
            (number(), json!([4, "eight"]), true),
            (number(), json!(["four", "eight"]), false),
            (listed(), json!(["q", "k"]), false),
            (listed(), json!(["q", 5]), false),
            (listed(), json!([["q"], ["k", "v"]]), true),
            (listed(), json!(["all", ["q", "k"]]), true),
        ] {
            let schema = json!({"type": "object", "properties": {"key": property}});
            let nodes: Vec<Node> = items
                .as_array()
                .map_or(&[][..], Vec::as_slice)
                .iter()
                .map(|item: &Value| Node::from_value(item, &(0..1)))
                .collect();
            assert_eq!(fits("key", &nodes, &schema), expected, "{items}");
        }
    }
}
