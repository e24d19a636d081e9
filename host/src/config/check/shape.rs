//! Whether every section has the shape that its schema says.

use olive_schemas::pointer::escape;
use serde_json::{Map, Value, json};

use super::data::{Need, is_slip_of_container, need};
use super::{Problem, Problems, custom};
use crate::config::advice::unavailable;
use crate::config::schema::{Validators, nearest, quoted, suggest, violations, workflow_schema};
use crate::config::upgrade::root_keys;
use crate::plugin::Catalog;
use olive_schemas::descriptor::PassDescriptor;
use olive_schemas::types;

/// Keys of a pass beside its settings.
const PASS_KEYS: [&str; 4] = ["type", "host", "evaluator", "search_space"];
/// Keys of a package beside its settings.
const PACKAGE_KEYS: [&str; 2] = ["type", "name"];
/// Keys of a system beside its settings.
const SYSTEM_KEYS: [&str; 2] = ["type", "accelerators"];

/// The one problem of a file that is something else.
pub(super) fn no_workflow(value: &Value) -> Option<Problem> {
    let known = ["input_model", "passes", "engine", "evaluators", "data_configs", "systems"];
    let keys = value.as_object()?;
    let has_sections = known.iter().any(|key| keys.contains_key(*key));
    let lists_plugins = value.get("passes").and_then(Value::as_array).is_some_and(|passes| {
        !keys.contains_key("input_model") && passes.iter().all(|pass| pass.get("plugin").is_some())
    });
    let is_near = keys.keys().any(|key| nearest(key, known).is_some());
    if lists_plugins || !(has_sections || is_near || keys.is_empty()) {
        let message = "this is no Olive workflow".to_owned();
        let help = format!("a workflow has {}", quoted(&known[..2]));
        return Some(Problem::error("not-a-workflow", "", message, Some(help)));
    }
    None
}

/// Checks the shape of every section of the normalized config `value`.
pub(super) fn check(value: &Value, catalog: &Catalog, problems: &mut Problems) {
    let mut found = unavailable_in(value, workflow_schema(), "");
    problems.extend(found.drain(..));
    let mut found = base_violations(value);
    found.retain(|problem| !names_installed_provider(value, problem, catalog));
    suggest_root_keys(&mut found);
    suggest_types(&mut found, value, catalog);
    problems.extend(found);
    let mut shapes = Shapes { validators: Validators::default(), problems };
    check_model(value, &mut shapes);
    check_systems(value, catalog, &mut shapes);
    check_references(value, catalog, &mut shapes);
    check_evaluators(value, catalog, &mut shapes);
    check_data(value, &mut shapes);
    for (pointer, package) in packages(value) {
        let kind = package.get("type").and_then(Value::as_str).unwrap_or_default();
        if let Some((_, known)) = catalog.packager(kind) {
            shapes.check(package, &PACKAGE_KEYS, &known.schema, &pointer);
        }
    }
    for (pointer, pass) in passes(value) {
        let kind = pass.get("type").and_then(Value::as_str).unwrap_or_default();
        if let Some(known) = catalog.pass(kind) {
            shapes.check(pass, &PASS_KEYS, &known.descriptor.schema, &pointer);
        }
    }
}

/// Every pass of the normalized config `value` with its pointer; alternatives one by one.
pub(super) fn passes(value: &Value) -> Vec<(String, &Value)> {
    let entries = value.get("passes").and_then(Value::as_object);
    let mut passes = Vec::new();
    for (name, pass) in entries.into_iter().flatten() {
        let pointer = format!("/passes/{}", escape(name));
        match pass.as_array() {
            Some(items) => passes.extend(
                items.iter().enumerate().map(|(index, item)| (format!("{pointer}/{index}"), item)),
            ),
            None => passes.push((pointer, pass)),
        }
    }
    passes
}

/// Every package that the normalized config `value` asks for, with its pointer.
pub(super) fn packages(value: &Value) -> impl Iterator<Item = (String, &Value)> {
    let packages = value.pointer("/engine/packaging_config").and_then(Value::as_array);
    let packages = packages.into_iter().flatten().enumerate();
    packages.map(|(index, package)| (format!("/engine/packaging_config/{index}"), package))
}

/// Settings of `section` without the keys that every type has.
pub(super) fn own_settings(section: &Value, common: &[&str]) -> Value {
    let settings = section.as_object().into_iter().flatten();
    let own = settings.filter(|(key, _)| !common.contains(&key.as_str()));
    Value::Object(own.map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>())
}

