//! An ONNX model as a step finds it: folder, graph, tokenizer.

use std::path::PathBuf;

use olive_kit_text::Tokenizer;
use olive_plugin_api::{Model, StepContext};

use crate::error::OnnxError;
use crate::files::graph_path;
use crate::genai_config::GenaiConfig;
use crate::model::OnnxLanguageModel;

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
    /// When the step asks for an execution provider other than the CPU's, or a file of the model is
    /// missing or broken.
    pub(crate) fn open(model: &Model, ctx: &StepContext<'_>) -> Result<Self, OnnxError> {
        let provider = ctx.accelerator().execution_provider.as_str();
        if provider != "CPUExecutionProvider" {
            return Err(OnnxError::UnknownExecutionProvider { name: provider.to_owned() });
        }
        let tokenizer = Tokenizer::open(&model.model_path)?;
        let config = GenaiConfig::read(&model.model_path)?;
        let graph_path = graph_path(model, &config);
        let model = OnnxLanguageModel::open(&graph_path, config, ctx.threads())?;
        Ok(Self { model, tokenizer, graph_path })
    }
}
