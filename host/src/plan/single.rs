//! A plan of one pass, without a config file.

use std::path::{Path, PathBuf};

use olive_schemas::model::Model;
use olive_schemas::step::{Accelerator, StepKind};
use serde_json::Value;

use super::input::content;
use super::settings::{Ground, settle};
use super::{Input, Plan, PlanError, Role, Step};
use crate::plugin::PassEntry;
use crate::plugin::digest::Digests;
use crate::store::key::KeyParts;
use crate::store::{StepKey, Store};

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
    let key = StepKey::new(&KeyParts {
        kind: StepKind::Pass,
        plugin_digest: &pass.plugin.digest,
        name: &descriptor.name,
        config: &settings.for_key,
        input: &digest,
        data: &settings.data_for_key,
        threads: descriptor.threads_change_result.then_some(threads),
        accelerator: &accelerator,
        provider_digest: None,
    });
    let step = Step {
        role: Role::Pass { pass_name: "import".into() },
        key,
        model: 1,
        plugin: pass.plugin.label(),
        library: pass.plugin.callee(),
        name: descriptor.name.clone(),
        config: settings.config,
        full_config: settings.full_config,
        data_configs: settings.data_configs,
        accepts: descriptor.accepts.clone(),
        provider: None,
        system: None,
    };
    Ok(Plan {
        workflow_id: "import".into(),
        input: Input { model, digest },
        steps: vec![step],
        threads,
        accelerator,
        output_dir: Some(output_dir),
        cache_dir: cache_dir.to_owned(),
    })
}