/// Violations of the schema of the whole, in which lists of alternatives count one by one.
fn base_violations(value: &Value) -> Vec<Problem> {
    let has_lists = value
        .get("passes")
        .and_then(Value::as_object)
        .is_some_and(|passes| passes.values().any(Value::is_array));
    if !has_lists {
        return violations(value, workflow_schema());
    }
    let mut single = value.clone();
    let mut found = Vec::new();
    for pass in single["passes"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        if let Some(items) = pass.as_array_mut() {
            *pass = items.first().cloned().unwrap_or_else(|| json!({}));
        }
    }
    found.extend(violations(&single, workflow_schema()));
    found
}

/// Whether the problem is an execution provider that the schema does not know, but a pack has.
fn names_installed_provider(value: &Value, problem: &Problem, catalog: &Catalog) -> bool {
    let pointer = &problem.diagnostic.pointer;
    pointer.contains("/execution_providers/")
        && value
            .pointer(pointer)
            .and_then(Value::as_str)
            .is_some_and(|name| catalog.provider(name).is_some())
}

/// Checks sections against their schemas.
struct Shapes<'a, 'p> {
    validators: Validators<'a>,
    problems: &'p mut Problems,
}

impl<'a> Shapes<'a, '_> {
    /// Checks `section` without its `common` keys.
    fn check(&mut self, section: &Value, common: &[&str], schema: &'a Value, pointer: &str) {
        let settings = own_settings(section, common);
        self.problems.extend(unavailable_in(&settings, schema, pointer));
        let found = self.validators.violations(&settings, schema);
        self.problems.extend(below(pointer, found));
    }
}

fn check_model(value: &Value, shapes: &mut Shapes<'_, '_>) {
    let Some(model) = value.get("input_model").filter(|model| model.is_object()) else { return };
    let Some(kind) = model.get("type").and_then(Value::as_str) else { return };
    let known = types::models();
    match known.iter().find(|entry| entry.name == kind) {
        Some(entry) => shapes.check(model, &["type"], &entry.schema, "/input_model"),
        None => {
            let names: Vec<&str> = known.iter().map(|entry| entry.name).collect();
            let message = format!("`{kind}` is not a type of model");
            let help = suggest(kind, names.iter().copied());
            let problem = Problem::error("unknown-value", "/input_model/type", message, help);
            shapes.problems.push(problem.replaced_by(nearest(kind, names)));
        }
    }
}

fn check_systems<'a>(value: &Value, catalog: &'a Catalog, shapes: &mut Shapes<'a, '_>) {
    let known = types::systems();
    for (name, system) in entries(value, "systems") {
        let Some(kind) = system.get("type").and_then(Value::as_str) else { continue };
        let pointer = format!("/systems/{}", escape(name));
        if let Some(entry) = known.iter().find(|entry| entry.name == kind) {
            shapes.check(system, &["type"], &entry.schema, &pointer);
        } else if let Some((_, descriptor)) = catalog.system(kind) {
            shapes.check(system, &SYSTEM_KEYS, &descriptor.schema, &pointer);
        }
    }
}

/// Checks what stands in place of a path for the source that resolves it.
fn check_references<'a>(value: &Value, catalog: &'a Catalog, shapes: &mut Shapes<'a, '_>) {
    for (pointer, reference) in references(value) {
        let kind = reference.get("type").and_then(Value::as_str).unwrap_or_default();
        if let Some((_, source)) = catalog.source(kind) {
            shapes.check(reference, &["type"], &source.schema, &pointer);
        }
    }
}

/// Every reference to a source in the normalized config `value`, with its pointer.
fn references(value: &Value) -> Vec<(String, &Value)> {
    let mut places: Vec<String> =
        ["model_path", "adapter_path"].map(|key| format!("/input_model/{key}")).into();
    let configs = value.get("data_configs").and_then(Value::as_array);
    for (index, config) in configs.into_iter().flatten().enumerate() {
        let pointer = format!("/data_configs/{index}/load_dataset_config/data_files");
        let items = config.pointer("/load_dataset_config/data_files").and_then(Value::as_array);
        let count = items.map_or(0, Vec::len);
        places.extend((0..count).map(|number| format!("{pointer}/{number}")));
        places.push(pointer);
    }
    let found = places.into_iter().filter_map(|pointer| {
        let reference = value.pointer(&pointer)?;
        reference.get("type").is_some().then_some((pointer, reference))
    });
    found.collect()
}

fn check_evaluators<'a>(value: &Value, catalog: &'a Catalog, shapes: &mut Shapes<'a, '_>) {
    for (pointer, settings, schema) in custom::settings(value, catalog) {
        shapes.check(&settings, &[], schema, &pointer);
    }
    let schema = types::evaluator();
    for (name, evaluator) in entries(value, "evaluators") {
        if evaluator.get("type").is_none() {
            let pointer = format!("/evaluators/{}", escape(name));
            shapes.check(evaluator, &[], schema, &pointer);
        }
    }
}

