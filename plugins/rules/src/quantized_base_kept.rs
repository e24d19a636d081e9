//! The 4-bit base of a training is handed on to a pass that quantizes from floats.

use olive_validator_api::{Applicability, Diagnostic, Document, Severity, setting, switch};

use crate::parts::{builds_graph, chains, named};
use crate::quantized_base_unmerged::trained_in_4_bits;
use crate::rule::{BuiltIn, set};

/// The 4-bit base of a training is handed on to a pass that quantizes from floats.
pub(crate) const RULE: BuiltIn = BuiltIn {
    code: "quantized-base-kept",
    severity: Severity::Warning,
    summary: "`save_quant_config` hands a base in 4 bits on, and `ModelBuilder` follows",
    explanation: "\
With `save_quant_config`, `QLoRA` and `LoftQ` write down that the base is to be loaded in 4 bits, and later passes load it so.
The adapter is then merged into weights that are rounded already, and `ModelBuilder` rounds them to another grid once more; older versions of Olive cannot load them there at all.
Without it the adapter is merged into the weights as they were.",
    check,
};

fn check(document: &Document) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for chain in chains(document) {
        for (index, builder) in chain.iter().enumerate().filter(|(_, step)| builds_graph(step)) {
            let Some((trainer, true)) = trained_in_4_bits(&chain[..index]) else { continue };
            if switch(&trainer.config, "save_quant_config") != Some(true) {
                continue;
            }
            let message = format!(
                "`save_quant_config` hands the base of {} on in 4 bits, and {} quantizes from \
                 floats",
                named(trainer),
                named(builder)
            );
            let pointer = setting(trainer, "save_quant_config");
            let patch = set(&pointer, false);
            let finding = RULE
                .finding(pointer, message)
                .with_help("set `save_quant_config` to false: the base stays in floats")
                .with_related(format!("{}/type", builder.pointer), "quantizes here");
            let title = "set `save_quant_config` to false";
            found.push(finding.with_fix(title, patch, Applicability::MaybeIncorrect));
        }
    }
    found
}
