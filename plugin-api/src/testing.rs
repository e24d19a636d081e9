//! What tests of plugins need instead of a host: a listener that remembers, and steps to run.
//!
//! ```
//! use olive_plugin_api::testing::{Recorder, TestStep, run_pass};
//! use olive_plugin_api::{Model, ModelKind, Pass, PluginError, StepContext};
//!
//! #[derive(Default)]
//! struct Touch;
//!
//! impl Pass for Touch {
//!     type Config = std::collections::BTreeMap<String, String>;
//!     const NAME: &'static str = "Touch";
//!     const SUMMARY: &'static str = "Make an empty file for every setting.";
//!
//!     fn accepts() -> &'static [ModelKind] {
//!         &[ModelKind::Hf]
//!     }
//!
//!     fn produces() -> ModelKind {
//!         ModelKind::Hf
//!     }
//!
//!     fn run(
//!         &self,
//!         _input: &Model,
//!         config: &Self::Config,
//!         ctx: &StepContext<'_>,
//!     ) -> Result<Model, PluginError> {
//!         for (done, name) in config.keys().enumerate() {
//!             ctx.check_cancelled()?;
//!             std::fs::write(ctx.output_dir().join(name), "")
//!                 .map_err(|error| PluginError::from_error("io", &error))?;
//!             ctx.progress("file", done as u64 + 1, config.len() as u64, &[]);
//!         }
//!         Ok(Model::new(ModelKind::Hf, ctx.output_dir()))
//!     }
//! }
//!
//! let input = Model::new(ModelKind::Hf, "/no/model");
//! let step = TestStep::pass::<Touch>(input, serde_json::json!({"a": "", "b": ""}));
//! let recorder = Recorder::default();
//! let model = run_pass::<Touch>(&step, &recorder).unwrap();
//! assert!(model.model_path.join("b").exists());
//! assert_eq!(recorder.events().len(), 2);
//!
//! let error = run_pass::<Touch>(&step, &Recorder::stopping_after(1)).unwrap_err();
//! assert_eq!(error.code, PluginError::CANCELLED);
//! ```
//!
//! `olive plugin test` tries the built plugin from outside, through the same processes as a run.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use olive_schemas::data::DataConfig;
use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::error::PluginError;
use olive_schemas::metric::MetricValue;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::preview::Previewed;
use olive_schemas::step::{Accelerator, StepEvent, StepKind, StepOutcome, StepRequest};
use serde_json::Value;

use crate::context::Listener;
use crate::evaluator::Evaluator;
use crate::generator::Generator;
use crate::pass::Pass;
use crate::plugin::Plugin;
use crate::previewer::Previewer;
use crate::source::Source;
use crate::system::System;

/// A listener that remembers events, and cancels when it was told to.
#[derive(Debug, Default)]
pub struct Recorder {
    events: Mutex<Vec<StepEvent>>,
    limit: Option<usize>,
}

impl Recorder {
    /// One that asks to stop from the start.
    pub fn cancelled() -> Self {
        Self::stopping_after(0)
    }

    /// One that asks to stop once it has heard `count` events.
    pub fn stopping_after(count: usize) -> Self {
        Self { limit: Some(count), ..Self::default() }
    }

    /// Every event so far.
    pub fn events(&self) -> Vec<StepEvent> {
        self.lock().clone()
    }

    /// Figures of every progress event so far.
    pub fn figures(&self) -> Vec<BTreeMap<String, f64>> {
        let figures = |event| match event {
            StepEvent::Progress { figures, .. } => Some(figures),
            StepEvent::Log { .. } | StepEvent::Text { .. } => None,
        };
        self.events().into_iter().filter_map(figures).collect()
    }

    /// Messages of every log line so far.
    pub fn logs(&self) -> Vec<String> {
        let message = |event| match event {
            StepEvent::Log { message, .. } => Some(message),
            StepEvent::Progress { .. } | StepEvent::Text { .. } => None,
        };
        self.events().into_iter().filter_map(message).collect()
    }

