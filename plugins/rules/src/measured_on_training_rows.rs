//! A model is measured on the rows it was trained on.

use olive_validator_api::{Diagnostic, Document, Severity, setting, text};
use serde_json::Value;

use crate::parts::{Data, measured, named, told, trainers};
use crate::rule::BuiltIn;

/// A model is measured on the rows it was trained on.
pub(crate) const RULE: BuiltIn = BuiltIn {
    code: "measured-on-training-rows",
    severity: Severity::Warning,
    summary: "quality is measured on the rows that the model was trained on",
    explanation: "\
A model remembers what it was trained on, so figures on these rows say how well it remembers, not how well it does on new ones.
Rows are the same when the data configs read the same files, splits and subsets; how the rows become text does not matter.
Keep rows back in a file of their own, or let `eval_dataset_size` split blocks off for the loss.",
    check,
};

fn check(document: &Document) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for step in trainers(document) {
        let Some(trained) = named_data(document, text(&step.config, "train_data_config")) else {
            continue;
        };
        let related = setting(step, "train_data_config");
        let same = |name: Option<&str>| {
            named_data(document, name).filter(|data| reads_same_rows(data, &trained))
        };
        if let Some(data) = same(text(&step.config, "eval_data_config")) {
            let message = format!(
                "{} computes the evaluation loss on data config `{}`, whose rows it trains on",
                told(step),
                data.name()
            );
            let pointer = setting(step, "eval_data_config");
            found.push(finding(pointer, message).with_related(&related, "trained on here"));
        }
        let metrics = measured(document).into_iter();
        for metric in metrics.filter(|metric| metric.kind() == "accuracy") {
            let Some(data) = same(metric.data_config()) else { continue };
            let message = format!(
                "metric `{}` reads data config `{}`, whose rows {} trains on",
                metric.name(),
                data.name(),
                named(step)
            );
            let pointer = format!("{}/data_config", metric.pointer);
            found.push(finding(pointer, message).with_related(&related, "trained on here"));
        }
    }
    found
}

fn finding(pointer: String, message: String) -> Diagnostic {
    RULE.finding(pointer, message).with_help("name rows that are not trained on")
}

fn named_data<'a>(document: &'a Document, name: Option<&str>) -> Option<Data<'a>> {
    Data::named(document, name?)
}

/// Whether two data configs read the same rows of the same files.
fn reads_same_rows(one: &Data<'_>, other: &Data<'_>) -> bool {
    let source = |data: &Data<'_>| {
        let rows = data.rows()?.as_object()?;
        let files = rows.get("data_files").or(rows.get("data_dir")).or(rows.get("data_name"))?;
        let files = files.as_array().cloned().unwrap_or_else(|| vec![files.clone()]);
        let split = rows.get("split").and_then(Value::as_str).unwrap_or("train").to_owned();
        let subset = rows.get("subset").cloned().unwrap_or_default();
        Some((files, split, subset))
    };
    source(one).is_some_and(|rows| source(other) == Some(rows))
}
