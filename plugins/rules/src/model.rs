//! What a description of a model tells: widths, positions, linear layers.

use std::collections::BTreeSet;

use olive_validator_api::{Document, ModelDescription, ModelKind};
use serde_json::Value;

/// Ends of names of weights that are no linear layer inside the model.
const OUTER: [&str; 4] = ["lm_head", "embed_tokens", "wte", "embed_out"];

/// Linear layers of model families with separate projections.
const SPLIT: [&str; 7] =
    ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

/// Linear layers of model families with fused projections.
const FUSED: [&str; 4] = ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"];

/// Families by their `model_type`, for models whose tensors are not at hand.
const FAMILIES: [(&str, &[&str]); 9] = [
    ("llama", &SPLIT),
    ("mistral", &SPLIT),
    ("qwen2", &SPLIT),
    ("qwen3", &SPLIT),
    ("gemma", &SPLIT),
    ("gemma2", &SPLIT),
    ("smollm3", &SPLIT),
    ("phi3", &FUSED),
    ("phimoe", &["q_proj", "k_proj", "v_proj", "o_proj"]),
];

/// A linear layer, or those of one name and shape in all layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Linear {
    /// Its path with `*` for numbers; the last name alone where only the family is known.
    pub(crate) path: String,
    /// Width of its input.
    pub(crate) inputs: u64,
    /// Width of its output.
    pub(crate) outputs: u64,
    /// How many of them there are.
    pub(crate) count: u64,
}

/// The Hugging Face model to start from, when it is described.
pub(crate) fn checkpoint(document: &Document) -> Option<&ModelDescription> {
    document.model.as_ref().filter(|model| model.kind == ModelKind::Hf)
}

/// A number of the model's `config.json`.
pub(crate) fn dimension(model: &ModelDescription, key: &str) -> Option<u64> {
    model.config.as_ref()?.get(key)?.as_u64()
}

/// The model's family: `model_type` of its `config.json`.
pub(crate) fn family(model: &ModelDescription) -> Option<&str> {
    model.config.as_ref()?.get("model_type").and_then(Value::as_str)
}

/// The linear layers of the model that tensors show, without the one that makes logits.
pub(crate) fn linears(model: &ModelDescription) -> Vec<Linear> {
    let matrices = model.tensors.iter().filter_map(|group| {
        let path = group.name.strip_suffix(".weight")?;
        let &[outputs, inputs] = group.shape.as_slice() else { return None };
        let is_inner = !OUTER.contains(&last_name(path));
        is_inner.then(|| Linear { path: path.to_owned(), inputs, outputs, count: group.count })
    });
    matrices.collect()
}

/// Paths of the linear layers that an adapter can be put on, as tensors show them, else by family.
pub(crate) fn adaptable(model: &ModelDescription) -> BTreeSet<String> {
    let shown: BTreeSet<String> = linears(model).into_iter().map(|linear| linear.path).collect();
    if !shown.is_empty() {
        return shown;
    }
    let family = family(model).unwrap_or_default();
    let known = FAMILIES.iter().find(|(name, _)| *name == family);
    known.into_iter().flat_map(|(_, names)| names.iter().map(|name| (*name).to_owned())).collect()
}

/// Whether `name` is the path of the layer at `path`, or the end of it after a dot, as PEFT has it.
pub(crate) fn is_layer(path: &str, name: &str) -> bool {
    let numbered = name.split('.').map(|part| match part.parse::<u32>() {
        Ok(_) => "*",
        Err(_) => part,
    });
    let name = numbered.collect::<Vec<_>>().join(".");
    let rest = path.strip_suffix(name.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The last name of a path.
pub(crate) fn last_name(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