    /// Generated text so far.
    pub fn text(&self) -> String {
        let piece = |event| match event {
            StepEvent::Text { text } => Some(text),
            StepEvent::Progress { .. } | StepEvent::Log { .. } => None,
        };
        self.events().into_iter().filter_map(piece).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<StepEvent>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Recorder {
    fn event(&self, event: StepEvent) {
        self.lock().push(event);
    }

    fn is_cancelled(&self) -> bool {
        self.limit.is_some_and(|limit| self.lock().len() >= limit)
    }
}

/// A step with an output and a scratch folder of its own, which are deleted when it is dropped.
#[derive(Debug)]
pub struct TestStep {
    /// What the plugin is asked for; change it as a test needs.
    pub request: StepRequest,
    folder: PathBuf,
}

impl TestStep {
    /// A step that runs the pass `P`.
    ///
    /// # Panics
    /// When the temporary folder cannot be written to.
    pub fn pass<P: Pass>(input: Model, config: Value) -> Self {
        Self::new(StepKind::Pass, P::NAME, input, config)
    }

    /// A step that runs the evaluator `E`; `config` spells an `EvaluatorConfig`.
    ///
    /// # Panics
    /// When the temporary folder cannot be written to.
    pub fn evaluator<E: Evaluator>(input: Model, config: Value) -> Self {
        Self::new(StepKind::Evaluate, E::NAME, input, config)
    }

    /// A step that runs the generator `G`; `config` spells a `GenerateConfig`.
    ///
    /// # Panics
    /// When the temporary folder cannot be written to.
    pub fn generator<G: Generator>(input: Model, config: Value) -> Self {
        Self::new(StepKind::Generate, G::NAME, input, config)
    }

    /// A step that shows data with the previewer `P`; `config` spells a `PreviewConfig`.
    ///
    /// # Panics
    /// When the temporary folder cannot be written to.
    pub fn previewer<P: Previewer>(input: Model, config: Value) -> Self {
        Self::new(StepKind::Preview, P::NAME, input, config)
    }

    /// A step that fetches with the source `S`.
    pub fn source<S: Source>(reference: Value) -> Self {
        Self::new(StepKind::Source, S::NAME, Model::new(ModelKind::Hf, ""), reference)
    }

    /// A step for calls of the system `S`, whose context is made of [`Self::request`].
    pub fn system<S: System>(config: Value) -> Self {
        Self::new(StepKind::System, S::NAME, Model::new(ModelKind::Hf, ""), config)
    }

    /// The same step with a data config that its config can name.
    #[must_use]
    pub fn with_data(mut self, data: DataConfig) -> Self {
        self.request.data_configs.insert(data.name.clone(), data);
        self
    }

    /// The same step with a folder for checkpoints, as another attempt at it would find it.
    #[must_use]
    pub fn with_checkpoints(mut self, folder: &Path) -> Self {
        self.request.checkpoint_dir = Some(folder.to_owned());
        self
    }

    /// Where the result goes.
    pub fn output_dir(&self) -> &Path {
        &self.request.output_dir
    }

    fn new(kind: StepKind, name: &str, input: Model, config: Value) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("olive-step-{}-{count}", process::id()));
        let (output_dir, scratch_dir) = (folder.join("output"), folder.join("scratch"));
        for dir in [&output_dir, &scratch_dir] {
            if let Err(error) = fs::create_dir_all(dir) {
                panic!("cannot make `{}`: {error}", dir.display());
            }
        }
        let request = StepRequest {
            kind,
            name: name.to_owned(),
            config,
            input,
            is_input_final: true,
            data_configs: BTreeMap::new(),
            output_dir,
            scratch_dir,
            checkpoint_dir: None,
            threads: 2,
            accelerator: Accelerator::default(),
            execution_provider_library: None,
        };
        Self { request, folder }
    }
}

