//! The learning rate is still rising when the training ends.

use olive_validator_api::{Diagnostic, Document, PlannedStep, Severity};

use crate::parts::{told, trainers};
use crate::rule::BuiltIn;
use crate::training::{StepLimit, Training};

/// The learning rate is still rising when the training ends.
pub(crate) const RULE: BuiltIn = BuiltIn {
    code: "warmup-never-ends",
    severity: Severity::Warning,
    summary: "the learning rate is still rising when the training ends",
    explanation: "\
The learning rate rises from 0 over the first `warmup_steps` steps.
When the training is no longer than that, it ends before `learning_rate` is reached: the adapter is trained with half of it on average, or less.",
    check,
};

fn check(document: &Document) -> Vec<Diagnostic> {
    trainers(document).into_iter().filter_map(|step| never_ends(document, step)).collect()
}

fn never_ends(document: &Document, step: &PlannedStep) -> Option<Diagnostic> {
    let training = Training::of(step);
    let rises = training.text("lr_scheduler_type").is_some_and(|course| course != "constant");
    let warmup = training.integer("warmup_steps").filter(|steps| *steps > 0 && rises)?;
    let StepLimit { steps, pointer: limit, reason } = training.limit(document)?;
    if warmup < steps {
        return None;
    }
    let message = format!(
        "{} never reaches its learning rate: it rises for {warmup} steps, and there are at most \
         {steps}: {reason}",
        told(step)
    );
    let help = "set `warmup_steps` to a tenth of the steps or less, or use `warmup_ratio`";
    let pointer = training.pointer("warmup_steps");
    Some(RULE.finding(pointer, message).with_help(help).with_related(limit, "ends it"))
}
