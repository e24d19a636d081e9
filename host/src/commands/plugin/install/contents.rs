//! What a pack provides, in words: names of the manifest, summaries of the descriptors in the pack.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use olive_schemas::pack::{PackManifest, PackPlugin};
use serde_json::{Value, json};

use crate::render::plain;

/// The lists of a plugin's descriptor, with what their entries are called.
const LISTS: [(&str, &str); 7] = [
    ("passes", "pass"),
    ("evaluators", "evaluator"),
    ("generators", "generator"),
    ("sources", "source"),
    ("systems", "system"),
    ("previewers", "previewer"),
    ("packagers", "packager"),
];

/// A part that a pack provides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands::plugin) struct Part {
    /// What it is: `pass`, `evaluator`, …
    pub(in crate::commands::plugin) kind: &'static str,
    /// Its name.
    pub(in crate::commands::plugin) name: String,
    /// What it is for, when the pack says so.
    pub(in crate::commands::plugin) summary: Option<String>,
}

/// Everything that the pack of `manifest` provides; its files are in `folder`.
pub(in crate::commands::plugin) fn parts(manifest: &PackManifest, folder: &Path) -> Vec<Part> {
    let mut parts = Vec::new();
    for plugin in &manifest.plugins {
        let summaries = summaries(plugin, folder);
        for (kind, names) in plugin.provides.lists() {
            parts.extend(names.iter().map(|name| Part {
                kind,
                name: name.clone(),
                summary: summaries.get(&(kind, name.clone())).cloned().or_else(|| devices(plugin)),
            }));
        }
    }
    parts
}

/// `pass  Prune: Removes weights.`
pub(in crate::commands::plugin) fn line(part: &Part) -> String {
    let Part { kind, name, summary } = part;
    let summary = summary.as_ref().map(|summary| format!(": {}", plain(summary)));
    format!("{kind:9}  {}{}", plain(name), summary.unwrap_or_default())
}

/// The part for programs.
pub(in crate::commands::plugin) fn json(part: &Part) -> Value {
    json!({"kind": part.kind, "name": part.name, "summary": part.summary})
}

/// Summaries in the descriptor of `plugin`, by kind and name. A pack without them is as good.
fn summaries(plugin: &PackPlugin, folder: &Path) -> BTreeMap<(&'static str, String), String> {
    let descriptor = plugin.descriptor.as_ref().and_then(|path| {
        let bytes = fs::read(folder.join(path)).ok()?;
        serde_json::from_slice::<Value>(&bytes).ok()
    });
    let Some(descriptor) = descriptor else { return BTreeMap::new() };
    let text = |value: &Value, key: &str| value[key].as_str().map(str::to_owned);
    let listed = LISTS.iter().flat_map(|(list, kind)| {
        let entries = descriptor[*list].as_array().into_iter().flatten();
        entries.filter_map(|entry| Some(((*kind, text(entry, "name")?), text(entry, "summary")?)))
    });
    let itself = text(&descriptor, "id").zip(text(&descriptor, "summary"));
    listed.chain(itself.map(|(id, summary)| (("validator", id), summary))).collect()
}

/// `cpu, gpu; ONNX Runtime >=1.24.0, <1.25.0` of an execution provider.
fn devices(plugin: &PackPlugin) -> Option<String> {
    let provider = plugin.execution_provider.as_ref()?;
    let name = |device| serde_json::to_value(device).ok()?.as_str().map(str::to_owned);
    let devices: Vec<String> = provider.devices.iter().filter_map(name).collect();
    Some(format!("{}; ONNX Runtime {}", devices.join(", "), provider.onnxruntime))
}
