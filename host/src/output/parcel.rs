//! Models on their way into the output folder: which files go where.

use std::path::{Path, PathBuf};

use olive_plugin_api::beside::CANDIDATES;
use olive_schemas::footprint::Footprint;
use olive_schemas::model::Model;
use olive_schemas::search::{Candidate, SearchRecord};

use crate::store::Store;

/// A model and its files.
pub(super) struct Parcel {
    /// Content id of the model.
    pub(super) model_id: String,
    /// The model as it is in the store.
    pub(super) in_store: Model,
    /// Its files.
    pub(super) placements: Vec<Placement>,
}

/// A file: where it goes below the output folder, where it is in the store, its bytes.
pub(super) struct Placement {
    pub(super) target: PathBuf,
    pub(super) source: PathBuf,
    pub(super) size_bytes: u64,
}

/// Points the result of `footprint` and the candidates of its search into `output_dir`; gives them
/// with what has to be placed there, the result first.
///
/// None when there is no result.
pub(super) fn parcels(footprint: &mut Footprint, store: &Store, output_dir: &Path) -> Vec<Parcel> {
    let Some(result) = footprint.models.len().checked_sub(1) else { return Vec::new() };
    let Some(first) = parcel(footprint, result, Path::new(""), (store, output_dir)) else {
        return Vec::new();
    };
    let mut parcels = vec![first];
    for (candidate, index) in candidates(footprint) {
        let below = PathBuf::from(&candidate.folder);
        let Some(parcel) = parcel(footprint, index, &below, (store, output_dir)) else { continue };
        parcels.push(parcel);
        if let Some(search) = &mut footprint.search {
            search.candidates.push(candidate);
        }
    }
    parcels
}

/// The folder of the candidate of this rank, below the output folder.
pub(super) fn folder_of(rank: usize) -> String {
    format!("{CANDIDATES}/{rank}")
}

/// The chosen models beside the best, and their places among the models.
fn candidates(footprint: &Footprint) -> Vec<(Candidate, usize)> {
    let chosen = |search: &SearchRecord| {
        let ranked = (1..).zip(&search.chosen).skip(1).filter_map(|(rank, &trial)| {
            let id = search.trial(trial)?.models.last()?;
            let index = footprint.models.iter().position(|model| model.model_id == *id)?;
            let folder = folder_of(rank);
            Some((Candidate { rank, trial, folder }, index))
        });
        ranked.collect()
    };
    footprint.search.as_ref().map(chosen).unwrap_or_default()
}

/// The model of `footprint` at `index`, pointed into the folder `below` of the output folder.
fn parcel(
    footprint: &mut Footprint,
    index: usize,
    below: &Path,
    ground: (&Store, &Path),
) -> Option<Parcel> {
    let record = &mut footprint.models[index];
    let model = record.model.as_mut()?;
    let in_store = model.clone();
    let placements = settle(model, below, ground);
    Some(Parcel { model_id: record.model_id.clone(), in_store, placements })
}

/// Points `model` into the folder `below` of the output folder; gives what has to be placed there.
///
/// The model's files lie flat in the folder. With an adapter they lie under `model/` and
/// `adapter/`. What is outside the store, such as the base model of an adapter, stays there.
fn settle(model: &mut Model, below: &Path, ground: (&Store, &Path)) -> Vec<Placement> {
    let (store, _) = ground;
    let mut placements = Vec::new();
    let has_adapter = model.adapter_path.is_some();
    if store.holds(&model.model_path) {
        let below = if has_adapter { below.join("model") } else { below.to_owned() };
        model.model_path = settle_path(&model.model_path, &below, ground, &mut placements);
    }
    if let Some(adapter) = &mut model.adapter_path
        && store.holds(adapter)
    {
        *adapter = settle_path(adapter, &below.join("adapter"), ground, &mut placements);
    }
    placements
}

/// Where `path` goes, with its files added to `placements`.
fn settle_path(
    path: &Path,
    below: &Path,
    (store, output_dir): (&Store, &Path),
    placements: &mut Vec<Placement>,
) -> PathBuf {
    for (name, size_bytes) in store.files_below(path).unwrap_or_default() {
        if name.as_os_str().is_empty() {
            let target = below.join(path.file_name().unwrap_or_default());
            let placed = output_dir.join(&target);
            placements.push(Placement { target, source: path.to_owned(), size_bytes });
            return placed;
        }
        let (target, source) = (below.join(&name), path.join(name));
        placements.push(Placement { target, source, size_bytes });
    }
    if below.as_os_str().is_empty() { output_dir.to_owned() } else { output_dir.join(below) }
}
