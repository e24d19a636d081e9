//! What a training says while it runs.

use std::path::Path;

use olive_kit_train::{LogEntry, Observer, Start, StepReport};
use olive_plugin_api::{LogLevel, StepContext};

use crate::usage;

/// Passes a training's figures on to the host, and writes a log line every few steps.
///
/// | figure | what it is |
/// | --- | --- |
/// | `loss` | mean loss over all labels of the step, before its update |
/// | `learning_rate` | rate of its update |
/// | `grad_norm` | L2 norm of its gradients before clipping |
/// | `epoch` | times through the data after it |
/// | `tokens_per_second` | tokens computed on, padding left out, evaluation and saving too |
/// | `peak_share` | operations a second by the algorithm alone over the processor's peak, where that trains |
/// | `memory_bytes` | memory of the process, where the system tells |
/// | `eval_loss` | mean loss over all labels of the evaluation data, when it was due |
/// | `best_eval_loss` | the best of them so far |
pub(crate) struct Progress<'a> {
    ctx: &'a StepContext<'a>,
    /// Seconds that a token takes at the processor's peak, where that trains.
    seconds_per_token: Option<f64>,
    total_steps: usize,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(ctx: &'a StepContext<'a>, seconds_per_token: Option<f64>) -> Self {
        Self { ctx, seconds_per_token, total_steps: 0 }
    }
}

impl Observer for Progress<'_> {
    fn start(&mut self, start: &Start) {
        self.total_steps = start.total_steps;
        if start.steps_done > 0 {
            let Start { steps_done, total_steps, .. } = start;
            let message = format!("training goes on after step {steps_done} of {total_steps}");
            self.ctx.log(LogLevel::Info, message);
            self.ctx.progress("step", *steps_done as u64, *total_steps as u64, &[]);
        }
    }

    fn step(&mut self, report: &StepReport) {
        let tokens_per_second = report.tokens_per_second();
        let mut figures = vec![
            ("loss", report.loss),
            ("learning_rate", report.learning_rate),
            ("grad_norm", report.grad_norm),
            ("epoch", report.epoch),
            ("tokens_per_second", tokens_per_second),
        ];
        let peak_share = self.seconds_per_token.map(|seconds| tokens_per_second * seconds);
        figures.extend(peak_share.map(|share| ("peak_share", share)));
        figures.extend(usage::in_use().map(|bytes| ("memory_bytes", bytes as f64)));
        figures.extend(report.eval_loss.map(|loss| ("eval_loss", loss)));
        figures.extend(report.best_eval_loss.map(|loss| ("best_eval_loss", loss)));
        self.ctx.progress("step", report.step as u64, self.total_steps as u64, &figures);
    }

    fn logged(&mut self, entry: &LogEntry) {
        let message = match entry {
            LogEntry::Train { step, loss, learning_rate, grad_norm, .. } => format!(
                "step {step} of {}: loss {loss:.4}, learning rate {learning_rate:.2e}, gradient \
                 norm {grad_norm:.3}",
                self.total_steps
            ),
            LogEntry::Eval { step, eval_loss, .. } => {
                format!("step {step}: evaluation loss {eval_loss:.4}")
            }
        };
        self.ctx.log(LogLevel::Info, message);
    }

    fn saved(&mut self, checkpoint: &Path) {
        let name = checkpoint.file_name().unwrap_or_default().to_string_lossy();
        self.ctx.log(LogLevel::Debug, format!("`{name}` is written"));
    }

    fn warned(&mut self, message: &str) {
        self.ctx.log(LogLevel::Warning, message);
    }

    fn is_cancelled(&self) -> bool {
        self.ctx.is_cancelled()
    }
}
