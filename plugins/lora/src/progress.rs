//! What a training says while it runs.

use olive_kit_train::{Observer, StepReport};
use olive_plugin_api::{LogLevel, StepContext};

/// Passes a training's figures on to the host, and writes a log line every few steps.
pub(crate) struct Progress<'a> {
    ctx: &'a StepContext<'a>,
    logging_steps: usize,
    /// Losses since the last log line.
    losses: Vec<f64>,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(ctx: &'a StepContext<'a>, logging_steps: usize) -> Self {
        Self { ctx, logging_steps: logging_steps.max(1), losses: Vec::new() }
    }

    /// Says the mean loss since the last line.
    fn log_loss(&mut self, report: &StepReport) {
        let mean = self.losses.iter().sum::<f64>() / self.losses.len() as f64;
        self.losses.clear();
        let StepReport { step, total_steps, learning_rate, grad_norm, .. } = report;
        let message = format!(
            "step {step} of {total_steps}: loss {mean:.4}, learning rate {learning_rate:.2e}, \
             gradient norm {grad_norm:.3}"
        );
        self.ctx.log(LogLevel::Info, message);
    }
}

impl Observer for Progress<'_> {
    fn step(&mut self, report: &StepReport) {
        let mut figures = vec![
            ("loss", report.loss),
            ("learning_rate", report.learning_rate),
            ("grad_norm", report.grad_norm),
            ("tokens_per_second", report.tokens_per_second),
        ];
        figures.extend(report.eval_loss.map(|loss| ("eval_loss", loss)));
        self.ctx.progress("step", report.step as u64, report.total_steps as u64, &figures);
        self.losses.push(report.loss);
        if report.step.is_multiple_of(self.logging_steps) || report.step == report.total_steps {
            self.log_loss(report);
        }
        if let Some(loss) = report.eval_loss {
            self.ctx
                .log(LogLevel::Info, format!("step {}: evaluation loss {loss:.4}", report.step));
        }
    }

    fn is_cancelled(&self) -> bool {
        self.ctx.is_cancelled()
    }
}
