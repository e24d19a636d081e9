//! What a config leaves to a search.

use olive_schemas::pointer::escape;
use serde_json::Value;

use super::values::{Setting, Values, listed, setting};
use super::{Alternative, Slot, Variants};
use crate::config::check::Problem;
use crate::config::node::{Entry, Node, NodeValue};
use crate::config::references::SEARCHED;
use crate::config::schema::Validators;
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
        if !is_decided {
            slots.push(Slot { pass: name.to_owned(), alternatives });
        }
    }
    (Variants { upgraded, slots }, problems)
}

fn passes(tree: &Node) -> impl Iterator<Item = (&str, &Node)> {
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
    let mut keep = |found: Result<Setting, Problem>, settings: &mut Vec<Setting>| match found {
        Ok(found) => settings.push(found),
        Err(problem) => problems.push(problem),
    };
    if let Some(search) = pass.take(SEARCH_SPACE) {
        let pointer = format!("{pointer}/{SEARCH_SPACE}");
        match search.node.entries() {
            Some(entries) => {
                for Entry { key, node, .. } in entries {
                    let pointer = format!("{pointer}/{}", escape(key));
                    let found = setting(key, node, &pointer, &settings);
                    keep(found, &mut settings);
                }
            }
            None => keep(setting(SEARCH_SPACE, &search.node, &pointer, &[]), &mut settings),
        }
    }
    let kind = pass.get("type").and_then(Node::as_str).unwrap_or_default();
    let schema = catalog.pass(kind).map(|known| &known.descriptor.schema);
    for (key, values) in written_inline(&pass, schema) {
        let pointer = format!("{pointer}/{}", escape(&key));
        let found = match values {
            Inline::Listed(values) => listed(&values)
                .map_err(|message| Problem::error("search-values", &pointer, message, None)),
            Inline::Nothing => Err(Problem::error(
                "search-values",
                &pointer,
                format!("`{key}` has no values of its own to search"),
                Some(format!("list them: \"{SEARCH_SPACE}\": {{\"{key}\": [\u{2026}]}}")),
            )),
        };
        if matches!(&found, Ok(Values::Listed(_))) {
            pass.take(&key);
        }
        keep(found.map(|values| Setting { name: key, values, when: Vec::new() }), &mut settings);
    }
    Alternative { pass: Some(pass), settings }
}

/// Values to search that stand where the setting's value would.
enum Inline {
    Listed(Vec<Node>),
    Nothing,
}

/// Settings of `pass` with values to search in place of one: a list where `schema` allows none,
/// Olive's search parameters, and `SEARCHABLE_VALUES`.
fn written_inline(pass: &Node, schema: Option<&Value>) -> Vec<(String, Inline)> {
    let mut found = Vec::new();
    for Entry { key, node, .. } in pass.entries().unwrap_or_default() {
        let property = schema.and_then(|schema| schema.get("properties")?.get(key));
        if node.as_str() == Some(SEARCHABLE_VALUES) {
            let usual = property.and_then(|property| property.get(SEARCHED)?.as_array());
            let values = usual.map(|values| {
                values.iter().map(|value| Node::from_value(value, &node.range)).collect()
            });
            found.push((key.clone(), values.map_or(Inline::Nothing, Inline::Listed)));
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

/// Whether `schema` refuses the list `items` for the setting `key` and takes each of its items.
fn fits(key: &str, items: &[Node], schema: &Value) -> bool {
    let mut validators = Validators::default();
    let pointer = format!("/{}", escape(key));
    let mut is_right = |value: Value| {
        let settings = Value::Object([(key.to_owned(), value)].into_iter().collect());
        let found = validators.violations(&settings, schema);
        !found.iter().any(|problem| problem.diagnostic.pointer.starts_with(&pointer))
    };
    let list = Value::Array(items.iter().map(Node::to_value).collect());
    !is_right(list) && items.iter().all(|item| is_right(item.to_value()))
}
