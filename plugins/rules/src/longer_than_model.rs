//! Texts that have more tokens than the model has positions.

use olive_validator_api::{Diagnostic, Document, PlannedStep, Severity, setting};

use crate::model::{checkpoint, dimension};
use crate::parts::{is, measured, told, trainers};
use crate::rule::BuiltIn;
use crate::training::Training;

/// Texts that have more tokens than the model has positions.
pub(crate) const RULE: BuiltIn = BuiltIn {
    code: "longer-than-model",
    severity: Severity::Warning,
    summary: "blocks, prompts or answers have more tokens than the model has positions",
    explanation: "\
A model is trained for `max_position_embeddings` positions, as its `config.json` says.
Training it on longer blocks teaches it from positions that it never learned, prompts that do not fit cannot be measured, and an answer beyond them is nonsense or an error.",
    check,
};

fn check(document: &Document) -> Vec<Diagnostic> {
    let positions =
        checkpoint(document).and_then(|model| dimension(model, "max_position_embeddings"));
    let Some(positions) = positions else { return Vec::new() };
    let mut found = blocks(document, positions);
    found.extend(prompts(document, positions));
    let builders = document.steps.iter().filter(|step| is(step, "ModelBuilder"));
    found.extend(builders.filter_map(|step| answer(step, positions)));
    found
}

/// Blocks that are trained on.
fn blocks(document: &Document, positions: u64) -> Vec<Diagnostic> {
    let trained = trainers(document)
        .into_iter()
        .filter_map(|step| Some((step, Training::of(step).data(document)?)));
    trained
        .filter(|(_, data)| !data.is_foreign() && data.block_tokens() > positions)
        .map(|(step, data)| {
            let message = format!(
                "{} trains on blocks of {} tokens, and the model has {positions} positions",
                told(step),
                data.block_tokens()
            );
            let pointer = format!("{}/pre_process_data_config/max_seq_len", data.pointer());
            finding(pointer, message, &format!("set `max_seq_len` to {positions} or less"))
                .with_related(setting(step, "train_data_config"), "trained on here")
        })
        .collect()
}

/// Prompts of timed runs, with what is generated.
fn prompts(document: &Document, positions: u64) -> Vec<Diagnostic> {
    let timed = measured(document);
    let timed = timed.iter().filter(|metric| ["latency", "throughput"].contains(&metric.kind()));
    timed
        .filter_map(|metric| {
            let prompt = metric.count("prompt_tokens", 64);
            let generated =
                if metric.kind() == "throughput" { metric.count("max_new_tokens", 16) } else { 0 };
            let tokens = prompt.saturating_add(generated);
            if tokens <= positions {
                return None;
            }
            let message = format!(
                "metric `{}` takes {tokens} tokens, and the model has {positions} positions",
                metric.name()
            );
            let pointer = format!("{}/user_config/prompt_tokens", metric.pointer);
            let help =
                format!("set `prompt_tokens` to {} or less", positions.saturating_sub(generated));
            Some(finding(pointer, message, &help))
        })
        .collect()
}

/// The longest text that a built model is set up for.
fn answer(step: &PlannedStep, positions: u64) -> Option<Diagnostic> {
    let tokens = step.config.get("search")?.get("max_length")?.as_u64()?;
    let message = format!(
        "{} sets generation up for {tokens} tokens, and the model has {positions} positions",
        told(step)
    );
    let pointer = format!("{}/max_length", setting(step, "search"));
    let help = format!("set `max_length` to {positions} or less");
    (tokens > positions).then(|| finding(pointer, message, &help))
}

fn finding(pointer: String, message: String, help: &str) -> Diagnostic {
    RULE.finding(pointer, message).with_help(help)
}
