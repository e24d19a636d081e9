//! Parts that no installed plugin provides: passes, systems, evaluators, sources of files, packagers.

pub(super) mod homes;

use homes::Home;
use olive_schemas::ids::HUB_DATA;
use olive_schemas::known_packs::{self, KnownPack, PartKind};
use olive_schemas::metric::MetricKind;
use olive_schemas::pointer::escape;
use olive_schemas::types;
use serde_json::Value;

use super::data::{Need, need};
use super::shape::{entries, packages, passes};
use super::{Problem, Problems, Scope, custom};
use crate::config::schema::{nearest, suggest};
use crate::plugin::Catalog;

/// Tells each part that is missing once, with every place that needs it.
pub(super) fn check(value: &Value, catalog: &Catalog, scope: Scope, problems: &mut Problems) {
    let mut uses = Uses::default();
    if scope.has_passes {
        passes_of(value, catalog, &mut uses);
    }
    systems_of(value, catalog, &mut uses);
    evaluators_of(value, catalog, &mut uses);
    sources_of(value, catalog, &mut uses);
    packagers_of(value, catalog, &mut uses);
    let mut homes: Vec<(Home, Vec<Part>)> = Vec::new();
    let mut packs: Vec<(&KnownPack, Vec<Part>)> = Vec::new();
    for part in uses.0 {
        if let Some(home) = homes::home(part.kind, &part.name, catalog) {
            match homes.iter_mut().find(|(known, _)| *known == home) {
                Some((_, parts)) => parts.push(part),
                None => homes.push((home, vec![part])),
            }
            continue;
        }
        match known_packs::providing(part.kind, &part.name) {
            None => problems.push(unknown(&part, catalog)),
            Some(pack) => match packs.iter_mut().find(|(known, _)| known.name == pack.name) {
                Some((_, parts)) => parts.push(part),
                None => packs.push((pack, vec![part])),
            },
        }
    }
    for (home, parts) in &homes {
        problems.push(at_home(home, parts));
    }
    for (pack, parts) in &packs {
        problems.push(missing(pack, parts, catalog));
    }
    functions_of(value, problems);
}

/// A part that no installed plugin provides.
struct Part {
    kind: PartKind,
    name: String,
    /// Pointers of its uses; there is at least one.
    uses: Vec<String>,
}

impl Part {
    /// What it is, such as ``a pass `LoRA` ``.
    fn told(&self) -> String {
        let what = match self.kind {
            PartKind::Pass => "a pass",
            PartKind::System => "a system of type",
            PartKind::Evaluator => "an evaluator of type",
            PartKind::Source => "a source of type",
            PartKind::Packager => "a packager of type",
            PartKind::Model => "a model of type",
        };
        format!("{what} `{}`", self.name)
    }
}

/// Parts in order of first use.
#[derive(Default)]
struct Uses(Vec<Part>);

