//! A plan of one pass, without a config file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use olive_schemas::model::Model;
use olive_schemas::step::Accelerator;
use serde_json::Value;

use super::input::content;
use super::settings::{Ground, settle};
use super::step::{Effort, StepParts};
use super::{Input, Plan, PlanError, Role};
use crate::plugin::PassEntry;
use crate::plugin::digest::Digests;
use crate::store::Store;

/// Plans one run of `pass` with `config` on `model`.
///
/// `config` fits the pass's schema; its relative paths start at the working folder.
///
/// # Errors
/// When a file that the config names is missing or cannot be read.
pub fn single_pass(
    pass: PassEntry<'_>,
    model: Model,
    config: &Value,
    threads: usize,
    cache_dir: &Path,
    output_dir: PathBuf,
) -> Result<Plan, PlanError> {
    let mut digests = Digests::open(Store::new(cache_dir).digests_path());
    let mut problems = Vec::new();
    let folder = std::env::current_dir()
        .map_err(|source| PlanError::Unreadable { path: ".".into(), source })?;
    let ground = &mut Ground {
        folder: &folder,
        data_configs: &[],
        digests: &mut digests,
        problems: &mut problems,
    };
    let descriptor = pass.descriptor;
    let digest = content(&model, ground)?;
    let settings = settle(config, &descriptor.schema, "", ground)?;
    if !problems.is_empty() {
        return Err(PlanError::Problems(problems));
    }
    let accelerator = Accelerator::default();
    let step = StepParts {
        role: Role::Pass { pass_name: "import".into() },
        model: 1,
        plugin: pass.plugin,
        graph_editor: None,
        name: &descriptor.name,
        accepts: &descriptor.accepts,
        settings,
        input: &digest,
        effort: Effort {
            threads,
            threads_change_result: descriptor.threads_change_result,
            ranks: 1,
        },
        accelerator: &accelerator,
        provider: None,
    };
    let steps = vec![step.step()];
    Ok(Plan {
        workflow_id: "import".into(),
        input: Input { model, digest },
        steps,
        threads,
        accelerator,
        goals: Vec::new(),
        objectives: Vec::new(),
        samples: Vec::new(),
        packages: Vec::new(),
        systems: BTreeMap::new(),
        output_dir: Some(output_dir),
        cache_dir: cache_dir.to_owned(),
    })
}
