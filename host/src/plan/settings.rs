//! Settings of a step: paths made absolute, data configs sent along, everything digested.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use olive_schemas::data::DataConfig;
use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::workflow::Workflow;
use serde_json::Value;

use super::PlanError;
use crate::config::defaults::fill;
use crate::config::missing;
use crate::config::references::{PATH, REFERENCE, WORKSPACE, marked, takes_workspace};
use crate::plugin::digest::Digests;

/// What planning stands on, and the problems it has met.
pub(super) struct Ground<'a> {
    /// Where relative paths start; absolute.
    pub(super) folder: &'a Path,
    /// The workflow's data configs that plugins can read, with their place in the list.
    pub(super) data_configs: &'a [(usize, DataConfig)],
    /// Remembered digests.
    pub(super) digests: &'a mut Digests,
    /// Problems so far; pointers lead into the workflow.
    pub(super) problems: &'a mut Vec<Diagnostic>,
}

/// Settings of a step in the forms they are needed in.
pub(super) struct Settings {
    /// As the plugin gets them, with absolute paths.
    pub(super) config: Value,
    /// The same with defaults.
    pub(super) full_config: Value,
    /// Defaults filled in; names and paths taken out, digests of inputs put in.
    pub(super) for_key: Value,
    /// Data configs by name, with absolute paths.
    pub(super) data_configs: BTreeMap<String, DataConfig>,
    /// Data configs by the pointer that refers to them; names and paths taken out, digests put in.
    pub(super) data_for_key: BTreeMap<String, Value>,
}

impl Settings {
    /// Puts `inner`, settings of their own, in the place `pointer` of these.
    pub(super) fn take_in(&mut self, pointer: &str, inner: Self) {
        set(&mut self.config, pointer, inner.config);
        set(&mut self.full_config, pointer, inner.full_config);
        set(&mut self.for_key, pointer, inner.for_key);
        self.data_configs.extend(inner.data_configs);
        let data = inner.data_for_key.into_iter();
        self.data_for_key.extend(data.map(|(place, key)| (format!("{pointer}{place}"), key)));
    }
}

/// Gives `config`, which fits `schema`, the workspace of the whole workflow, when it may name one and
/// does not.
pub(super) fn inherit(config: &mut Value, schema: &Value, workflow: &Workflow) {
    let is_given = config.get(WORKSPACE).is_some_and(|workspace| !workspace.is_null());
    if takes_workspace(schema)
        && !is_given
        && let Some(workspace) = &workflow.azureml_client
    {
        config[WORKSPACE] = serde_json::to_value(workspace).unwrap_or_default();
    }
}

/// Settles `config`, which stands at `pointer` of the workflow and fits `schema`.
///
/// # Errors
/// When a file that exists cannot be read.
pub(super) fn settle(
    config: &Value,
    schema: &Value,
    pointer: &str,
    ground: &mut Ground<'_>,
) -> Result<Settings, PlanError> {
    let mut config = config.clone();
    let inputs = absolute_paths(&mut config, schema, "input", ground.folder);
    let outputs = absolute_paths(&mut config, schema, "output", ground.folder);
    let full_config = filled(&config, schema);
    let mut for_key = full_config.clone();
    for (place, path) in inputs {
        let digest = existing(&path, &format!("{pointer}{place}"), ground)?;
        set(&mut for_key, &place, digest.into());
    }
    for (place, _) in outputs {
        set(&mut for_key, &place, Value::Null);
    }
    let mut data_configs = BTreeMap::new();
    let mut data_for_key = BTreeMap::new();
    for place in marked(&full_config, schema, REFERENCE, "data_config") {
        let name = full_config.pointer(&place).and_then(Value::as_str).unwrap_or_default();
        // The check has refused names of data configs that are not defined.
        let known = ground.data_configs.iter().find(|(_, data)| data.name == name);
        let Some((index, data)) = known.cloned() else { continue };
        let (data, key) = settle_data(index, data, ground)?;
        set(&mut for_key, &place, Value::Null);
        data_for_key.insert(place, key);
        data_configs.insert(name.to_owned(), data);
    }
    Ok(Settings { config, full_config, for_key, data_configs, data_for_key })
}

/// Makes the marked paths of `config` absolute; gives their places and what they are now.
pub(crate) fn absolute_paths(
    config: &mut Value,
    schema: &Value,
    kind: &str,
    folder: &Path,
) -> Vec<(String, PathBuf)> {
    let mut paths = Vec::new();
    for place in marked(config, schema, PATH, kind) {
        let written = config.pointer(&place).and_then(Value::as_str).unwrap_or_default();
        let path = folder.join(written);
        set(config, &place, path.to_string_lossy().into_owned().into());
        paths.push((place, path));
    }
    paths
}

/// Digest of the file or folder at `path`.
///
/// # Errors
/// When it cannot be read.
pub(super) fn digest(path: &Path, ground: &mut Ground<'_>) -> Result<String, PlanError> {
    let unreadable = |source| PlanError::Unreadable { path: path.to_owned(), source };
    ground.digests.path(path).map_err(unreadable)
}

/// `config` with the defaults of `schema`.
fn filled(config: &Value, schema: &Value) -> Value {
    let mut config = config.clone();
    fill(&mut config, schema);
    config
}

/// The data config number `index` with absolute paths, and what of it goes into keys.
fn settle_data(
    index: usize,
    mut data: DataConfig,
    ground: &mut Ground<'_>,
) -> Result<(DataConfig, Value), PlanError> {
    let pointer = format!("/data_configs/{index}/load_dataset_config/data_files");
    let mut digests = Vec::new();
    for (number, file) in data.load_dataset_config.data_files.iter_mut().enumerate() {
        *file = ground.folder.join(&file);
        let digest = existing(file, &format!("{pointer}/{number}"), ground)?;
        digests.push(Value::String(digest));
    }
    let mut key = serde_json::to_value(&data).unwrap_or_default();
    set(&mut key, "/name", Value::Null);
    set(&mut key, "/load_dataset_config/data_files", digests.into());
    Ok((data, key))
}

/// Digest of what the config names at `pointer`; nothing there is a problem, told once.
fn existing(path: &Path, pointer: &str, ground: &mut Ground<'_>) -> Result<String, PlanError> {
    if path.exists() {
        return digest(path, ground);
    }
    let message = format!("file `{}` does not exist", path.display());
    let help = missing::help(path.strip_prefix(ground.folder).unwrap_or(path), ground.folder);
    let problem = Diagnostic::error("file-missing", pointer, message).with_help(help);
    if !ground.problems.contains(&problem) {
        ground.problems.push(problem);
    }
    Ok(String::new())
}

fn set(value: &mut Value, pointer: &str, new: Value) {
    if let Some(place) = value.pointer_mut(pointer) {
        *place = new;
    }
}
