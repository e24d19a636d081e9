//! Whether each pass takes the model that the one before makes.

use olive_schemas::descriptor::PassDescriptor;
use olive_schemas::model::ModelKind;
use olive_schemas::pointer::escape;
use olive_schemas::types;
use serde_json::Value;

use super::shape::packages;
use super::{Problem, Problems, Scope};
use crate::config::references::ADAPTER;
use crate::config::schema::quoted;
use crate::plugin::Catalog;

/// Checks the passes of the normalized config `value` in the order they run.
pub(super) fn check(value: &Value, catalog: &Catalog, scope: Scope, problems: &mut Problems) {
    check_undecided(value, problems);
    for chain in pipelines(value, catalog) {
        check_pipeline(value, &chain, catalog, scope, problems);
    }
}

/// Refuses alternatives and values to try where no search decides between them.
fn check_undecided(value: &Value, problems: &mut Problems) {
    let passes = value.get("passes").and_then(Value::as_object);
    for (name, pass) in passes.into_iter().flatten() {
        let pointer = format!("/passes/{}", escape(name));
        let (pointer, message, first) = match (pass.as_array(), pass.get("search_space")) {
            (Some(items), _) if items.len() > 1 => {
                let count = items.len();
                let message =
                    format!("pass `{name}` lists {count} alternatives, and there is no search");
                (pointer, message, "keep one of them")
            }
            (_, Some(_)) => {
                let message = format!("pass `{name}` has values to search, and there is no search");
                (format!("{pointer}/search_space"), message, "remove them")
            }
            _ => continue,
        };
        let help = format!(
            "{first}, or let a search decide: \"search_strategy\": {{\"sampler\": \"sequential\"}}"
        );
        problems.push(Problem::error("no-search", &pointer, message, Some(help)).about_key());
    }
}

/// A pass of a chain.
struct Link<'a> {
    /// Name of the pass in the workflow.
    name: &'a str,
    /// Where the chain names it.
    pointer: String,
    /// What its plugin says, when one is installed.
    descriptor: Option<&'a PassDescriptor>,
}

/// The passes of each chain that runs, in order.
fn pipelines<'a>(value: &'a Value, catalog: &'a Catalog) -> Vec<Vec<Link<'a>>> {
    let link = |name: &'a str, pointer: String| {
        let kind = value.pointer(&format!("/passes/{}/type", escape(name)));
        let known = kind.and_then(Value::as_str).and_then(|kind| catalog.pass(kind));
        Link { name, pointer, descriptor: known.map(|known| known.descriptor) }
    };
    let builds = value.get("builds").and_then(Value::as_object).into_iter().flatten();
    let chains: Vec<Vec<Link<'_>>> = builds
        .filter_map(|(build, settings)| {
            let names = settings.get("pipeline")?.as_array()?.iter().filter_map(Value::as_str);
            let pointer = format!("/builds/{}/pipeline", escape(build));
            let links =
                names.enumerate().map(|(index, name)| link(name, format!("{pointer}/{index}")));
            Some(links.collect())
        })
        .collect();
    if !chains.is_empty() {
        return chains;
    }
    let passes = value.get("passes").and_then(Value::as_object).into_iter().flatten();
    let all = passes.map(|(name, _)| link(name, format!("/passes/{}/type", escape(name))));
    vec![all.collect()]
}

fn check_pipeline(
    value: &Value,
    chain: &[Link<'_>],
    catalog: &Catalog,
    scope: Scope,
    problems: &mut Problems,
) {
    let written = value.pointer("/input_model/type").and_then(Value::as_str);
    let mut kinds = vec![Kind::of_input(scope.model, written)];
    let mut has_adapter = match value.pointer("/input_model/adapter_path") {
        _ if scope.model.is_some() => None,
        adapter => Some(adapter.is_some_and(|adapter| !adapter.is_null())),
    };
    for (index, link) in chain.iter().enumerate() {
        let Some(descriptor) = link.descriptor else {
            kinds.push(Kind::Unknown);
            has_adapter = None;
            continue;
        };
        let before = &kinds[index];
        if let Some(wrong) = before.not_among(&descriptor.accepts) {
            problems.push(mismatch(chain, &kinds, index, descriptor, wrong, catalog));
        } else if let Some(problem) = adapter_problem(chain, index, descriptor, has_adapter) {
            problems.push(problem);
            // A pass that must move would be told again at its own place.
            return;
        }
        has_adapter = match descriptor.schema.get(ADAPTER).and_then(Value::as_str) {
            Some("adds") => Some(true),
            Some(_) => Some(false),
            None => has_adapter,
        };
        kinds.push(Kind::Known(descriptor.produces));
    }
    let result = kinds.last().unwrap_or(&Kind::Unknown);
    check_packages(value, result, catalog, problems);
}

/// Whether each packager takes the `result` of a chain.
fn check_packages(value: &Value, result: &Kind, catalog: &Catalog, problems: &mut Problems) {
    for (pointer, package) in packages(value) {
        let kind = package.get("type").and_then(Value::as_str).unwrap_or_default();
        let Some((_, packager)) = catalog.packager(kind) else { continue };
        let Some(wrong) = result.not_among(&packager.accepts) else { continue };
        let accepted = listed(&packager.accepts);
        let message =
            format!("a package of type `{kind}` takes {accepted}, but the result is {wrong}");
        let help = Some(bridge(catalog, result, &packager.accepts));
        problems.push(Problem::error("model-kind", &format!("{pointer}/type"), message, help));
    }
}

/// Names of kinds of model, for people.
fn listed(kinds: &[ModelKind]) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" or ")
}

