//! What a run has made that can be packed: its models, the best first.

use std::iter;
use std::path::Path;

use olive_plugin_api::model_files;
use olive_plugin_api::packager::candidate_files;
use olive_schemas::footprint::{Footprint, ModelRecord};
use olive_schemas::metric::MetricValue;
use olive_schemas::model::Model;
use olive_schemas::packaging::{Candidate, CandidateFile, ModelStep, Package};
use serde_json::{Value, json};

use crate::config::references::{PATH, marked};
use crate::plan::PlannedPackage;
use crate::plugin::Catalog;
use crate::store::{Hold, Store, StoreError};

/// The models of a run that can be packed, as they lie in the store.
pub struct Made {
    /// Without their files.
    candidates: Vec<Candidate>,
    input_metrics: Vec<MetricValue>,
}

impl Made {
    /// The models of `footprint`, before its result is placed: the last one, or those that a search
    /// has chosen.
    ///
    /// Of the paths in settings of its passes, by their schemas in `catalog`, it has names alone:
    /// neither the key nor a package depends on where things lie.
    pub fn of(footprint: &Footprint, catalog: &Catalog) -> Self {
        let chosen = footprint.search.iter().flat_map(|search| &search.chosen);
        let chosen = chosen.filter_map(|number| footprint.model_of(*number));
        let mut models: Vec<&ModelRecord> = chosen.collect();
        if models.is_empty() {
            models.extend(footprint.models.last());
        }
        let candidates = models.into_iter().filter_map(|it| candidate(footprint, it, catalog));
        let input_metrics = footprint.input().map(|model| model.metrics.clone());
        let input_metrics = input_metrics.unwrap_or_default();
        Self { candidates: candidates.collect(), input_metrics }
    }

    /// Digest of all that decides the bytes of `package`.
    pub(super) fn key(&self, package: &PlannedPackage) -> String {
        let candidates = self.candidates.iter().map(|candidate| {
            let Candidate { model_id, accelerator, metrics, history, .. } = candidate;
            json!([model_id, accelerator, metrics, history])
        });
        let candidates: Vec<_> = candidates.collect();
        let parts = json!([package.for_key, candidates, self.input_metrics]);
        blake3::hash(parts.to_string().as_bytes()).to_hex().to_string()
    }

    /// The package called `name`, whose files stay where they are while the holds last.
    ///
    /// # Errors
    /// When the store or a model outside of it cannot be read.
    pub(super) fn package<'s>(
        &self,
        name: &str,
        store: &'s Store,
    ) -> Result<(Package, Vec<Hold<'s>>), StoreError> {
        let mut holds = Vec::new();
        let mut candidates = self.candidates.clone();
        for candidate in &mut candidates {
            let hold = store.hold_to_read(&candidate.model)?;
            candidate.files = files(&candidate.model, store, &hold)?;
            holds.push(hold);
        }
        let input_metrics = self.input_metrics.clone();
        Ok((Package { name: name.to_owned(), candidates, input_metrics }, holds))
    }
}

fn candidate(footprint: &Footprint, record: &ModelRecord, catalog: &Catalog) -> Option<Candidate> {
    let parent = |model: &&ModelRecord| footprint.model(model.parent_model_id.as_deref()?);
    let steps = iter::successors(Some(record), parent).map(|record| step_of(record, catalog));
    let mut history: Vec<ModelStep> = steps.collect();
    history.reverse();
    Some(Candidate {
        model: record.model.clone()?,
        model_id: record.model_id.clone(),
        files: Vec::new(),
        accelerator: footprint.accelerator.clone(),
        metrics: record.metrics.clone(),
        history,
    })
}

fn step_of(record: &ModelRecord, catalog: &Catalog) -> ModelStep {
    let mut pass_run_config = record.pass_run_config.clone();
    let pass = record.from_pass.as_ref().and_then(|pass| catalog.pass(pass));
    if let (Some(config), Some(pass)) = (&mut pass_run_config, pass) {
        cut_paths(config, &pass.descriptor.schema);
    }
    let (model_id, from_pass) = (record.model_id.clone(), record.from_pass.clone());
    ModelStep { model_id, from_pass, pass_run_config }
}

/// Leaves of the paths in `config` their last parts.
fn cut_paths(config: &mut Value, schema: &Value) {
    let kinds = ["input", "output"];
    let places: Vec<String> =
        kinds.into_iter().flat_map(|kind| marked(config, schema, PATH, kind)).collect();
    for place in places {
        let Some(path) = config.pointer_mut(&place) else { continue };
        let name = path.as_str().and_then(|path| Path::new(path).file_name());
        if let Some(name) = name.map(|name| name.to_string_lossy().into_owned()) {
            *path = name.into();
        }
    }
}

/// The files of `model`, sorted by name, each where it is to be read.
fn files(model: &Model, store: &Store, hold: &Hold<'_>) -> Result<Vec<CandidateFile>, StoreError> {
    let mut files = candidate_files(model, |path| match store.files_below(path) {
        Some(files) => Ok(files.into_iter().filter_map(|(name, _)| visible(&name)).collect()),
        None => model_files(path).map_err(StoreError::io("read", path)),
    })?;
    for file in &mut files {
        file.path = hold.place_of(&file.path);
    }
    Ok(files)
}

/// The name of a file below a step's folder; none when it is hidden, as no file of a model is.
fn visible(name: &Path) -> Option<String> {
    let mut parts = name.iter();
    let is_hidden = parts.any(|part| part.to_string_lossy().starts_with('.'));
    (!is_hidden).then(|| name.to_string_lossy().into_owned())
}
