//! An ONNX model as a step finds it: folder, graph, tokenizer.

use std::path::PathBuf;

use olive_kit_text::Tokenizer;
use olive_plugin_api::{LogLevel, Model, StepContext};

use crate::error::OnnxError;
use crate::files::graph_path;
use crate::genai_config::GenaiConfig;
use crate::model::OnnxLanguageModel;
use crate::provider::Provider;

/// A model ready to run.
pub(crate) struct Opened {
    pub(crate) model: OnnxLanguageModel,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) graph_path: PathBuf,
}

impl Opened {
    /// Opens `model` for a step.
    ///
    /// # Errors
    /// When the step asks for an execution provider that cannot be used here, or a file of the model
    /// is missing or broken.
    pub(crate) fn open(model: &Model, ctx: &StepContext<'_>) -> Result<Self, OnnxError> {
        let tokenizer = Tokenizer::open(&model.model_path)?;
        let config = GenaiConfig::read(&model.model_path)?;
        let graph_path = graph_path(model, &config);
        let provider = Provider::of(ctx);
        let model = OnnxLanguageModel::open_on(&provider, &graph_path, config, ctx.threads())?;
        if let Some(told) = model.assignment() {
            ctx.log(LogLevel::Info, told);
        }
        Ok(Self { model, tokenizer, graph_path })
    }
}
