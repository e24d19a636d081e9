//! Rows of weights are padded because no whole number of blocks fits them.

use std::collections::BTreeSet;

use olive_validator_api::{
    Applicability, Diagnostic, Document, ModelDescription, PlannedStep, Severity, at, setting, text,
};
use serde_json::Value;

use crate::model::{Linear, checkpoint, dimension, linears};
use crate::parts::{builds_graph, chains, keep_layers, told};
use crate::rule::{BuiltIn, set};

/// Rows of weights are padded because no whole number of blocks fits them.
pub(crate) const RULE: BuiltIn = BuiltIn {
    code: "block-size-padding",
    severity: Severity::Warning,
    summary: "`int4_block_size` does not divide the widths of the model, so rows are padded",
    explanation: "\
Quantized weights are stored in blocks along the inputs of a layer, and the last block of a row is filled up with zeros.
The result is right, since ONNX Runtime knows the true width, but the padding is stored and read like weights.
SmolLM2-135M, which is 576 wide, takes 5 blocks of 128 a row where 4.5 would do: a ninth more.",
    check,
};

/// Block size when nothing is said.
const DEFAULT: u64 = 32;

/// Block sizes that there are, large ones first.
const SIZES: [u64; 5] = [256, 128, 64, 32, 16];

fn check(document: &Document) -> Vec<Diagnostic> {
    let Some(model) = checkpoint(document) else { return Vec::new() };
    let mut found = Vec::new();
    for chain in chains(document) {
        for (index, step) in chain.iter().enumerate() {
            let quantizes = builds_graph(step) && text(&step.config, "precision") == Some("int4");
            if quantizes && keep_layers(&chain[..index]) {
                found.extend(padded(document, step, model));
            }
        }
    }
    found
}

fn padded(document: &Document, step: &PlannedStep, model: &ModelDescription) -> Option<Diagnostic> {
    let (size, pointer) = block_size(step);
    let matrices = matrices(model);
    let widths: BTreeSet<u64> = matrices.iter().map(|linear| linear.inputs).collect();
    let odd: Vec<String> =
        widths.iter().filter(|width| *width % size != 0).map(u64::to_string).collect();
    if odd.is_empty() {
        return None;
    }
    let total = |width: &dyn Fn(u64) -> u64| {
        let values = matrices.iter().map(|linear| {
            width(linear.inputs) as f64 * linear.outputs as f64 * linear.count as f64
        });
        values.sum::<f64>()
    };
    let stored = |width: u64| width.div_ceil(size).saturating_mul(size);
    let growth = 100.0 * (total(&stored) / total(&|width| width) - 1.0);
    let message = format!(
        "{} pads rows of {} weights to blocks of {size}, which makes the quantized weights \
         {growth:.1} % larger",
        told(step),
        odd.join(" and "),
    );
    let Some(better) =
        SIZES.into_iter().find(|new| *new < size && widths.iter().all(|width| width % new == 0))
    else {
        let help = "no smaller block size divides all widths of the model";
        return Some(RULE.finding(pointer, message).with_help(help));
    };
    let help = format!("{better} divides all widths of the model");
    let finding = RULE.finding(&pointer, message).with_help(help);
    let is_written = at(&document.workflow, &pointer).is_some();
    let place = if is_written { pointer } else { setting(step, "int4_block_size") };
    let title = format!("set the block size to {better}");
    Some(finding.with_fix(title, set(&place, better), Applicability::MaybeIncorrect))
}

/// The block size that counts and the pointer to where it is written.
pub(crate) fn block_size(step: &PlannedStep) -> (u64, String) {
    let extra = step.config.get("extra_options");
    let in_extra = ["block_size", "int4_block_size"].into_iter().find_map(|key| {
        let size = extra?.get(key)?.as_u64()?;
        Some((size, format!("{}/{key}", setting(step, "extra_options"))))
    });
    let beside = step.config.get("int4_block_size").and_then(Value::as_u64);
    let (size, pointer) =
        in_extra.unwrap_or_else(|| (beside.unwrap_or(DEFAULT), setting(step, "int4_block_size")));
    (size.max(1), pointer)
}

/// The matrices of the model that are quantized, with the one that makes logits.
fn matrices(model: &ModelDescription) -> Vec<Linear> {
    let mut matrices = linears(model);
    let (hidden, vocabulary) = (dimension(model, "hidden_size"), dimension(model, "vocab_size"));
    if let (Some(inputs), Some(outputs)) = (hidden, vocabulary) {
        matrices.push(Linear { path: "lm_head".to_owned(), inputs, outputs, count: 1 });
    }
    matrices
}
