//! Blocks are grouped by length although all have one length.

use olive_validator_api::{Applicability, Diagnostic, Document, PlannedStep, Severity};
use serde_json::Value;

use crate::parts::{Data, trainers};
use crate::rule::{BuiltIn, set};
use crate::training::Training;

/// Blocks are grouped by length although all have one length.
pub(crate) const RULE: BuiltIn = BuiltIn {
    code: "group-by-length-packed",
    severity: Severity::Warning,
    summary: "blocks are grouped by length, and packing gives all of them one length",
    explanation: "\
`group_by_length`, or `train_sampling_strategy` of that name, puts blocks of about one length into one batch.
Packing with one of the `join` strategies cuts one stream of tokens into blocks of `max_seq_len`: all blocks have one length already.
Rows that `pad_to_max_len` fills up are grouped by what they hold, since padding is not computed.",
    check,
};

/// The setting that asks for groups.
const SWITCH: &str = "group_by_length";

/// The setting that asks for them by this value.
const STRATEGY: &str = "train_sampling_strategy";

fn check(document: &Document) -> Vec<Diagnostic> {
    trainers(document).into_iter().filter_map(|step| nothing_to_group(document, step)).collect()
}

fn nothing_to_group(document: &Document, step: &PlannedStep) -> Option<Diagnostic> {
    let training = Training::of(step);
    let (key, instead) = grouping(&training)?;
    let data = training.data(document).filter(|data| !data.is_foreign())?;
    let how = joins(&data)?;
    let tokens = data.block_tokens();
    let message = format!(
        "`group_by_length` has no effect: packing by `{how}` makes every block of data config `{}` \
         {tokens} tokens long",
        data.name()
    );
    let pointer = training.pointer(key);
    let related = format!("{}/pre_process_data_config", data.pointer());
    let title = format!("set `{key}` to {instead}");
    let patch = set(&pointer, instead);
    let finding = RULE
        .finding(pointer, message)
        .with_help(title.as_str())
        .with_related(related, "blocks are made here");
    Some(finding.with_fix(title, patch, Applicability::MachineApplicable))
}

/// The setting that groups blocks, and its value that does not.
fn grouping(training: &Training<'_>) -> Option<(&'static str, Value)> {
    if training.is_on(SWITCH, false) {
        return Some((SWITCH, false.into()));
    }
    (training.text(STRATEGY) == Some(SWITCH)).then(|| (STRATEGY, "random".into()))
}

/// The strategy that gives all blocks one length.
fn joins<'a>(data: &Data<'a>) -> Option<&'a str> {
    let is_pair = data.setting("dataset_type").and_then(Value::as_str) == Some("pair");
    let strategy = data.strategy();
    let is_joined = matches!(strategy, "join" | "join-sliding-window" | "join-random");
    (is_joined && !is_pair).then_some(strategy)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::RULE;
    use crate::example::Example;

    #[track_caller]
    fn check(training_args: &Value, pre_process: &Value, places: &[&str]) {
        let example = Example::new(json!({"workflow": {
            "data_configs": [{"name": "train", "pre_process_data_config": pre_process}],
            "passes": {"tune": {
                "type": "LoRA", "train_data_config": "train", "training_args": training_args
            }}
        }}));
        let found = (RULE.check)(&example.document());
        let found: Vec<_> = found.iter().map(|told| told.pointer.rsplit('/').next()).collect();
        let places: Vec<_> = places.iter().map(|place| Some(*place)).collect();
        assert_eq!(found, places, "{training_args} {pre_process}");
    }

    #[test]
    fn either_setting_groups() {
        let join = json!({"text_cols": ["a"]});
        let strategy = "train_sampling_strategy";
        check(&json!({"group_by_length": true}), &join, &["group_by_length"]);
        check(&json!({strategy: "group_by_length"}), &join, &[strategy]);
        check(&json!({strategy: "sequential", "group_by_length": false}), &join, &[]);
    }

    #[test]
    fn only_joined_rows_have_one_length() {
        let grouped = json!({"train_sampling_strategy": "group_by_length"});
        for (pre_process, is_told) in [
            (json!({"strategy": "join-sliding-window", "stride": 8}), true),
            (json!({"strategy": "join-random", "max_samples": 8, "random_seed": 1}), true),
            (json!({"strategy": "line-by-line", "pad_to_max_len": true}), false),
            (json!({"strategy": "pack"}), false),
            (json!({"dataset_type": "pair", "source_max_len": 8, "target_max_len": 8}), false),
        ] {
            let places: &[&str] = if is_told { &["train_sampling_strategy"] } else { &[] };
            check(&grouped, &pre_process, places);
        }
    }
}
