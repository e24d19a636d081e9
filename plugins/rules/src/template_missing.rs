//! Rows are read, and nothing says how they become text.

use olive_validator_api::{Diagnostic, Document, Severity, setting};

use crate::parts::{Data, is_tuner, measured, told, trainers};
use crate::rule::{BuiltIn, listed};
use crate::training::Training;

/// Rows are read, and nothing says how they become text.
pub(crate) const RULE: BuiltIn = BuiltIn {
    code: "template-missing",
    severity: Severity::Error,
    summary: "a data config does not say how its rows become the text that is asked for",
    explanation: "\
`LoRA`, `perplexity` and `kl_divergence` read the text of a row: its chat by `chat_template`, `text_template` or the columns `text_cols` filled in, `prompt_template` followed by `answer_template`, or a pair.
`exact_match` asks the model with `prompt_template` and compares its answer with `answer_template`; `accuracy_score`, `f1_score`, `precision`, `recall` and `auroc` look which answer the model finds likeliest.
Which of them a data config needs follows from who reads it.",
    check,
};

/// Settings that make the text of a row; one is enough.
const TEXT: [&str; 2] = ["text_template", "text_cols"];

/// Settings that make a question and its answer; both are needed.
const EXAMPLE: [&str; 2] = ["prompt_template", "answer_template"];

/// Figures that ask the model a question and know its answer.
const ASKING: [&str; 6] =
    ["exact_match", "accuracy_score", "f1_score", "precision", "recall", "auroc"];

/// Figures of texts, which are made of a question and its answer where there is no other.
const READING: [&str; 2] = ["perplexity", "kl_divergence"];

fn check(document: &Document) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    // Passes of other packs may have columns of their own to fall back on.
    for step in trainers(document).into_iter().filter(|step| is_tuner(step)) {
        let data = Training::of(step).data(document).filter(lacks_text);
        if let Some(data) = data {
            let reader = setting(step, "train_data_config");
            found.push(without_text(&data, &told(step), reader));
        }
    }
    let metrics = measured(document);
    for metric in metrics.iter().filter(|metric| metric.kind() == "accuracy") {
        let Some(data) = metric.data_config().and_then(|name| Data::named(document, name)) else {
            continue;
        };
        let has_any = |names: &[&str]| names.iter().any(|name| metric.has(name));
        let who = format!("metric `{}`", metric.name());
        let reader = format!("{}/data_config", metric.pointer);
        let missing: Vec<&str> = EXAMPLE.into_iter().filter(|key| is_empty(&data, key)).collect();
        if has_any(&ASKING) && !missing.is_empty() && !data.is_foreign() {
            let message = format!(
                "{who} asks for answers, but data config `{}` has no {}",
                data.name(),
                listed(&missing)
            );
            let help = format!("add {} to its `pre_process_data_config`", listed(&missing));
            let finding = RULE.finding(place(&data), message).with_help(help);
            found.push(finding.with_related(reader, "asked for here"));
        } else if has_any(&READING) && lacks_text(&data) {
            found.push(without_text(&data, &who, reader));
        }
    }
    found
}

fn without_text(data: &Data<'_>, who: &str, reader: String) -> Diagnostic {
    let message = format!(
        "{who} reads the text of rows, but data config `{}` has neither {} nor {}",
        data.name(),
        listed(&TEXT[..1]),
        listed(&TEXT[1..])
    );
    let help = "add `text_template` to its `pre_process_data_config`, with columns in braces";
    RULE.finding(place(data), message).with_help(help).with_related(reader, "read here")
}

fn lacks_text(data: &Data<'_>) -> bool {
    let is_pair = data.setting("dataset_type").and_then(|kind| kind.as_str()) == Some("pair");
    let has_chat = data.setting("chat_template").is_some_and(|template| {
        template.as_bool() == Some(true) || template.as_str().is_some_and(|text| !text.is_empty())
    });
    let has_example = !EXAMPLE.iter().any(|key| is_empty(data, key));
    let has_text = !TEXT.iter().all(|key| is_empty(data, key));
    !(data.is_foreign() || is_pair || has_chat || has_example || has_text)
}

/// Whether a setting is left out or empty.
fn is_empty(data: &Data<'_>, key: &str) -> bool {
    data.setting(key).is_none_or(|value| {
        value.as_array().is_some_and(Vec::is_empty) || value.as_str().is_some_and(str::is_empty)
    })
}

fn place(data: &Data<'_>) -> String {
    match data.pre_process() {
        Some(_) => format!("{}/pre_process_data_config", data.pointer()),
        None => data.pointer(),
    }
}
