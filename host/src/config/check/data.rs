//! What a data config needs to be read.

use olive_schemas::types;
use serde_json::Value;

use crate::config::node::Node;
use crate::config::schema::nearest;

/// Container that reads rows of files.
const ROWS: &str = "HuggingfaceContainer";

/// Functions that read and prepare rows of files.
pub(in crate::config) const FUNCTIONS: [&str; 7] = [
    "huggingface_dataset",
    "huggingface_pre_process",
    "text_generation_huggingface_pre_process",
    "default_dataloader",
    "text_generation_post_process",
    "local_dataset",
    "skip_post_process",
];

/// Formats of local files.
pub(in crate::config) const FORMATS: [&str; 5] = ["json", "csv", "parquet", "arrow", "text"];

/// What a data config needs to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need<'a> {
    /// Local files, or nothing that can be told.
    Files,
    /// Python code: a user script, a registered function or a container.
    Python(&'a str),
    /// A data set of the Hugging Face hub.
    Hub(&'a str),
    /// Files that a source plugin fetches.
    Source,
}

/// What the normalized data config `config` needs.
pub fn need(config: &Value) -> Need<'_> {
    let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str);
    if text("/user_script").is_some() {
        return Need::Python("user_script");
    }
    if text("/type").is_some_and(|kind| kind != ROWS && !is_slip_of_container(kind)) {
        return Need::Python("type");
    }
    for section in ["load_dataset_config", "pre_process_data_config"] {
        let kind = config.get(section).and_then(|section| section.get("type"));
        if kind.and_then(Value::as_str).is_some_and(|kind| !FUNCTIONS.contains(&kind)) {
            return Need::Python(section);
        }
    }
    let files = config.pointer("/load_dataset_config/data_files");
    let is_reference = |file: &Value| file.get("type").is_some();
    let items = files.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if files.is_some_and(is_reference) || items.iter().any(is_reference) {
        return Need::Source;
    }
    match text("/load_dataset_config/data_name") {
        Some(name) if is_hub_name(name) => Need::Hub(name),
        _ => Need::Files,
    }
}

/// Whether the normalized data config `config` is read by the host's own rules.
pub fn is_plain(config: &Node) -> bool {
    need(&config.to_value()) == Need::Files
}

/// A name that is no container, but nearly one.
pub(super) fn is_slip_of_container(name: &str) -> bool {
    let mut known = types::data_containers().iter().map(|entry| entry.name);
    known.all(|known| known != name)
        && nearest(name, types::data_containers().iter().map(|entry| entry.name)).is_some()
}

/// A name that is no format of local files, nor a slip of one.
fn is_hub_name(name: &str) -> bool {
    let is_slip = nearest(name, FORMATS).is_some();
    !FORMATS.contains(&name) && !is_slip
}
