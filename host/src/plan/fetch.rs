//! References of a config that a source turns into local files, before anything else is planned.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::{self, Path, PathBuf};

use olive_schemas::model::{Model, ModelKind};
use olive_schemas::step::Accelerator;
use olive_schemas::workflow::Workflow;
use serde_json::Value;

use super::settings::{Ground, inherit, settle};
use super::step::{Effort, StepParts};
use super::{Input, Plan, PlanError, Role};
use crate::config::references::{SHARED_DIR, shared_place};
use crate::config::{CheckedWorkflow, Scope};
use crate::plugin::Catalog;
use crate::plugin::digest::Digests;
use crate::store::Store;

/// A reference of a config, and the plan of one step that fetches what it names.
#[derive(Debug)]
pub struct Fetch {
    /// JSON pointer of the reference in the workflow.
    pub pointer: String,
    /// The reference.
    pub reference: Value,
    /// The plan.
    pub plan: Plan,
}

/// What must be fetched before the run of `checked`, whose relative paths start at `folder`; not its
/// model when another one is given.
///
/// # Errors
/// When a file that a reference names is missing or cannot be read.
pub fn fetches(
    checked: &CheckedWorkflow,
    folder: &Path,
    catalog: &Catalog,
    scope: Scope,
) -> Result<Vec<Fetch>, PlanError> {
    let workflow = checked.workflow();
    let references = references(workflow, scope);
    if references.is_empty() {
        return Ok(Vec::new());
    }
    let cache_dir = folder.join(&workflow.engine.cache_dir);
    let mut digests = Digests::open(Store::new(&cache_dir).digests_path());
    let mut problems = Vec::new();
    let ground =
        &mut Ground { folder, data_configs: &[], digests: &mut digests, problems: &mut problems };
    let mut found = Vec::new();
    for (pointer, of, reference) in references {
        let kind = reference.get("type").and_then(Value::as_str).unwrap_or_default();
        // The check has refused sources that no plugin has.
        let Some((plugin, source)) = catalog.source(kind) else { continue };
        let mut config = reference.clone();
        config.as_object_mut().map(|settings| settings.remove("type"));
        inherit(&mut config, &source.schema, workflow);
        let settings = settle(&config, &source.schema, &pointer, ground)?;
        let accelerator = Accelerator::default();
        let step = StepParts {
            role: Role::Fetch { of, shared_dir: shared_dir(&source.schema) },
            model: 0,
            plugin,
            name: &source.name,
            graph_editor: None,
            accepts: &[],
            settings,
            input: "",
            effort: Effort { threads: 1, threads_change_result: false, ranks: 1 },
            accelerator: &accelerator,
            provider: None,
        };
        let steps = vec![step.step()];
        let plan = Plan {
            workflow_id: workflow.workflow_id.clone(),
            input: Input { model: Model::new(ModelKind::Hf, ""), digest: String::new() },
            steps,
            threads: 1,
            accelerator,
            goals: Vec::new(),
            objectives: Vec::new(),
            samples: Vec::new(),
            packages: Vec::new(),
            systems: BTreeMap::new(),
            output_dir: None,
            cache_dir: cache_dir.clone(),
        };
        found.push(Fetch { pointer, reference, plan });
    }
    digests.save();
    if problems.is_empty() { Ok(found) } else { Err(PlanError::Problems(problems)) }
}

/// The folder that a source shares with other programs: of the places that the `schema` of its
/// references lists, the first whose variables are all set.
fn shared_dir(schema: &Value) -> Option<PathBuf> {
    let places = schema.get(SHARED_DIR)?.as_array()?.iter();
    let mut dirs = places.filter_map(|place| place_in(place.as_str()?, &|name| env::var_os(name)));
    dirs.next()
}

/// `$NAME/below`, absolute, when the variable is set, and the folder is not so wide that it holds
/// the user's own.
fn place_in(place: &str, variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let (name, below) = shared_place(place).ok()?;
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = path::absolute(set(name)?.join(below)).ok()?;
    let mut homes = ["HOME", "USERPROFILE"].into_iter().filter_map(set);
    (folder.parent().is_some() && !homes.any(|home| home.starts_with(&folder))).then_some(folder)
}

/// Every reference that matters, with its pointer and what people call it.
fn references(workflow: &Workflow, scope: Scope) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    let mut look = |pointer: String, of: String, value: Option<&Value>| {
        if let Some(reference) = value.filter(|value| value.get("type").is_some()) {
            found.push((pointer, of, reference.clone()));
        }
    };
    let model = [("model_path", "input model"), ("adapter_path", "adapter")];
    for (key, of) in model.into_iter().filter(|_| scope.model.is_none()) {
        let value = workflow.input_model.settings.get(key);
        look(format!("/input_model/{key}"), of.to_owned(), value);
    }
    for (index, data) in workflow.data_configs.iter().enumerate() {
        let files =
            data.load_dataset_config.as_ref().and_then(|load| load.params.get("data_files"));
        let pointer = format!("/data_configs/{index}/load_dataset_config/data_files");
        let of = format!("data `{}`", data.name);
        match files.and_then(Value::as_array) {
            Some(items) => items.iter().enumerate().for_each(|(number, item)| {
                look(format!("{pointer}/{number}"), of.clone(), Some(item));
            }),
            None => look(pointer, of, files),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::place_in;

    #[test]
    fn places_begin_at_variables_that_are_set() {
        for (place, expected) in [
            ("$CACHE", Some("/c")),
            ("$CACHE/hub", Some("/c/hub")),
            ("$EMPTY/hub", None),
            ("$OTHER", None),
            ("/tmp", None),
            ("$HOME/.cache/hub", Some("/home/me/.cache/hub")),
            ("$HOME/../you", None),
            ("$HOME", None),
            ("$ABOVE", None),
            ("$ROOT", None),
        ] {
            let variable = |name: &str| match name {
                "CACHE" => Some("/c".into()),
                "EMPTY" => Some("".into()),
                "HOME" => Some("/home/me".into()),
                "ABOVE" => Some("/home".into()),
                "ROOT" => Some("/".into()),
                _ => None,
            };
            assert_eq!(place_in(place, &variable).as_deref(), expected.map(Path::new), "{place}");
        }
    }
}