/// The pass number `index` does not take what the one before makes.
fn mismatch(
    chain: &[Link<'_>],
    kinds: &[Kind],
    index: usize,
    descriptor: &PassDescriptor,
    wrong: &str,
    catalog: &Catalog,
) -> Problem {
    let link = &chain[index];
    let accepted = listed(&descriptor.accepts);
    let before = match index.checked_sub(1).map(|before| &chain[before]) {
        Some(Link { name, descriptor: Some(before), .. }) => {
            format!("pass `{name}` ({}) makes", before.name)
        }
        _ => "the input model is".to_owned(),
    };
    let Link { name, pointer, .. } = link;
    let message =
        format!("pass `{name}` ({}) takes {accepted}, but {before} {wrong}", descriptor.name);
    // What adds an adapter goes as far up as it can, before what merges it; other passes stay near.
    let fits = |earlier: &usize| kinds[*earlier].not_among(&descriptor.accepts).is_none();
    let earlier = match descriptor.schema.get(ADAPTER).and_then(Value::as_str) {
        Some("adds") => (0..index).find(fits),
        _ => (0..index).rfind(fits),
    };
    let (help, related) = match earlier.map(|earlier| &chain[earlier]) {
        Some(earlier) => {
            (format!("put `{name}` before `{}`", earlier.name), Some(earlier.pointer.clone()))
        }
        None if descriptor.produces.name() == wrong => {
            (format!("remove `{name}`: the model is {wrong} already"), None)
        }
        None => (bridge(catalog, &kinds[index], &descriptor.accepts), None),
    };
    let mut problem = Problem::error("model-kind", pointer, message, Some(help));
    if let Some(related) = related {
        problem.diagnostic = problem.diagnostic.with_related(related, "put it before this one");
    }
    problem
}

/// A pass that needs an adapter gets none, or one that takes none gets one.
fn adapter_problem(
    chain: &[Link<'_>],
    index: usize,
    descriptor: &PassDescriptor,
    has_adapter: Option<bool>,
) -> Option<Problem> {
    let Link { name, pointer, .. } = &chain[index];
    let later = |mark: &str| {
        chain[index + 1..].iter().find(|link| {
            link.descriptor.is_some_and(|known| known.schema.get(ADAPTER) == Some(&mark.into()))
        })
    };
    let kind = &descriptor.name;
    match (descriptor.schema.get(ADAPTER).and_then(Value::as_str)?, has_adapter?) {
        ("merges", false) => {
            let message =
                format!("pass `{name}` ({kind}) merges an adapter, but the model has none by then");
            let help = match later("adds") {
                Some(later) => format!("put `{}` before it", later.name),
                None => {
                    "train one before it, or name one in `adapter_path` of the input model".into()
                }
            };
            Some(Problem::error("adapter-missing", pointer, message, Some(help)))
        }
        ("refuses", true) => {
            let message =
                format!("pass `{name}` ({kind}) takes no adapter, but the model has one by then");
            let help = match later("merges") {
                Some(later) => format!("put `{}` before it", later.name),
                None => "merge it before".to_owned(),
            };
            Some(Problem::error("adapter-not-merged", pointer, message, Some(help)))
        }
        _ => None,
    }
}

/// What is known about the model at some point of a chain.
enum Kind {
    Known(ModelKind),
    Foreign(String),
    Unknown,
}

impl Kind {
    fn of_input(given: Option<ModelKind>, written: Option<&str>) -> Self {
        if let Some(kind) = given {
            return Self::Known(kind);
        }
        let Some(name) = written else { return Self::Unknown };
        let known = ModelKind::ALL.into_iter().find(|kind| kind.name() == name);
        let is_type = types::models().iter().any(|entry| entry.name == name);
        match known {
            Some(kind) => Self::Known(kind),
            None if is_type => Self::Foreign(name.to_owned()),
            // The wrong type is told already.
            None => Self::Unknown,
        }
    }

    /// The name of this kind, when it is none of `accepted`.
    fn not_among(&self, accepted: &[ModelKind]) -> Option<&str> {
        match self {
            Self::Known(kind) if !accepted.contains(kind) => Some(kind.name()),
            Self::Foreign(name) => Some(name),
            Self::Known(_) | Self::Unknown => None,
        }
    }
}

/// What would fit between a model of `kind` and a pass that takes `accepts`.
fn bridge(catalog: &Catalog, kind: &Kind, accepts: &[ModelKind]) -> String {
    let other = format!("start from a model of type {}", listed(accepts));
    let Kind::Known(kind) = kind else { return other };
    let fits = catalog.passes().filter(|pass| pass.descriptor.accepts.contains(kind));
    let between = fits.filter(|pass| accepts.contains(&pass.descriptor.produces));
    let between: Vec<&str> = between.map(|pass| pass.descriptor.name.as_str()).collect();
    match between[..] {
        [] => other,
        [only] => format!("put a pass of type `{only}` before it"),
        _ => format!("put one of these before it: {}", quoted(&between)),
    }
}
