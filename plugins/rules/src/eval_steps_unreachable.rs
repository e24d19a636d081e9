//! Evaluation is due after more steps than the training has.

use olive_validator_api::{
    Applicability, Diagnostic, Document, PlannedStep, Severity, at, setting,
};

use crate::parts::{is_tuner, told, trainers};
use crate::rule::{BuiltIn, set};
use crate::training::{StepLimit, Training};

/// Evaluation is due after more steps than the training has.
pub(crate) const RULE: BuiltIn = BuiltIn {
    code: "eval-steps-unreachable",
    severity: Severity::Warning,
    summary: "the loss of evaluation data is due after more steps than the training has",
    explanation: "\
The loss of evaluation data is computed every `eval_steps` steps, or every `logging_steps` when that is left out.
When the training ends earlier, it is never computed, although rows were kept back for it.
How long a training is follows from `max_steps`, or else from the epochs and from `max_samples` of a data config with one row a block.
`LoRA` and its relatives say themselves that `eval_steps` is above `max_steps`, since both are its own settings.",
    check,
};

fn check(document: &Document) -> Vec<Diagnostic> {
    trainers(document).into_iter().filter_map(|step| unreachable(document, step)).collect()
}

fn unreachable(document: &Document, step: &PlannedStep) -> Option<Diagnostic> {
    let training = Training::of(step);
    if !training.evaluates_by_steps() || (is_tuner(step) && training.max_steps().is_some()) {
        return None;
    }
    let (key, every) = ["eval_steps", "logging_steps"]
        .into_iter()
        .find_map(|key| Some((key, training.integer(key)?)))?;
    let StepLimit { steps, pointer: limit, reason } = training.limit(document)?;
    if every <= steps {
        return None;
    }
    let message = format!(
        "{} never evaluates: that is due every {every} steps, as `{key}` says, and there are at \
         most {steps}: {reason}",
        told(step)
    );
    let help = format!("set `eval_steps` to {steps} or less");
    let mut finding =
        RULE.finding(training.pointer(key), message).with_help(help).with_related(limit, "ends it");
    if steps > 0 && at(&document.workflow, &setting(step, "training_args")).is_some() {
        let patch = set(&training.pointer("eval_steps"), steps);
        let title = format!("set `eval_steps` to {steps}");
        finding = finding.with_fix(title, patch, Applicability::MaybeIncorrect);
    }
    Some(finding)
}