impl Uses {
    fn add(&mut self, kind: PartKind, name: &str, pointer: String) {
        let is_known = |part: &&mut Part| part.kind == kind && part.name.eq_ignore_ascii_case(name);
        match self.0.iter_mut().find(is_known) {
            Some(part) => part.uses.push(pointer),
            None => self.0.push(Part { kind, name: name.to_owned(), uses: vec![pointer] }),
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

fn systems_of(value: &Value, catalog: &Catalog, uses: &mut Uses) {
    let known = types::systems();
    for (name, system) in entries(value, "systems") {
        let kind = system.get("type").and_then(Value::as_str);
        let is_known = |kind: &&str| {
            known.iter().any(|entry| entry.name == *kind) || catalog.system(kind).is_some()
        };
        if let Some(kind) = kind.filter(|kind| !is_known(kind)) {
            uses.add(PartKind::System, kind, format!("/systems/{}/type", escape(name)));
        }
    }
}

fn evaluators_of(value: &Value, catalog: &Catalog, uses: &mut Uses) {
    for (pointer, name) in custom::named(value) {
        if catalog.custom_evaluator(name).is_none() {
            uses.add(PartKind::Evaluator, name, pointer);
        }
    }
    for (name, evaluator) in entries(value, "evaluators") {
        if let Some(kind) = evaluator.get("type").and_then(Value::as_str) {
            uses.add(PartKind::Evaluator, kind, format!("/evaluators/{}/type", escape(name)));
        }
    }
}

fn packagers_of(value: &Value, catalog: &Catalog, uses: &mut Uses) {
    for (pointer, package) in packages(value) {
        let kind = package.get("type").and_then(Value::as_str);
        if let Some(kind) = kind.filter(|kind| catalog.packager(kind).is_none()) {
            uses.add(PartKind::Packager, kind, format!("{pointer}/type"));
        }
    }
}

/// References of the model and of data files that a source plugin must resolve.
fn sources_of(value: &Value, catalog: &Catalog, uses: &mut Uses) {
    let source = |path: Option<&Value>, pointer: &str, uses: &mut Uses| {
        let kind = path.and_then(|path| path.get("type")).and_then(Value::as_str);
        if let Some(kind) = kind.filter(|kind| catalog.source(kind).is_none()) {
            uses.add(PartKind::Source, kind, format!("{pointer}/type"));
        }
    };
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
            uses.add(PartKind::Source, HUB_DATA, pointer);
        }
    }
}

/// The one problem of all `parts` that some pack has.
fn at_home(home: &Home, parts: &[Part]) -> Problem {
    let is = if parts.len() == 1 { "it is" } else { "they are" };
    let message = format!("{}; {is} in {}", none_has(parts), home.told);
    problem_of("plugin-missing", &uses(parts), message, Some(home.help.clone()))
}

/// The one problem of all `parts` that belong to `pack`, which no index has.
fn missing(pack: &KnownPack, parts: &[Part], catalog: &Catalog) -> Problem {
    let belongs = if parts.len() == 1 { "it belongs" } else { "they belong" };
    let mut help = format!("{belongs} to the pack `{}` ({})", pack.name, pack.summary);
    if catalog.lacks_indexes() {
        help += "; no index is there to look for it in: see `olive plugin index add`";
    }
    problem_of("plugin-missing", &uses(parts), none_has(parts), Some(help))
}

fn none_has(parts: &[Part]) -> String {
    let told: Vec<String> = parts.iter().map(Part::told).collect();
    format!("no installed plugin has {}", listed(&told))
}

fn uses(parts: &[Part]) -> Vec<&str> {
    parts.iter().flat_map(|part| &part.uses).map(String::as_str).collect()
}

/// The one problem of a part that no known pack provides.
fn unknown(part: &Part, catalog: &Catalog) -> Problem {
    let Part { kind, name, uses } = part;
    let installed = installed(*kind, catalog);
    let slip = nearest(name, installed.iter().copied());
    let help = match slip {
        Some(name) => Some(format!("did you mean `{name}`?")),
        None => unknown_help(*kind, name, &installed, catalog),
    };
    let message = format!("no installed plugin has {}", part.told());
    let uses: Vec<&str> = uses.iter().map(String::as_str).collect();
    problem_of("unknown-type", &uses, message, help).replaced_by(slip)
}

/// One problem about what several places need.
fn problem_of(code: &str, uses: &[&str], message: String, help: Option<String>) -> Problem {
    let (first, others) = uses.split_first().unwrap_or((&"", &[]));
    let mut problem = Problem::error(code, first, message, help);
    for pointer in others {
        problem.diagnostic = problem.diagnostic.with_related(*pointer, "needed here too");
    }
    problem
}

fn unknown_help(
    kind: PartKind,
    name: &str,
    installed: &[&str],
    catalog: &Catalog,
) -> Option<String> {
    let is_metric = || serde_json::from_value::<MetricKind>(name.into()).is_ok();
    if kind == PartKind::Evaluator && is_metric() {
        let metric = format!("{{\"metrics\": [{{\"type\": \"{name}\", …}}]}}");
        return Some(format!("`{name}` is a type of metric: write `{metric}`"));
    }
    let elsewhere = nearest(name, known_packs::names(kind));
    let elsewhere =
        elsewhere.map(|name| format!("did you mean `{name}`, of a pack that is not installed?"));
    elsewhere.or_else(|| catalog.absence_help().filter(|_| kind == PartKind::Pass)).or_else(|| {
        let help = suggest(name, installed.iter().copied())?;
        let is_slip = help.starts_with("did you mean") || kind != PartKind::Pass;
        let elsewhere = "; plugins of another folder are added by `--plugin-dir`";
        Some(if is_slip { help } else { help + elsewhere })
    })
}

fn installed(kind: PartKind, catalog: &Catalog) -> Vec<&str> {
    match kind {
        PartKind::Pass => catalog.passes().map(|pass| pass.descriptor.name.as_str()).collect(),
        PartKind::System => {
            let installed = catalog.systems().map(|(_, system)| system.name.as_str());
            types::systems().iter().map(|entry| entry.name).chain(installed).collect()
        }
        PartKind::Source => catalog.sources().map(|(_, source)| source.name.as_str()).collect(),
        PartKind::Evaluator => {
            catalog.custom_evaluators().map(|one| one.descriptor.name.as_str()).collect()
        }
        PartKind::Packager => {
            catalog.packagers().map(|(_, packager)| packager.name.as_str()).collect()
        }
        PartKind::Model => Vec::new(),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(told: &[String]) -> String {
    match told {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
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
