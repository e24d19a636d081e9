//! The input model: Olive's former `PyTorchModel` with `hf_config`.

use olive_schemas::model::ModelKind;

use crate::config::node::{Entry, Node};
use crate::config::upgrade::{Notes, insert, rename, settings};

/// `PyTorchModel{hf_config{model_name, task, model_loading_args}}` is `HfModel` today (#1239).
pub(super) fn modernize(model: &mut Node, notes: &mut Notes) {
    let is_pytorch = model
        .get("type")
        .and_then(Node::as_str)
        .is_some_and(|kind| kind.eq_ignore_ascii_case("PyTorchModel"));
    if !is_pytorch || settings(model, "config").get("hf_config").is_none() {
        return;
    }
    if let Some(kind) = model.get_mut("type") {
        notes.renamed(&kind.range, "PyTorchModel", ModelKind::Hf.name());
        *kind = Node::scalar(ModelKind::Hf.name(), kind.range.clone());
    }
    spread_hf_config(settings(model, "config"), notes);
}

fn spread_hf_config(model: &mut Node, notes: &mut Notes) {
    if let Some(format) = model.take("model_file_format") {
        notes.dropped(&format, "the files tell their format");
    }
    let Some(index) = model.index_of("hf_config") else { return };
    let Some(hf_config) = model.take("hf_config") else { return };
    let Entry { key_range, node: mut hf, .. } = hf_config;
    let told_before = notes.findings.len();
    notes.renamed(&key_range, "hf_config", "model_path, task, load_kwargs");
    rename(&mut hf, "model_loading_args", "load_kwargs", notes);
    rename(&mut hf, "from_pretrained_args", "load_kwargs", notes);
    if model.get("model_path").is_none() {
        rename(&mut hf, "model_name", "model_path", notes);
    } else if let Some(name) = hf.take("model_name") {
        notes.dropped(&name, "`model_path` is set and wins");
    }
    for key in ["feature", "model_class", "components", "dataset"] {
        if let Some(entry) = hf.take(key) {
            notes.dropped(&entry, "the model's own config says it");
        }
    }
    for told in &mut notes.findings[told_before..] {
        // Another name where it stands is not the whole change.
        told.fix = None;
    }
    let moved = std::mem::take(hf.entries_mut().unwrap_or(&mut Vec::new()));
    for (offset, entry) in moved.into_iter().enumerate() {
        if model.get(&entry.key).is_some() {
            notes.ignored(&entry.key_range, &entry.key, "it is set beside `hf_config` too", false);
        } else if let Some(entries) = model.entries_mut() {
            let place = (index + offset).min(entries.len());
            entries.insert(place, entry);
        } else {
            insert(model, entry);
        }
    }
}
