//! Data that the passes of a config read, and how.

use std::path::Path;

use olive_schemas::advice::EvalSplit;
use olive_schemas::data::DataConfig;
use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::model::Model;
use olive_schemas::preview::PreviewSplit;
use serde_json::Value;

use super::input::locate;
use crate::config::CheckedWorkflow;
use crate::config::defaults::fill;
use crate::config::missing;
use crate::config::references::{EVAL_SPLIT, REFERENCE, marked};
use crate::plugin::Catalog;
use crate::steps::pass_title;

/// A data config of a workflow, and who reads it.
#[derive(Debug, Clone)]
pub struct DataUse {
    /// Its place among the data configs.
    pub index: usize,
    /// The data config, with absolute paths.
    pub data: DataConfig,
    /// The settings that name it, such as `train_data_config of lora (LoRA)`.
    pub readers: Vec<String>,
    /// How some of its blocks are kept back for evaluation.
    pub split: Option<PreviewSplit>,
}

/// The data configs that the passes of `checked` read, in the order of the config; or the one
/// called `name`, whoever reads it. Relative paths start at `folder`.
///
/// Files that are not there are told; pointers lead into the workflow.
pub fn data_uses(
    checked: &CheckedWorkflow,
    folder: &Path,
    catalog: &Catalog,
    name: Option<&str>,
) -> (Vec<DataUse>, Vec<Diagnostic>) {
    let (mut uses, mut problems) = (Vec::new(), Vec::new());
    for (index, data) in checked.data_configs() {
        let mut found = DataUse { index, data, readers: Vec::new(), split: None };
        read_by(&mut found, checked, catalog);
        let is_wanted = match name {
            Some(name) => found.data.name == name,
            None => !found.readers.is_empty(),
        };
        if is_wanted {
            problems.extend(settle(&mut found, folder));
            uses.push(found);
        }
    }
    (uses, problems)
}

/// The model that `checked` starts from, with absolute paths, and what is wrong with them.
pub fn input_model(checked: &CheckedWorkflow, folder: &Path) -> Option<(Model, Vec<Diagnostic>)> {
    Some(locate(checked.model()?, folder))
}

/// Notes which passes read the data, and what they keep back of it.
fn read_by(found: &mut DataUse, checked: &CheckedWorkflow, catalog: &Catalog) {
    for (pass_name, pass) in &checked.workflow().passes {
        let Some(known) = catalog.pass(&pass.kind) else { continue };
        let schema = &known.descriptor.schema;
        let mut config = Value::Object(pass.config.clone());
        fill(&mut config, schema);
        for place in marked(&config, schema, REFERENCE, "data_config") {
            if config.pointer(&place).and_then(Value::as_str) != Some(&found.data.name) {
                continue;
            }
            let title = pass_title(pass_name, &known.descriptor.name);
            let setting = place.trim_start_matches('/').replace('/', ".");
            found.readers.push(format!("{setting} of {title}"));
            found.split = found.split.or_else(|| split(&config, schema, &place));
        }
    }
}

/// How the pass with these settings keeps blocks back of the data that it names at `place`.
fn split(config: &Value, schema: &Value, place: &str) -> Option<PreviewSplit> {
    let mark: EvalSplit = serde_json::from_value(schema.get(EVAL_SPLIT)?.clone()).ok()?;
    let at = |pointer: &String| config.pointer(pointer).filter(|value| !value.is_null());
    if mark.of != place || mark.unless.as_ref().and_then(at).is_some() {
        return None;
    }
    let eval_size = at(&mark.size)?.as_f64()?;
    let seed = mark.seeds.iter().find_map(|pointer| at(pointer)?.as_u64());
    Some(PreviewSplit { eval_size, seed: seed.unwrap_or(mark.default_seed) })
}

/// Makes paths absolute; tells which lead nowhere.
fn settle(found: &mut DataUse, folder: &Path) -> Vec<Diagnostic> {
    let pointer = format!("/data_configs/{}/load_dataset_config/data_files", found.index);
    let mut problems = Vec::new();
    for (number, file) in found.data.load_dataset_config.data_files.iter_mut().enumerate() {
        let written = file.clone();
        *file = folder.join(&written);
        if !file.exists() {
            let message = format!("file `{}` does not exist", file.display());
            let help = missing::help(&written, folder);
            let problem = Diagnostic::error("file-missing", format!("{pointer}/{number}"), message);
            problems.push(problem.with_help(help));
        }
    }
    problems
}