impl Drop for TestStep {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What the pass `P` finds about the step before any work.
///
/// # Errors
/// Those of the pass, and code `config` when the config does not parse.
pub fn prepare_pass<P: Pass>(
    step: &TestStep,
    listener: &dyn Listener,
) -> Result<Vec<Diagnostic>, PluginError> {
    plugin().with_pass::<P>().prepare(&step.request, listener)
}

/// The model that the pass `P` makes.
///
/// # Errors
/// Those of the pass, and code `config` when the config does not parse.
pub fn run_pass<P: Pass>(step: &TestStep, listener: &dyn Listener) -> Result<Model, PluginError> {
    match plugin().with_pass::<P>().run(&step.request, listener)? {
        StepOutcome::Model(model) => Ok(model),
        other => Err(unexpected(&other)),
    }
}

/// The figures that the evaluator `E` measures.
///
/// # Errors
/// Those of the evaluator, and code `config` when the config does not parse.
pub fn run_evaluator<E: Evaluator>(
    step: &TestStep,
    listener: &dyn Listener,
) -> Result<Vec<MetricValue>, PluginError> {
    match plugin().with_evaluator::<E>().run(&step.request, listener)? {
        StepOutcome::Metrics(values) => Ok(values),
        other => Err(unexpected(&other)),
    }
}

/// The text that the generator `G` writes.
///
/// # Errors
/// Those of the generator, and code `config` when the config does not parse.
pub fn run_generator<G: Generator>(
    step: &TestStep,
    listener: &dyn Listener,
) -> Result<String, PluginError> {
    match plugin().with_generator::<G>().run(&step.request, listener)? {
        StepOutcome::Text(text) => Ok(text),
        other => Err(unexpected(&other)),
    }
}

/// What the previewer `P` shows.
///
/// # Errors
/// Those of the previewer, and code `config` when the config does not parse.
pub fn run_previewer<P: Previewer>(
    step: &TestStep,
    listener: &dyn Listener,
) -> Result<Previewed, PluginError> {
    match plugin().with_previewer::<P>().run(&step.request, listener)? {
        StepOutcome::Preview(previewed) => Ok(previewed),
        other => Err(unexpected(&other)),
    }
}

/// What the source `S` fetches, or its error; code `config` when the reference does not parse.
pub fn run_source<S: Source>(
    step: &TestStep,
    listener: &dyn Listener,
) -> Result<PathBuf, PluginError> {
    match plugin().with_source::<S>().run(&step.request, listener)? {
        StepOutcome::Path(path) => Ok(path),
        other => Err(unexpected(&other)),
    }
}

fn plugin() -> Plugin {
    Plugin::new("under-test", "0.0.0")
}

fn unexpected(outcome: &StepOutcome) -> PluginError {
    PluginError::new("answer", format!("the step of a test answered with {outcome:?}"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use olive_schemas::model::ModelKind;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::{Value, json};

    use super::{Recorder, TestStep, prepare_pass, run_pass};
    use crate::context::{Listener, StepContext};
    use crate::{LogLevel, Model, Pass, PluginError, StepEvent};

    #[derive(Default, Serialize, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields, default)]
    struct CountConfig {
        to: u64,
    }

    #[derive(Default)]
    struct Count;

    impl Pass for Count {
        type Config = CountConfig;
        const NAME: &'static str = "Count";
        const SUMMARY: &'static str = "Count.";

        fn accepts() -> &'static [ModelKind] {
            &[ModelKind::Hf]
        }

        fn produces() -> ModelKind {
            ModelKind::Hf
        }

        fn run(
            &self,
            _input: &Model,
            config: &CountConfig,
            ctx: &StepContext<'_>,
        ) -> Result<Model, PluginError> {
            ctx.log(LogLevel::Info, "counting");
            for done in 1..=config.to {
                ctx.check_cancelled()?;
                ctx.progress("number", done, config.to, &[("half", done as f64 / 2.0)]);
                ctx.text("|");
            }
            fs::write(ctx.output_dir().join("counted"), config.to.to_string())
                .map_err(|error| PluginError::from_error("io", &error))?;
            Ok(Model::new(ModelKind::Hf, ctx.output_dir()))
        }
    }

    fn count(config: Value) -> TestStep {
        TestStep::pass::<Count>(Model::new(ModelKind::Hf, "/no/model"), config)
    }

    #[test]
    fn a_step_writes_into_a_folder_that_goes_with_it() {
        let step = count(json!({"to": 2}));
        let recorder = Recorder::default();
        let model = run_pass::<Count>(&step, &recorder).unwrap();
        assert_eq!(model.model_path, step.output_dir());
        assert_eq!(fs::read_to_string(model.model_path.join("counted")).unwrap(), "2");
        assert_eq!(recorder.logs(), ["counting"]);
        assert_eq!(recorder.figures().iter().map(|f| f["half"]).collect::<Vec<_>>(), [0.5, 1.0]);
        assert_eq!((recorder.text().as_str(), recorder.events().len()), ("||", 5));
        drop(step);
        assert!(!model.model_path.exists());
    }

    #[test]
    fn a_recorder_cancels_when_it_was_told_to() {
        let step = count(json!({"to": 9}));
        for (recorder, heard) in [(Recorder::cancelled(), 1), (Recorder::stopping_after(2), 3)] {
            let error = run_pass::<Count>(&step, &recorder).unwrap_err();
            assert_eq!((error.code.as_str(), recorder.events().len()), ("cancelled", heard));
        }
        let recorder = Recorder::stopping_after(1);
        assert!(!recorder.is_cancelled());
        recorder.event(StepEvent::Text { text: String::new() });
        assert!(recorder.is_cancelled());
    }

    #[test]
    fn a_config_that_does_not_parse_is_an_error() {
        let step = count(json!({"up_to": 2}));
        let error = prepare_pass::<Count>(&step, &Recorder::default()).unwrap_err();
        assert_eq!(error.code, "config");
        assert!(prepare_pass::<Count>(&count(json!({})), &Recorder::default()).is_ok());
    }

    #[test]
    fn a_model_of_another_kind_is_refused_unless_it_is_an_ancestor() {
        let mut step = count(json!({}));
        step.request.input.kind = ModelKind::Onnx;
        let error = run_pass::<Count>(&step, &Recorder::default()).unwrap_err();
        assert_eq!(error.message, "`Count` takes HfModel, not ONNXModel");
        step.request.is_input_final = false;
        assert!(prepare_pass::<Count>(&step, &Recorder::default()).is_ok());
    }
}
