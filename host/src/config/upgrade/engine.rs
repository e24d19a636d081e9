//! The engine: execution providers move to the system they are meant for.

use super::super::node::{Entry, Node, NodeValue};
use super::{Notes, insert};

/// System made for execution providers that name none.
const LOCAL: &str = "local_system";

pub(super) fn upgrade(root: &mut Node, notes: &mut Notes) {
    for system in systems_mut(root) {
        lift_accelerators(system, notes);
    }
    let Some(engine) = root.get_mut("engine") else { return };
    if let Some(entry) = engine.take("output_name") {
        notes.ignored(&entry.range(), "output_name", "results are named by their folder");
    }
    refuse_search(engine, notes);
    let Some(providers) = engine.take("execution_providers") else { return };
    notes.renamed(
        &providers.key_range,
        "execution_providers",
        "systems.<name>.accelerators[].execution_providers",
    );
    let target = engine.get("target").or(engine.get("host")).and_then(Node::as_str);
    let target = target.map(str::to_owned);
    give_providers(root, target.as_deref(), providers);
}

fn refuse_search(engine: &Node, notes: &mut Notes) {
    let Some(strategy) = engine.get("search_strategy") else { return };
    if !strategy.is_off() {
        notes.refused(
            &strategy.range,
            "search-unavailable",
            "`search_strategy` asks for a search, which is not available yet".into(),
            "set it to false: the passes run once, in order",
        );
    }
}

/// Up to v0.5.0 an accelerator was a string: its device.
fn lift_accelerators(system: &mut Node, notes: &mut Notes) {
    let Some(accelerators) = system.get_mut("accelerators") else { return };
    let NodeValue::Array(items) = &mut accelerators.value else { return };
    for item in items {
        if item.as_str().is_some() {
            let range = item.range.clone();
            notes.renamed(&range, "a device as a string", "{\"device\": …}");
            let device = std::mem::replace(item, Node::object(Vec::new(), range));
            insert(item, Entry::new("device", device));
        }
    }
}

/// Puts `providers` on the system called `target`, or on a new local one.
fn give_providers(root: &mut Node, target: Option<&str>, providers: Entry) {
    let range = providers.range();
    let accelerator = |providers| {
        let entry = Node::object(vec![providers], range.clone());
        let list = Node { value: NodeValue::Array(vec![entry]), range: range.clone() };
        Entry::new("accelerators", list)
    };
    if let Some(target) = target {
        // An undefined name is reported by the check, once.
        let Some(system) = root.get_mut("systems").and_then(|systems| systems.get_mut(target))
        else {
            return;
        };
        let first = system.get_mut("accelerators").and_then(first_item);
        match first {
            Some(first) if first.get("execution_providers").is_none() => insert(first, providers),
            Some(_) => {}
            None => insert(system, accelerator(providers)),
        }
        return;
    }
    let kind = Entry::new("type", Node::scalar("LocalSystem", range.clone()));
    let system = Node::object(vec![kind, accelerator(providers)], range.clone());
    if root.get("systems").is_none() {
        insert(root, Entry::new("systems", Node::object(Vec::new(), range.clone())));
    }
    if let Some(systems) = root.get_mut("systems") {
        insert(systems, Entry::new(LOCAL, system));
    }
    if let Some(engine) = root.get_mut("engine") {
        for key in ["host", "target"] {
            insert(engine, Entry::new(key, Node::scalar(LOCAL, range.clone())));
        }
    }
}

fn first_item(list: &mut Node) -> Option<&mut Node> {
    match &mut list.value {
        NodeValue::Array(items) => items.first_mut(),
        NodeValue::Object(_) | NodeValue::Scalar(_) => None,
    }
}

fn systems_mut(root: &mut Node) -> impl Iterator<Item = &mut Node> {
    let entries = root.get_mut("systems").and_then(Node::entries_mut);
    entries.into_iter().flatten().map(|entry| &mut entry.node)
}