fn check_data(value: &Value, shapes: &mut Shapes<'_, '_>) {
    let schema = &types::data_containers()[0].schema;
    let configs = value.get("data_configs").and_then(Value::as_array);
    for (index, config) in configs.into_iter().flatten().enumerate() {
        let mut plain = without_functions(config);
        match need(config) {
            Need::Files => {}
            // What a source plugin fetches is files in the end.
            Need::Source => stand_in(&mut plain["load_dataset_config"]),
            Need::Python(_) | Need::Hub(_) => continue,
        }
        let pointer = format!("/data_configs/{index}");
        let container = config.get("type").and_then(Value::as_str).unwrap_or_default();
        if is_slip_of_container(container) {
            let names: Vec<&str> =
                types::data_containers().iter().map(|entry| entry.name).collect();
            let message = format!("`{container}` is no container of data");
            let help = suggest(container, names.iter().copied());
            let problem =
                Problem::error("unknown-value", &format!("{pointer}/type"), message, help);
            shapes.problems.push(problem.replaced_by(nearest(container, names)));
        }
        if config.is_object() && config.get("name").is_some() {
            shapes.check(&plain, &[], schema, &pointer);
        }
    }
}

/// Puts files in place of the references to them; which format they have is known when they are
/// there.
fn stand_in(load: &mut Value) {
    load["data_files"] = json!([]);
    if load.get("data_name").is_none() {
        load["data_name"] = json!("json");
    }
}

/// A data config without the names of the functions that every one of its kind has.
fn without_functions(config: &Value) -> Value {
    let mut config = config.clone();
    for section in config.as_object_mut().into_iter().flat_map(Map::values_mut) {
        if let Some(section) = section.as_object_mut() {
            section.remove("type");
        }
    }
    config
}

/// Entries of a map of the normalized config that are objects.
pub(super) fn entries<'a>(
    value: &'a Value,
    section: &str,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let entries = value.get(section).and_then(Value::as_object).into_iter().flatten();
    entries.filter(|(_, entry)| entry.is_object())
}

fn unavailable_in(settings: &Value, schema: &Value, pointer: &str) -> Vec<Problem> {
    let told = unavailable(settings, schema).into_iter().map(Problem::new);
    below(pointer, told).collect()
}

/// Problems of a section, pointed into the whole.
pub(super) fn below(
    pointer: &str,
    problems: impl IntoIterator<Item = Problem>,
) -> impl Iterator<Item = Problem> {
    problems.into_iter().map(move |mut problem| {
        let diagnostic = &mut problem.diagnostic;
        diagnostic.pointer = format!("{pointer}{}", diagnostic.pointer);
        for related in &mut diagnostic.related {
            related.pointer = format!("{pointer}{}", related.pointer);
        }
        problem
    })
}

/// Engine settings may stand at the root, which the schema of the normalized form does not know.
fn suggest_root_keys(problems: &mut [Problem]) {
    for problem in problems.iter_mut().filter(|problem| problem.is_about_key) {
        let key = problem.diagnostic.pointer.trim_start_matches('/').to_owned();
        if !key.contains('/') {
            problem.diagnostic.help = suggest(&key, root_keys());
            problem.replacement = nearest(&key, root_keys()).map(str::to_owned);
        }
    }
}

/// A pass without a type is probably the one installed that has all of its settings.
fn suggest_types(problems: &mut [Problem], value: &Value, catalog: &Catalog) {
    for problem in problems.iter_mut().filter(|problem| problem.missing() == Some("type")) {
        let pointer = &problem.diagnostic.pointer;
        let is_pass = pointer.starts_with("/passes/");
        let Some(pass) = value.pointer(pointer).filter(|_| is_pass) else { continue };
        let settings = own_settings(pass, &PASS_KEYS);
        let installed: Vec<&PassDescriptor> = catalog.passes().map(|p| p.descriptor).collect();
        let mut likely = installed.clone();
        likely.retain(|known| has_all(&known.schema, &settings));
        let names = if likely.is_empty() { installed } else { likely };
        let names: Vec<&str> = names.iter().map(|known| known.name.as_str()).collect();
        problem.diagnostic.help = match names[..] {
            [] => catalog.absence_help(),
            [name] => Some(format!("add `\"type\": \"{name}\"`")),
            _ => Some(format!("add `type`, one of {}", quoted(&names))),
        };
    }
}

/// Whether `schema` knows every key of `settings`.
fn has_all(schema: &Value, settings: &Value) -> bool {
    let known = schema.get("properties").and_then(Value::as_object);
    let mut settings = settings.as_object().into_iter().flatten();
    known.is_some_and(|known| settings.all(|(key, _)| known.contains_key(key)))
}
