//! The adapter of a 4-bit base reaches the pass that writes ONNX unmerged.

use olive_validator_api::{Diagnostic, Document, PlannedStep, Severity};

use crate::parts::{builds_graph, chains, is, merges, named, told};
use crate::rule::BuiltIn;

/// The adapter of a 4-bit base reaches the pass that writes ONNX unmerged.
pub(crate) const RULE: BuiltIn = BuiltIn {
    code: "quantized-base-unmerged",
    severity: Severity::Error,
    summary: "`ModelBuilder` gets an adapter of `QLoRA` or `LoftQ` that was not merged",
    explanation: "\
`QLoRA` and `LoftQ` train an adapter on a base that bitsandbytes holds in 4 bits.
`ModelBuilder` reads weights in floats and quantizes them by itself: it can neither read that base nor put the adapter on top of it.
Olive finds out after the training is done.",
    check,
};

/// Whether the step trains an adapter on a base in 4 bits.
pub(crate) fn quantizes_base(step: &PlannedStep) -> bool {
    is(step, "QLoRA") || is(step, "LoftQ")
}

/// The last step of `before` that trains on a base in 4 bits, and whether its adapter is merged
/// after it.
pub(crate) fn trained_in_4_bits(before: &[PlannedStep]) -> Option<(&PlannedStep, bool)> {
    let index = before.iter().rposition(quantizes_base)?;
    Some((&before[index], before[index + 1..].iter().any(merges)))
}

fn check(document: &Document) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for chain in chains(document) {
        for (index, builder) in chain.iter().enumerate().filter(|(_, step)| builds_graph(step)) {
            let Some((trainer, false)) = trained_in_4_bits(&chain[..index]) else { continue };
            let message = format!(
                "{} reads weights in floats, but {} leaves an adapter on a base in 4 bits",
                told(builder),
                named(trainer)
            );
            let help = "put a pass of type `MergeAdapterWeights` between them";
            let pointer = format!("{}/type", builder.pointer);
            let related = format!("{}/type", trainer.pointer);
            let finding = RULE.finding(pointer, message).with_help(help);
            found.push(finding.with_related(related, "trained here"));
        }
    }
    found
}
