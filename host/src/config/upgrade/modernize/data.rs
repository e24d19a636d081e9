//! Data configs: the ways Olive wrote them before `load_dataset_config` with `params`.

use serde_json::Value;

use crate::config::node::{Entry, Node, NodeValue};
use crate::config::upgrade::{
    Notes, insert, items_or_self, object_at, rename, set_default, settings,
};

/// Keys of `load_dataset_config` that stood flat in `params_config`.
const LOAD_KEYS: [&str; 8] = [
    "data_name",
    "data_files",
    "split",
    "subset",
    "data_dir",
    "col_filters",
    "trust_remote_code",
    "streaming",
];

/// Old sections of `component_kwargs` and `components`, and what they are called today.
const COMPONENTS: [(&str, &str); 4] = [
    ("load_dataset", "load_dataset_config"),
    ("pre_process_data", "pre_process_data_config"),
    ("post_process_data", "post_process_data_config"),
    ("dataloader", "dataloader_config"),
];

pub(super) fn modernize(root: &mut Node, notes: &mut Notes) {
    let data_root = root.take("data_root");
    if let Some(configs) = root.get_mut("data_configs") {
        list_from_map(configs, notes);
        if let NodeValue::Array(items) = &mut configs.value {
            for config in items {
                spread_components(config, notes);
                spread_params_config(config, notes);
                if let Some(section) = config.get_mut("pre_process_data_config") {
                    modernize_pre_process(settings(section, "params"), notes);
                }
            }
        }
    }
    if let Some(entry) = data_root {
        move_below(root, &entry, notes);
    }
}

/// Up to v0.5.2 `data_configs` was a map from name to config.
fn list_from_map(configs: &mut Node, notes: &mut Notes) {
    let range = configs.range.clone();
    let is_one = ["name", "load_dataset_config"].iter().any(|key| configs.get(key).is_some());
    let Some(entries) = configs.entries_mut().filter(|_| !is_one) else { return };
    let start = range.start..range.start + 1;
    notes.reshaped(&start, "a map of data configs", "a list, each with its `name`");
    let items = std::mem::take(entries).into_iter().map(|entry| {
        let mut config = entry.node;
        if let Some(entries) = config.entries_mut()
            && !entries.iter().any(|known| known.key == "name")
        {
            let name = Node::scalar(entry.key, entry.key_range.clone());
            entries.insert(0, Entry::new("name", name));
        }
        config
    });
    configs.value = NodeValue::Array(items.collect());
}

/// Early v0.6 described components by `components: {load_dataset: {type, params}}`.
fn spread_components(config: &mut Node, notes: &mut Notes) {
    let Some(mut components) = config.take("components") else { return };
    notes.renamed(
        &components.key_range,
        "components",
        "load_dataset_config, pre_process_data_config",
    );
    for (old, new) in COMPONENTS {
        if let Some(section) = components.node.take(old)
            && config.get(new).is_none()
        {
            insert(config, section.renamed(new));
        }
    }
}

/// v0.6.0 wrote flat `params_config` with `component_kwargs` per component.
fn spread_params_config(config: &mut Node, notes: &mut Notes) {
    let Some(mut params) = config.take("params_config") else { return };
    let range = params.key_range.clone();
    notes.renamed(&range, "params_config", "load_dataset_config, pre_process_data_config");
    if let Some(mut kwargs) = params.node.take("component_kwargs") {
        for (old, new) in COMPONENTS {
            if let Some(section) = kwargs.node.take(old) {
                merge_section(config, new, section);
            }
        }
    }
    for entry in std::mem::take(params.node.entries_mut().unwrap_or(&mut Vec::new())) {
        let is_loading = LOAD_KEYS.contains(&entry.key.as_str());
        let name = if is_loading { "load_dataset_config" } else { "pre_process_data_config" };
        let Some(section) = object_at(config, name, &range) else { continue };
        let section = settings(section, "params");
        if section.get(&entry.key).is_none() {
            insert(section, entry);
        }
    }
}

/// Puts the entries of `section` into the section `name`; they win over what is there.
fn merge_section(config: &mut Node, name: &str, section: Entry) {
    let Some(there) = config.get_mut(name) else {
        return insert(config, section.renamed(name));
    };
    let there = settings(there, "params");
    let mut section = section.node;
    for entry in std::mem::take(section.entries_mut().unwrap_or(&mut Vec::new())) {
        there.take(&entry.key);
        insert(there, entry);
    }
}

/// Renames the keys of v0.6 and writes down what was its default where the config is silent.
///
/// Pairs, which later versions dropped, keep their keys.
fn modernize_pre_process(pre_process: &mut Node, notes: &mut Notes) {
    let legacy = ["dataset_type", "corpus_strategy", "source_max_len"];
    let is_legacy = legacy.iter().any(|key| pre_process.get(key).is_some());
    let kind = pre_process.get("dataset_type").and_then(Node::as_str);
    let is_pair = kind == Some("pair");
    if kind == Some("corpus")
        && let Some(kind) = pre_process.take("dataset_type")
    {
        notes.dropped(&kind, "a data set is a corpus of texts unless it is said to be of pairs");
    }
    if !is_pair {
        rename(pre_process, "corpus_strategy", "strategy", notes);
        rename(pre_process, "source_max_len", "max_seq_len", notes);
    }
    if is_legacy {
        let range = pre_process.range.start..pre_process.range.start;
        if !is_pair {
            set_default(pre_process, "strategy", "line-by-line", &range);
            set_default(pre_process, "joiner", Value::Null, &range);
            set_default(pre_process, "keep_exact_fit", false, &range);
        }
        let strategy = pre_process.get("strategy").and_then(Node::as_str);
        if strategy.is_some_and(|strategy| strategy.starts_with("line-by-line")) {
            set_default(pre_process, "padding_side", "tokenizer", &range);
        }
        let masks = pre_process.get("use_attention_mask").is_none_or(|node| !node.is_off());
        set_default(pre_process, "mask_pad_tokens", masks, &range);
    }
}

/// Up to v0.7 `data_root` stood before relative data paths.
fn move_below(root: &mut Node, data_root: &Entry, notes: &mut Notes) {
    let Some(folder) = data_root.node.as_str().map(str::to_owned) else { return };
    notes.reshaped(&data_root.key_range, "`data_root`", "it into the paths of `data_files`");
    let Some(configs) = root.get_mut("data_configs") else { return };
    let NodeValue::Array(items) = &mut configs.value else { return };
    for config in items {
        let Some(section) = config.get_mut("load_dataset_config") else { continue };
        let section = settings(section, "params");
        for key in ["data_files", "data_dir"] {
            let Some(paths) = section.get_mut(key) else { continue };
            for path in items_or_self(paths) {
                let joined = path.as_str().map(|path| std::path::Path::new(&folder).join(path));
                if let Some(joined) = joined {
                    let joined = joined.to_string_lossy().into_owned();
                    *path = Node::scalar(joined, path.range.clone());
                }
            }
        }
    }
}
