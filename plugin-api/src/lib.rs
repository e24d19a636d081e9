//! The contract between the Olive host and its plugins.
//!
//! A plugin author writes a config struct and one trait, and exports it:
//!
//! ```
//! use olive_plugin_api::{Model, ModelKind, Pass, PluginError, StepContext, export_plugin};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! /// Settings of the `CopyModel` pass.
//! #[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields, default)]
//! pub struct CopyModelConfig {
//!     /// Name of the copy.
//!     pub name: String,
//! }
//!
//! #[derive(Default)]
//! pub struct CopyModel;
//!
//! impl Pass for CopyModel {
//!     type Config = CopyModelConfig;
//!     const NAME: &'static str = "CopyModel";
//!     const SUMMARY: &'static str = "Copy a model, for people who like two.";
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
//!         input: &Model,
//!         config: &CopyModelConfig,
//!         ctx: &StepContext<'_>,
//!     ) -> Result<Model, PluginError> {
//!         let target = ctx.output_dir().join(&config.name);
//!         std::fs::copy(&input.model_path, &target)
//!             .map_err(|error| PluginError::from_error("io", &error))?;
//!         Ok(Model::new(ModelKind::Hf, target))
//!     }
//! }
//!
//! export_plugin! { passes: [CopyModel] }
//! # fn main() {}
//! ```
//!
//! What follows from that: the schema editors use, checking with line and column, the step's cache
//! key, progress bars, cancel, and an error instead of a crash when the pass panics.
//!
//! In reading order: the traits ([`pass`], [`evaluator`], [`generator`],
//! [`source`], [`system`](mod@system), [`resource`], [`previewer`], [`graph_editor`],
//! [`packager`]), what a step may use
//! ([`context`]), which files of a folder are its model's ([`beside`]), the plugin as a whole
//! ([`plugin`]), the binary interface ([`abi`]) and the macro ([`export_plugin!`]). [`testing`] has
//! what tests of a plugin need.

pub mod pass;
pub mod evaluator;
pub mod generator;
pub mod source;
pub mod system;
pub mod resource;
pub mod previewer;
pub mod graph_editor;
pub mod packager;
pub mod context;
pub mod beside;
mod settings;
pub mod plugin;
pub mod version;
pub mod testing;
pub mod abi;
#[doc(hidden)]
pub mod export;
#[doc(hidden)]
pub use export::call;

pub use beside::{beside_model, model_files};
pub use context::StepContext;
pub use evaluator::Evaluator;
pub use generator::Generator;
pub use graph_editor::GraphEditor;
pub use olive_schemas::advice::{AcceleratorRule, Advice, EvalSplit, Unavailable};
pub use olive_schemas::data::DataConfig;
pub use olive_schemas::descriptor::{CustomFigure, CustomMetrics, PluginDescriptor};
pub use olive_schemas::diagnostic::{Diagnostic, Severity};
pub use olive_schemas::error::PluginError;
pub use olive_schemas::graph::{GraphEdit, GraphView};
pub use olive_schemas::ids::{Ids, Named};
pub use olive_schemas::inference::{ExecutionProviders, InferenceSettings, Scalar, SessionOptions};
pub use olive_schemas::metric::{EvaluatorConfig, Metric, MetricKind, MetricValue, Timing};
pub use olive_schemas::model::{Model, ModelKind};
pub use olive_schemas::packaging::{Candidate, CandidateFile, ModelStep, Package};
pub use olive_schemas::preview::{
    BlockPiece, BlockPreview, DataPreview, PieceKind, PreviewConfig, PreviewSplit, Previewed,
    RowPreview, SplitSizes, TokenPreview,
};
pub use olive_schemas::shortcut::{Offer, Shortcut};
pub use olive_schemas::size::Size;
pub use olive_schemas::step::{
    Accelerator, Device, Fetched, GenerateConfig, LogLevel, StepEvent, StepOutcome, StepRequest,
};
pub use olive_schemas::system::{ChainedJob, Job, JobState, LogPart, MODEL_FROM, Message};
pub use packager::Packager;
pub use pass::Pass;
pub use plugin::Plugin;
pub use previewer::Previewer;
pub use resource::{Resource, Resources};
pub use source::Source;
pub use system::System;
pub use version::API_VERSION;

#[doc(hidden)]
pub mod private {
    //! What [`export_plugin!`](crate::export_plugin) expands to.
    pub use abi_stable;
}
