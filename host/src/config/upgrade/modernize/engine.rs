//! The engine: search by its former names, flows of passes, execution providers beside a system.

use crate::config::node::{Entry, Node, NodeValue};
use crate::config::upgrade::{Notes, insert, object_at, rename, settings, values_mut};

/// System made for execution providers that name none.
const LOCAL: &str = "local_system";

pub(super) fn modernize(root: &mut Node, notes: &mut Notes) {
    for system in values_mut(root, "systems") {
        lift_accelerators(settings(system, "config"), notes);
        lift_container(settings(system, "config"), notes);
    }
    rename_search(settings(root, "engine"), notes);
    rename_search(root, notes);
    builds_from_flows(root, notes);
    let providers = root.take("execution_providers");
    let providers = settings(root, "engine").take("execution_providers").or(providers);
    if let Some(providers) = providers {
        move_providers(root, providers, notes);
    }
}

/// Up to v0.5.0 an accelerator was a string: its device (#998).
fn lift_accelerators(system: &mut Node, notes: &mut Notes) {
    let Some(accelerators) = system.get_mut("accelerators") else { return };
    let NodeValue::Array(items) = &mut accelerators.value else { return };
    for item in items {
        let Some(device) = item.as_str() else { continue };
        let range = item.range.clone();
        notes.renamed(&range, &format!("\"{device}\""), &format!("{{\"device\": \"{device}\"}}"));
        let device = std::mem::replace(item, Node::object(Vec::new(), range));
        insert(item, Entry::new("device", device));
    }
}

/// In older configs the settings of a container stood in an object of their own.
fn lift_container(system: &mut Node, notes: &mut Notes) {
    // What is no object is an unknown key, which the check tells.
    if system.get("local_docker_config").is_none_or(|it| it.entries().is_none()) {
        return;
    }
    let Some(container) = system.take("local_docker_config") else { return };
    let NodeValue::Object(entries) = container.node.value else { return };
    let names: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    notes.renamed(&container.key_range, "local_docker_config", &names.join(", "));
    for entry in entries {
        insert(system, entry);
    }
}

/// `search_algorithm` is `sampler` today, `num_samples` is `max_samples`.
fn rename_search(engine: &mut Node, notes: &mut Notes) {
    let Some(strategy) = engine.get_mut("search_strategy") else { return };
    rename(strategy, "search_algorithm", "sampler", notes);
    rename(strategy, "search_algorithm_config", "sampler_config", notes);
    if let Some(sampler) = strategy.get_mut("sampler")
        && sampler.as_str() == Some("exhaustive")
    {
        notes.respelled(&sampler.range, "exhaustive", "sequential");
        sampler.value = NodeValue::Scalar("sequential".into());
    }
    rename(settings(strategy, "sampler_config"), "num_samples", "max_samples", notes);
}

/// Up to v0.7 `pass_flows` listed chains of passes; each is a build today.
fn builds_from_flows(root: &mut Node, notes: &mut Notes) {
    let Some(index) = root.index_of("pass_flows") else { return };
    let is_list = root.get("pass_flows").is_some_and(|flows| flows.items().is_some());
    if !is_list {
        return;
    }
    let Some(flows) = root.take("pass_flows") else { return };
    notes.renamed(&flows.key_range, "pass_flows", "builds.<name>.pipeline");
    let NodeValue::Array(items) = flows.node.value else { return };
    let mut builds: Vec<Entry> = Vec::new();
    for flow in items {
        let names = flow.items().unwrap_or_default().iter().filter_map(Node::as_str);
        let mut name = names.collect::<Vec<_>>().join("-");
        while name.is_empty() || builds.iter().any(|build| build.key == name) {
            name.push_str("_again");
        }
        let range = flow.range.clone();
        let build = Node::object(vec![Entry::new("pipeline", flow)], range);
        builds.push(Entry::new(name, build));
    }
    let builds = Node::object(builds, flows.node.range);
    if root.get("builds").is_none()
        && let Some(entries) = root.entries_mut()
    {
        let key_range = flows.key_range;
        entries.insert(index, Entry { key: "builds".into(), key_range, node: builds });
    }
}

/// Up to v0.5.0 execution providers stood in the engine and held for every accelerator.
fn move_providers(root: &mut Node, providers: Entry, notes: &mut Notes) {
    notes.renamed(
        &providers.key_range,
        "execution_providers",
        "systems.<name>.accelerators[].execution_providers",
    );
    let target = ["target", "host"].into_iter().find_map(|key| {
        let engine = root.get("engine").and_then(|engine| engine.get(key));
        engine.or(root.get(key)).filter(|system| !system.is_off())
    });
    match target.map(|target| target.as_str().map(str::to_owned)) {
        Some(Some(name)) => give_system(root, &name, providers),
        // A system written inline has its own accelerators.
        Some(None) => {}
        None => make_system(root, providers),
    }
}

fn give_system(root: &mut Node, target: &str, providers: Entry) {
    // An undefined name is reported by the check, once.
    let Some(system) = root.get_mut("systems").and_then(|systems| systems.get_mut(target)) else {
        return;
    };
    let system = settings(system, "config");
    match system.get_mut("accelerators").and_then(first_item) {
        Some(first) if first.get("execution_providers").is_none() => insert(first, providers),
        Some(_) => {}
        None => insert(system, accelerators(providers)),
    }
}

fn make_system(root: &mut Node, providers: Entry) {
    let range = providers.range();
    let kind = Entry::new("type", Node::scalar("LocalSystem", range.clone()));
    let system = Node::object(vec![kind, accelerators(providers)], range.clone());
    if let Some(systems) = object_at(root, "systems", &range) {
        insert(systems, Entry::new(LOCAL, system));
    }
    let engine = settings(root, "engine");
    for key in ["host", "target"] {
        insert(engine, Entry::new(key, Node::scalar(LOCAL, range.clone())));
    }
}

fn accelerators(providers: Entry) -> Entry {
    let range = providers.range();
    let entry = Node::object(vec![providers], range.clone());
    Entry::new("accelerators", Node { value: NodeValue::Array(vec![entry]), range })
}

fn first_item(list: &mut Node) -> Option<&mut Node> {
    match &mut list.value {
        NodeValue::Array(items) => items.first_mut(),
        NodeValue::Object(_) | NodeValue::Scalar(_) => None,
    }
}
