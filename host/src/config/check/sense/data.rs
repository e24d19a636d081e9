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
