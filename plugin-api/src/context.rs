//! What a running step may use of the world.

use std::path::Path;

use olive_schemas::data::DataConfig;
use olive_schemas::error::PluginError;
use olive_schemas::step::{Accelerator, LogLevel, StepEvent, StepRequest};

/// Where a step's events go and where its cancel comes from.
///
/// The host gives the real one; tests give their own.
pub trait Listener: Send + Sync {
    /// Takes one event.
    fn event(&self, event: StepEvent);

    /// Whether the step should stop soon.
    fn is_cancelled(&self) -> bool;
}

/// What a running step may use: its folders, its data, its budget, and a way to be heard.
///
/// ```
/// use olive_plugin_api::testing::Recorder;
/// use olive_plugin_api::{LogLevel, PluginError, StepContext, StepRequest};
/// use serde_json::json;
///
/// fn work(ctx: &StepContext<'_>) -> Result<(), PluginError> {
///     ctx.log(LogLevel::Info, format!("two layers, {} threads", ctx.threads()));
///     for (done, loss) in [(1, 0.9), (2, 0.4)] {
///         ctx.check_cancelled()?;
///         ctx.progress("layer", done, 2, &[("loss", loss)]);
///     }
///     Ok(())
/// }
///
/// let request: StepRequest = serde_json::from_value(json!({
///     "kind": "pass",
///     "name": "Work",
///     "config": {},
///     "input": {"type": "HfModel", "model_path": "/models/phi"},
///     "output_dir": "/tmp/output",
///     "scratch_dir": "/tmp/scratch",
///     "threads": 4,
/// }))
/// .unwrap();
/// let recorder = Recorder::default();
/// work(&StepContext::new(&request, &recorder)).unwrap();
/// assert_eq!(recorder.logs(), ["two layers, 4 threads"]);
/// assert_eq!(recorder.figures()[1]["loss"], 0.4);
///
/// // Someone presses Ctrl-C after the first layer.
/// let stopped = work(&StepContext::new(&request, &Recorder::stopping_after(2)));
/// assert_eq!(stopped.unwrap_err().code, PluginError::CANCELLED);
/// ```
pub struct StepContext<'a> {
    request: &'a StepRequest,
    listener: &'a dyn Listener,
}

impl<'a> StepContext<'a> {
    /// A context for `request` whose events go to `listener`.
    pub fn new(request: &'a StepRequest, listener: &'a dyn Listener) -> Self {
        Self { request, listener }
    }

    /// Existing, empty folder for the result.
    pub fn output_dir(&self) -> &Path {
        &self.request.output_dir
    }

    /// Existing, empty folder that is deleted after the step.
    pub fn scratch_dir(&self) -> &Path {
        &self.request.scratch_dir
    }

    /// Existing folder for checkpoints of this very step; `None` when the host keeps none for it.
    ///
    /// It is empty at the first attempt. What an attempt that failed, was stopped or was killed has
    /// left there, the next attempt at the same step finds: same plugin, same config, same input,
    /// same data. It is deleted when the step succeeds.
    ///
    /// Files in it must be written so that a crash leaves none half written (temporary file, sync,
    /// rename), and must not decide the result: a resumed step makes what an uninterrupted one makes.
    pub fn checkpoint_dir(&self) -> Option<&Path> {
        self.request.checkpoint_dir.as_deref()
    }

    /// Existing folder that the source shares with other programs; `None` unless the schema of its
    /// reference has the mark `x-olive-shared-dir`.
    ///
    /// The mark lists places, such as `["$ACME_CACHE", "$HOME/.cache/acme"]`: the first whose
    /// variables are all set is meant. Files of the result may be symbolic links into it.
    pub fn shared_dir(&self) -> Option<&Path> {
        self.request.shared_dir.as_deref()
    }

    /// Threads the step may use, at least 1.
    pub fn threads(&self) -> usize {
        self.request.threads.max(1)
    }

    /// Processes that compute the step together, of which this is one; more than 1 only for passes
    /// that can ([`Pass::HAS_RANKS`](crate::Pass::HAS_RANKS)), on systems that start several.
    pub fn ranks(&self) -> usize {
        self.request.ranks.max(1)
    }

    /// Whether the input is the very model the step runs on, not an ancestor of it.
    pub fn is_input_final(&self) -> bool {
        self.request.is_input_final
    }

    /// Device and execution provider the result is meant for.
    pub fn accelerator(&self) -> &Accelerator {
        &self.request.accelerator
    }

    /// The library of the accelerator's execution provider, when a pack provides it.
    pub fn execution_provider_library(&self) -> Option<&Path> {
        Some(&self.request.execution_provider_library.as_ref()?.path)
    }

    /// The data config called `name`, with absolute paths.
    ///
    /// # Errors
    /// When the config field that holds `name` is not marked as a reference, so that the host did
    /// not send the data config along.
    pub fn data_config(&self, name: &str) -> Result<&'a DataConfig, PluginError> {
        self.request.data_configs.get(name).ok_or_else(|| {
            let message = format!("no data config `{name}` came with the step");
            PluginError::new("data-config-missing", message)
        })
    }

    /// Says a sentence to people.
    pub fn log(&self, level: LogLevel, message: impl Into<String>) {
        self.listener.event(StepEvent::Log { level, message: message.into() });
    }

    /// Says how far the step is: `done` of `total` units, with figures of the moment.
    ///
    /// Figures that are not finite are left out. Views and reports know `loss`, `eval_loss`,
    /// `learning_rate`, `grad_norm`, `tokens_per_second`, `peak_share` (of what the hardware can
    /// do, 0 to 1), `memory_bytes` and `tokens` (so far), and show any other by its name.
    pub fn progress(&self, unit: &str, done: u64, total: u64, figures: &[(&str, f64)]) {
        let finite = figures.iter().filter(|(_, value)| value.is_finite());
        let figures = finite.map(|&(name, value)| (name.to_owned(), value)).collect();
        self.listener.event(StepEvent::Progress { unit: unit.to_owned(), done, total, figures });
    }

    /// Hands over a piece of generated text.
    pub fn text(&self, piece: &str) {
        self.listener.event(StepEvent::Text { text: piece.to_owned() });
    }

    /// Whether the step should stop soon; long work asks at least once a second.
    pub fn is_cancelled(&self) -> bool {
        self.listener.is_cancelled()
    }

    /// Ends the step with `?` when it should stop.
    ///
    /// # Errors
    /// [`PluginError::cancelled`] when the step was asked to stop.
    pub fn check_cancelled(&self) -> Result<(), PluginError> {
        if self.is_cancelled() { Err(PluginError::cancelled()) } else { Ok(()) }
    }
}
