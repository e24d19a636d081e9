//! Data configs whose text will not be what their author expects.

use serde_json::Value;

use crate::config::check::{Problem, Problems};

/// Marks of chat formats, which say themselves where a text starts and ends.
const CHAT_MARKS: [&str; 8] = [
    "<|user|>",
    "<|assistant|>",
    "<|system|>",
    "<|end|>",
    "<|im_start|>",
    "<|im_end|>",
    "[INST]",
    "<start_of_turn>",
];

pub(super) fn check(value: &Value, problems: &mut Problems) {
    let configs = value.get("data_configs").and_then(Value::as_array);
    for (index, config) in configs.into_iter().flatten().enumerate() {
        let Some(pre_process) = config.get("pre_process_data_config") else { continue };
        let pointer = format!("/data_configs/{index}/pre_process_data_config");
        if has_chat(pre_process) {
            without_effect(pre_process, &pointer, problems);
            continue;
        }
        let Some(template) = pre_process.get("text_template").and_then(Value::as_str) else {
            continue;
        };
        if pre_process.get("text_cols").is_some() {
            let message = "`text_cols` has no effect: `text_template` is set and wins".to_owned();
            let pointer = format!("{pointer}/text_cols");
            let problem = Problem::warning("no-effect", &pointer, message, "remove it");
            problems.push(problem.about_key());
        }
        let adds_tokens = pre_process.get("add_special_tokens") != Some(&Value::Bool(false));
        let mark = CHAT_MARKS.iter().find(|mark| template.contains(**mark));
        if let Some(mark) = mark.filter(|_| adds_tokens) {
            let message = format!(
                "the text has chat marks such as `{mark}`, and the tokenizer's own start and end \
                 tokens are put around it as well"
            );
            let help = "set `add_special_tokens` to false beside it, unless the model was trained \
                        on both";
            let pointer = format!("{pointer}/text_template");
            problems.push(Problem::warning("doubled-marks", &pointer, message, help));
        }
    }
}

/// Whether the text of a row is its chat.
fn has_chat(pre_process: &Value) -> bool {
    match pre_process.get("chat_template") {
        Some(Value::String(template)) => !template.is_empty(),
        template => template == Some(&Value::Bool(true)),
    }
}

/// Settings of text that stand beside a chat template.
fn without_effect(pre_process: &Value, pointer: &str, problems: &mut Problems) {
    for key in ["text_template", "text_cols"] {
        if pre_process.get(key).is_none_or(Value::is_null) {
            continue;
        }
        let message = format!("`{key}` has no effect: `chat_template` is set and wins");
        let pointer = format!("{pointer}/{key}");
        let problem = Problem::warning("no-effect", &pointer, message, "remove it");
        problems.push(problem.about_key());
    }
}
