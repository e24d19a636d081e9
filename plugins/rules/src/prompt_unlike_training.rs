//! A model is asked otherwise than it was trained.

use olive_validator_api::{Diagnostic, Document, Severity};
use serde_json::Value;

use crate::parts::{Data, measured, named, trainers};
use crate::rule::BuiltIn;
use crate::training::Training;

/// A model is asked otherwise than it was trained.
pub(crate) const RULE: BuiltIn = BuiltIn {
    code: "prompt-unlike-training",
    severity: Severity::Warning,
    summary: "the prompt of a metric is not how the text of the training begins",
    explanation: "\
A model trained on `### Text: {phrase}\\n### The tone is:\\n{tone}` has learned what follows `### The tone is:`.
Asked with any other text, even one line break less, it answers as if it had not been trained.
Names of columns may differ between the two; the text around them may not, nor whether the tokenizer's own start and end tokens are added.",
    check,
};

fn check(document: &Document) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for step in trainers(document) {
        let trained = Training::of(step).data(document).filter(|data| !data.is_foreign());
        let Some((trained, text)) =
            trained.and_then(|data| Some((data, template(&data, "text_template")?)))
        else {
            continue;
        };
        for metric in measured(document) {
            let data = metric.data_config().and_then(|name| Data::named(document, name));
            let Some(asked) = data.filter(|data| metric.has("exact_match") && !data.is_foreign())
            else {
                continue;
            };
            let Some(prompt) = template(&asked, "prompt_template") else { continue };
            let problem = if !without_columns(text).starts_with(&without_columns(prompt)) {
                ("prompt_template", "the prompt is not how the text begins")
            } else if adds_tokens(&trained) != adds_tokens(&asked) {
                ("add_special_tokens", "`add_special_tokens` is not the same")
            } else {
                continue;
            };
            let (key, difference) = problem;
            let message = format!(
                "metric `{}` asks otherwise than {} is trained: {difference}",
                metric.name(),
                named(step)
            );
            let pointer = format!("{}/pre_process_data_config/{key}", asked.pointer());
            let other = if key == "prompt_template" { "text_template" } else { key };
            let related = format!("{}/pre_process_data_config/{other}", trained.pointer());
            let help = format!("write both alike, as data config `{}` has it", trained.name());
            found.push(
                RULE.finding(pointer, message).with_help(help).with_related(related, "trained so"),
            );
        }
    }
    found
}

fn template<'a>(data: &Data<'a>, key: &str) -> Option<&'a str> {
    data.setting(key)?.as_str()
}

fn adds_tokens(data: &Data<'_>) -> bool {
    data.setting("add_special_tokens") != Some(&Value::Bool(false))
}

/// A template with `{}` for every column.
fn without_columns(template: &str) -> String {
    let mut parts = template.split('{');
    let mut shape = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('}') {
            Some((_, rest)) => shape.extend(["{}", rest]),
            None => shape.extend(["{", part]),
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::without_columns;

    #[test]
    fn names_of_columns_do_not_matter() {
        assert_eq!(without_columns("a {b}: {c}"), "a {}: {}");
        assert_eq!(without_columns("{b} } { c"), "{} } { c");
    }
}
