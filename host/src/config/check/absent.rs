//! Parts that no installed plugin provides: passes, systems, evaluators, sources of files.

use olive_schemas::packs::{self, PartKind};
use olive_schemas::types;
use serde_json::Value;

use super::data::{Need, need};
use super::shape::{entries, passes};
use super::{Problem, Problems, Scope};
use crate::config::node::escape;
use crate::config::schema::{nearest, suggest};
use crate::plugin::Catalog;

/// Tells each part that is missing once, with every place that needs it.
pub(super) fn check(value: &Value, catalog: &Catalog, scope: Scope, problems: &mut Problems) {
    let mut uses = Uses::default();
    if scope.has_passes {
        passes_of(value, catalog, &mut uses);
    }
    systems_of(value, &mut uses);
    evaluators_of(value, &mut uses);
    sources_of(value, &mut uses);
    for (kind, name, pointers) in uses.0 {
        if let Some(problem) = missing(kind, &name, &pointers, catalog) {
            problems.push(problem);
        }
    }
    functions_of(value, problems);
}

/// Parts in order of first use, each with the pointers of its uses.
#[derive(Default)]
struct Uses(Vec<(PartKind, String, Vec<String>)>);

impl Uses {
    fn add(&mut self, kind: PartKind, name: &str, pointer: String) {
        let known = self
            .0
            .iter_mut()
            .find(|(known_kind, known, _)| *known_kind == kind && known.eq_ignore_ascii_case(name));
        match known {
            Some((_, _, pointers)) => pointers.push(pointer),
            None => self.0.push((kind, name.to_owned(), vec![pointer])),
        }
    }
}

fn passes_of(value: &Value, catalog: &Catalog, uses: &mut Uses) {
    for (pointer, pass) in passes(value) {
        let kind = pass.get("type").and_then(Value::as_str);
        if let Some(kind) = kind.filter(|kind| catalog.pass(kind).is_none()) {
            uses.add(PartKind::Pass, kind, format!("{pointer}/type"));
        }
    }
}

fn systems_of(value: &Value, uses: &mut Uses) {
    let known = types::systems();
    for (name, system) in entries(value, "systems") {
        let kind = system.get("type").and_then(Value::as_str);
        let is_known = |kind: &&str| known.iter().any(|entry| entry.name == *kind);
        if let Some(kind) = kind.filter(|kind| !is_known(kind)) {
            uses.add(PartKind::System, kind, format!("/systems/{}/type", escape(name)));
        }
    }
}

fn evaluators_of(value: &Value, uses: &mut Uses) {
    for (name, evaluator) in entries(value, "evaluators") {
        if let Some(kind) = evaluator.get("type").and_then(Value::as_str) {
            uses.add(PartKind::Evaluator, kind, format!("/evaluators/{}/type", escape(name)));
        }
    }
}

/// References of the model and of data files that a source plugin must resolve.
fn sources_of(value: &Value, uses: &mut Uses) {
    for key in ["model_path", "adapter_path", "model_script"] {
        let pointer = format!("/input_model/{key}");
        source(value.pointer(&pointer), &pointer, uses);
    }
    let configs = value.get("data_configs").and_then(Value::as_array);
    for (index, config) in configs.into_iter().flatten().enumerate() {
        for key in ["data_files", "data_dir"] {
            let pointer = format!("/data_configs/{index}/load_dataset_config/{key}");
            let Some(files) = value.pointer(&pointer) else { continue };
            match files.as_array() {
                Some(items) => items.iter().enumerate().for_each(|(number, item)| {
                    source(Some(item), &format!("{pointer}/{number}"), uses);
                }),
                None => source(Some(files), &pointer, uses),
            }
        }
        if let Need::Hub(_) = need(config) {
            let pointer = format!("/data_configs/{index}/load_dataset_config/data_name");
            uses.add(PartKind::Source, "huggingface_dataset", pointer);
        }
    }
}

fn source(path: Option<&Value>, pointer: &str, uses: &mut Uses) {
    let kind = path.and_then(|path| path.get("type")).and_then(Value::as_str);
    if let Some(kind) = kind {
        uses.add(PartKind::Source, kind, format!("{pointer}/type"));
    }
}

/// The one problem of a part that no installed plugin provides.
fn missing(kind: PartKind, name: &str, pointers: &[String], catalog: &Catalog) -> Option<Problem> {
    let first = pointers.first()?;
    let what = match kind {
        PartKind::Pass => "a pass",
        PartKind::System => "a system of type",
        PartKind::Evaluator => "an evaluator of type",
        PartKind::Source => "a source of type",
        PartKind::Model => "a model of type",
    };
    let message = format!("no installed plugin has {what} `{name}`");
    let installed = installed(kind, catalog);
    let slip = nearest(name, installed.iter().copied());
    let pack = packs::providing(kind, name);
    let (code, help) = match (slip, pack) {
        (_, Some(pack)) => {
            let help = format!("it belongs to the pack `{}` ({})", pack.name, pack.summary);
            ("plugin-missing", Some(help))
        }
        (Some(name), None) => ("unknown-type", Some(format!("did you mean `{name}`?"))),
        (None, None) => ("unknown-type", unknown_help(kind, name, &installed, catalog)),
    };
    let mut problem = Problem::error(code, first, message, help);
    if pack.is_none() {
        problem = problem.replaced_by(slip);
    }
    for pointer in &pointers[1..] {
        problem.diagnostic = problem.diagnostic.with_related(pointer, "needed here too");
    }
    Some(problem)
}

fn unknown_help(
    kind: PartKind,
    name: &str,
    installed: &[&str],
    catalog: &Catalog,
) -> Option<String> {
    let elsewhere = nearest(name, packs::names(kind));
    let elsewhere =
        elsewhere.map(|name| format!("did you mean `{name}`, of a pack that is not installed?"));
    elsewhere
        .or_else(|| catalog.absence_help().filter(|_| kind == PartKind::Pass))
        .or_else(|| suggest(name, installed.iter().copied()))
}

fn installed(kind: PartKind, catalog: &Catalog) -> Vec<&str> {
    match kind {
        PartKind::Pass => catalog.passes().map(|pass| pass.descriptor.name.as_str()).collect(),
        PartKind::System => types::systems().iter().map(|entry| entry.name).collect(),
        PartKind::Evaluator | PartKind::Source | PartKind::Model => Vec::new(),
    }
}

/// Data configs that something here would read, but that need Python code.
fn functions_of(value: &Value, problems: &mut Problems) {
    let configs = value.get("data_configs").and_then(Value::as_array);
    for (index, config) in configs.into_iter().flatten().enumerate() {
        if let Need::Python(what) = need(config) {
            let name = config.get("name").and_then(Value::as_str).unwrap_or_default();
            let message = format!("data config `{name}` needs Python code, which is never run");
            let help = "write rows to a JSON, CSV or Parquet file and name it in `data_files`";
            let pointer = format!("/data_configs/{index}/{what}");
            problems.push(Problem::error("not-available", &pointer, message, Some(help.into())));
        }
    }
}
