//! The input model: `config` wrapper, and Olive's former `PyTorchModel` with `hf_config`.

use olive_schemas::model::ModelKind;

use super::super::node::Node;
use super::{Notes, fix_case, flatten, insert, rename};

pub(super) fn upgrade(model: &mut Node, notes: &mut Notes) {
    flatten(model, "config", notes);
    fix_case(model, "type", &ModelKind::ALL.map(ModelKind::name));
    let is_pytorch = model
        .get("type")
        .and_then(Node::as_str)
        .is_some_and(|t| t.eq_ignore_ascii_case("PyTorchModel"));
    if is_pytorch && model.get("hf_config").is_some() {
        upgrade_pytorch(model, notes);
    }
    if let Some(task) = model.get_mut("task")
        && task.as_str() == Some("text-generation")
    {
        *task = Node::scalar("text-generation-with-past", task.range.clone());
    }
}

/// `PyTorchModel{hf_config{model_name, task, model_loading_args}}` is `HfModel` today (#1239).
fn upgrade_pytorch(model: &mut Node, notes: &mut Notes) {
    if let Some(kind) = model.get_mut("type") {
        notes.renamed(&kind.range, "PyTorchModel", ModelKind::Hf.name());
        *kind = Node::scalar(ModelKind::Hf.name(), kind.range.clone());
    }
    let Some(mut hf_config) = model.take("hf_config") else { return };
    notes.renamed(&hf_config.key_range, "hf_config", "model_path, task, load_kwargs");
    let hf = &mut hf_config.node;
    rename(hf, "model_loading_args", "load_kwargs", notes);
    rename(hf, "from_pretrained_args", "load_kwargs", notes);
    if model.get("model_path").is_none() {
        rename(hf, "model_name", "model_path", notes);
    } else if let Some(name) = hf.take("model_name") {
        notes.ignored(&name.range(), "model_name", "`model_path` is set and wins");
    }
    for entry in std::mem::take(hf.entries_mut().unwrap_or(&mut Vec::new())) {
        insert(model, entry);
    }
}
