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
//! [`settings_of`] a schema, [`changes`] of them and what is [`ignored`] prove that no setting is
//! accepted and ignored. `olive plugin test` tries the built plugin from outside, through the same processes as a run.

mod recorder;
mod step;
mod settings;
mod changes;

use std::path::PathBuf;

use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::error::PluginError;
use olive_schemas::graph::GraphView;
use olive_schemas::metric::MetricValue;
use olive_schemas::model::Model;
use olive_schemas::preview::Previewed;
use olive_schemas::step::{Fetched, StepOutcome};

pub use changes::{Change, Companion, changes, digests, ignored, merge};
pub use recorder::Recorder;
pub use settings::{Setting, settings_of};
pub use step::TestStep;

use crate::context::Listener;
use crate::evaluator::Evaluator;
use crate::generator::Generator;
use crate::graph_editor::GraphEditor;
use crate::packager::Packager;
use crate::pass::Pass;
use crate::plugin::Plugin;
use crate::previewer::Previewer;
use crate::source::Source;

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

/// The graph that the editor `E` shows.
///
/// # Errors
/// Those of the editor.
pub fn run_graph_view<E: GraphEditor>(
    step: &TestStep,
    listener: &dyn Listener,
) -> Result<GraphView, PluginError> {
    match plugin().with_graph_editor::<E>().run(&step.request, listener)? {
        StepOutcome::Graph(view) => Ok(*view),
        other => Err(unexpected(&other)),
    }
}

/// The model that the editor `E` makes.
///
/// # Errors
/// Those of the editor, and code `config` when the edits do not parse.
pub fn run_graph_edit<E: GraphEditor>(
    step: &TestStep,
    listener: &dyn Listener,
) -> Result<Model, PluginError> {
    match plugin().with_graph_editor::<E>().run(&step.request, listener)? {
        StepOutcome::Model(model) => Ok(model),
        other => Err(unexpected(&other)),
    }
}

/// The file or folder that the source `S` fetches.
///
/// # Errors
/// Those of the source, and code `config` when the reference does not parse.
pub fn run_source<S: Source>(
    step: &TestStep,
    listener: &dyn Listener,
) -> Result<PathBuf, PluginError> {
    match plugin().with_source::<S>().run(&step.request, listener)? {
        StepOutcome::Path(path) | StepOutcome::Fetched(Fetched { path, .. }) => Ok(path),
        other => Err(unexpected(&other)),
    }
}

/// The file or folder that the packager `P` makes.
///
/// # Errors
/// Those of the packager, and code `config` when the settings do not parse.
pub fn run_packager<P: Packager>(
    step: &TestStep,
    listener: &dyn Listener,
) -> Result<PathBuf, PluginError> {
    match plugin().with_packager::<P>().run(&step.request, listener)? {
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
