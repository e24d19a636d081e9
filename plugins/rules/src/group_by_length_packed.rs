//! Blocks are grouped by length although all have one length.

use olive_validator_api::{Applicability, Diagnostic, Document, PlannedStep, Severity};

use crate::parts::{Data, trainers};
use crate::rule::{BuiltIn, set};
use crate::training::Training;

/// Blocks are grouped by length although all have one length.
pub(crate) const RULE: BuiltIn = BuiltIn {
    code: "group-by-length-packed",
    severity: Severity::Warning,
    summary: "`group_by_length` has nothing to group: all blocks have one length",
    explanation: "\
`group_by_length` puts blocks of about one length into one batch, so that little is padded.
Packing with `join` cuts one stream of tokens into blocks of `max_seq_len`, and `line-by-line` pads rows to it unless `pad_to_max_len` is false: all blocks have one length already.",
    check,
};

fn check(document: &Document) -> Vec<Diagnostic> {
    trainers(document).into_iter().filter_map(|step| nothing_to_group(document, step)).collect()
}

fn nothing_to_group(document: &Document, step: &PlannedStep) -> Option<Diagnostic> {
    let training = Training::of(step);
    let data = training.data(document).filter(|data| !data.is_foreign())?;
    let how = one_length(&data).filter(|_| training.is_on("group_by_length", false))?;
    let tokens = data.block_tokens();
    let message = format!(
        "`group_by_length` has no effect: {how} makes every block of data config `{}` {tokens} \
         tokens long",
        data.name()
    );
    let pointer = training.pointer("group_by_length");
    let related = format!("{}/pre_process_data_config", data.pointer());
    let patch = set(&pointer, false);
    let finding = RULE
        .finding(pointer, message)
        .with_help("set `group_by_length` to false")
        .with_related(related, "blocks are made here");
    let title = "set `group_by_length` to false";
    Some(finding.with_fix(title, patch, Applicability::MachineApplicable))
}

/// What gives all blocks one length.
fn one_length(data: &Data<'_>) -> Option<&'static str> {
    let pads = data.setting("pad_to_max_len").is_none_or(|pads| pads.as_bool() == Some(true));
    let is_pair = data.setting("dataset_type").and_then(|kind| kind.as_str()) == Some("pair");
    match data.strategy() {
        _ if is_pair => pads.then_some("`pad_to_max_len`"),
        "join" => Some("packing by `join`"),
        "join-sliding-window" => Some("packing by `join-sliding-window`"),
        "join-random" => Some("packing by `join-random`"),
        "line-by-line" | "line-by-line-random" | "pack" if pads => Some("`pad_to_max_len`"),
        _ => None,
    }
}
