//! The pass `OrtTransformersOptimization`: the graph as ONNX Runtime's own optimizer leaves it.
//!
//! In and out: a folder with an ONNX model. It is loaded for the processor, at the level that is asked
//! for, and what the runtime would run is written. So the result is that of the version of ONNX
//! Runtime at hand. Level 99 lays convolutions out for the very processor it is done on; no other
//! level looks at it. Memory: the runtime holds the whole model.

mod known;

use std::ops::ControlFlow;
use std::path::Path;

use olive_kit_onnx::{Model as Graph, copy_beside, data_files, find_graph};
use olive_plugin_api::{Model, ModelKind, Pass, PluginError, StepContext, beside_model};
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::OnnxError;
use crate::library::environment;

/// Writes graphs as ONNX Runtime's own optimizer leaves them.
#[derive(Debug, Default)]
pub struct OrtTransformersOptimization;

olive_kit_onnx::settings_with_external_data! {
    /// Settings of the `OrtTransformersOptimization` pass: what ONNX Runtime does to a graph.
    #[schemars(extend(
        "x-olive-ignored" = known::ignored(),
        "x-olive-unavailable" = known::unavailable(),
        "x-olive-accelerators" = known::accelerators(),
        "x-olive-advice" = known::advice()
    ))]
    pub struct OrtTransformersOptimizationConfig {
        /// Whether ONNX Runtime's own optimizer works on the graph alone; it must.
        ///
        /// The fusions of its Python package are not done.
        #[schemars(extend("x-olive-unavailable-values" = known::python()))]
        pub only_onnxruntime: bool,
        /// How much is done: 1 folds constants, and drops what computes nothing.
        ///
        /// 2 also writes several nodes as one of ONNX Runtime's own operators; 99 also lays data out
        /// for the processor that the pass runs on.
        pub opt_level: OptLevel,
    }
}

/// How much ONNX Runtime does to a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum OptLevel {
    /// Folds constants, drops what computes nothing, joins products and sums.
    Basic,
    /// Also writes several nodes as one of ONNX Runtime's own operators.
    Extended,
    /// Also lays data out as the processor at hand likes it.
    All,
}

impl TryFrom<u8> for OptLevel {
    type Error = String;

    fn try_from(level: u8) -> Result<Self, String> {
        match level {
            1 => Ok(Self::Basic),
            2 => Ok(Self::Extended),
            99 => Ok(Self::All),
            other => Err(format!("there is no level {other}; there are 1, 2 and 99")),
        }
    }
}

impl From<OptLevel> for u8 {
    fn from(level: OptLevel) -> Self {
        match level {
            OptLevel::Basic => 1,
            OptLevel::Extended => 2,
            OptLevel::All => 99,
        }
    }
}

impl JsonSchema for OptLevel {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OptLevel".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A level of ONNX Runtime's optimizer.",
            "enum": [1, 2, 99],
            "x-olive-unavailable-values": {"0": "it leaves the graph as it is"},
        })
    }
}

impl Pass for OrtTransformersOptimization {
    type Config = OrtTransformersOptimizationConfig;

    const NAME: &'static str = "OrtTransformersOptimization";
    const SUMMARY: &'static str = "Write an ONNX graph as ONNX Runtime's own optimizer leaves it.";
    const THREADS_CHANGE_RESULT: bool = false;

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Onnx]
    }

    fn produces() -> ModelKind {
        ModelKind::Onnx
    }

    fn run(
        &self,
        input: &Model,
        config: &OrtTransformersOptimizationConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        Ok(optimize(input, config, ctx)?)
    }
}

fn optimize(
    input: &Model,
    config: &OrtTransformersOptimizationConfig,
    ctx: &StepContext<'_>,
) -> Result<Model, OnnxError> {
    let path = find_graph(&input.model_path, input.onnx_file_name.as_deref())?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut own = data_files(&Graph::open(&path)?.graph);
    own.insert(name.clone());
    own.extend(beside_model(folder));
    let optimized = ctx.scratch_dir().join(&name);
    save_optimized(&path, config.opt_level, &optimized)?;
    let output = ctx.output_dir();
    let mut is_going_on = || !ctx.is_cancelled();
    copy_beside(folder, output, &own, &mut is_going_on)?;
    let graph = Graph::open(&optimized)?;
    graph.write(&output.join(&name), &config.policy(), &mut |done, total| {
        ctx.progress("byte", done, total, &[]);
        if ctx.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    let mut model = Model::new(ModelKind::Onnx, output);
    model.onnx_file_name = Some(name);
    model.model_attributes.clone_from(&input.model_attributes);
    Ok(model)
}

/// Lets the runtime load the graph at `path` and write what it would run, weights beside it.
///
/// `ConstantSharing` is off, as it is in the original.
fn save_optimized(path: &Path, level: OptLevel, optimized: &Path) -> Result<(), OnnxError> {
    let level = match level {
        OptLevel::Basic => GraphOptimizationLevel::Level1,
        OptLevel::Extended => GraphOptimizationLevel::Level2,
        OptLevel::All => GraphOptimizationLevel::All,
    };
    let data = format!("{}.data", optimized.file_name().unwrap_or_default().to_string_lossy());
    let builder = Session::builder(&environment()?)?;
    let mut builder = builder
        .with_optimization_level(level)
        .and_then(|builder| builder.with_disabled_optimizers("ConstantSharing"))
        .and_then(|builder| builder.with_optimized_model_path(optimized))
        .and_then(|builder| builder.with_config_entry(DATA_FILE, data))
        .and_then(|builder| builder.with_config_entry(DATA_THRESHOLD, "1024"))
        .map_err(ort::Error::from)?;
    match builder.commit_from_file(path) {
        Ok(_) => Ok(()),
        Err(source) => Err(OnnxError::Graph { path: path.to_owned(), source }),
    }
}

/// Name of the file for the weights of the graph that the runtime writes.
const DATA_FILE: &str = "session.optimized_model_external_initializers_file_name";

/// Weights of fewer bytes stay in it.
const DATA_THRESHOLD: &str = "session.optimized_model_external_initializers_min_size_in_bytes";
