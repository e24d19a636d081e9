//! Data configs: the five ways Olive has written them.

use super::super::node::{Entry, Node, NodeValue};
use super::{Notes, fix_case, flatten, insert, rename, set_default};

/// Component sections of a data config.
const SECTIONS: [&str; 4] = [
    "load_dataset_config",
    "pre_process_data_config",
    "post_process_data_config",
    "dataloader_config",
];

/// Keys of `load_dataset_config` that stood flat in `params_config`.
const LOAD_KEYS: [&str; 5] = ["data_name", "data_files", "split", "subset", "data_dir"];

pub(super) fn upgrade(configs: &mut Node, notes: &mut Notes) {
    list_from_map(configs, notes);
    let NodeValue::Array(items) = &mut configs.value else { return };
    for config in items {
        fix_case(config, "type", &["HuggingfaceContainer"]);
        spread_params_config(config, notes);
        for section in SECTIONS {
            if let Some(section) = config.get_mut(section) {
                flatten(section, "params", notes);
            }
        }
        drop_empty(config, "post_process_data_config");
        drop_empty(config, "dataloader_config");
        if let Some(pre_process) = config.get_mut("pre_process_data_config") {
            upgrade_pre_process(pre_process, notes);
        }
    }
}

/// Up to v0.5.2 `data_configs` was a map from name to config.
fn list_from_map(configs: &mut Node, notes: &mut Notes) {
    let range = configs.range.clone();
    let Some(entries) = configs.entries_mut() else { return };
    notes.renamed(&range, "a map of data configs", "a list of data configs with `name`");
    let items = std::mem::take(entries).into_iter().map(|entry| {
        let mut config = entry.node;
        set_default(&mut config, "name", entry.key, &entry.key_range);
        config
    });
    configs.value = NodeValue::Array(items.collect());
}

/// v0.6.0 wrote flat `params_config` with `component_kwargs` per component.
fn spread_params_config(config: &mut Node, notes: &mut Notes) {
    let Some(mut params) = config.take("params_config") else { return };
    notes.renamed(
        &params.key_range,
        "params_config",
        "load_dataset_config, pre_process_data_config",
    );
    if let Some(mut kwargs) = params.node.take("component_kwargs") {
        for (old, new) in [
            ("load_dataset", "load_dataset_config"),
            ("pre_process_data", "pre_process_data_config"),
        ] {
            if let Some(section) = kwargs.node.take(old) {
                insert(config, section.renamed(new));
            }
        }
    }
    for entry in std::mem::take(params.node.entries_mut().unwrap_or(&mut Vec::new())) {
        let section = if LOAD_KEYS.contains(&entry.key.as_str()) {
            "load_dataset_config"
        } else {
            "pre_process_data_config"
        };
        if config.get(section).is_none() {
            insert(config, Entry::new(section, Node::object(Vec::new(), params.key_range.clone())));
        }
        if let Some(section) = config.get_mut(section)
            && section.get(&entry.key).is_none()
        {
            insert(section, entry);
        }
    }
}

/// Renames the keys of v0.6 and sets what was its default where the config is silent.
fn upgrade_pre_process(pre_process: &mut Node, notes: &mut Notes) {
    let legacy = ["dataset_type", "corpus_strategy", "source_max_len"];
    let is_legacy = legacy.iter().any(|key| pre_process.get(key).is_some());
    if let Some(kind) = pre_process.take("dataset_type") {
        match kind.node.as_str() {
            Some("corpus") => {
                notes.renamed(&kind.range(), "dataset_type", "nothing: it is implied");
            }
            _ => notes.refused(
                &kind.node.range,
                "unsupported-value",
                "`dataset_type` is only read as \"corpus\"".into(),
                "use `prompt_template` and `answer_template`, or a `text_template`",
            ),
        }
    }
    rename(pre_process, "corpus_strategy", "strategy", notes);
    rename(pre_process, "source_max_len", "max_seq_len", notes);
    if is_legacy {
        let range = pre_process.range.start..pre_process.range.start;
        set_default(pre_process, "strategy", "line-by-line", &range);
        set_default(pre_process, "joiner", serde_json::Value::Null, &range);
        set_default(pre_process, "keep_exact_fit", false, &range);
        let masks = pre_process.get("use_attention_mask").is_none_or(|node| !node.is_off());
        set_default(pre_process, "mask_pad_tokens", masks, &range);
    }
    let has_template = pre_process.get("text_template").is_some_and(|node| !node.is_off());
    if has_template && let Some(columns) = pre_process.take("text_cols") {
        notes.ignored(&columns.range(), "text_cols", "`text_template` is set and wins");
    }
}

fn drop_empty(config: &mut Node, section: &str) {
    let is_empty =
        config.get(section).is_some_and(|node| node.entries().is_some_and(<[_]>::is_empty));
    if is_empty {
        config.take(section);
    }
}
