//! An ONNX model as a step finds it: folder, graph, tokenizer.

use std::path::PathBuf;

use olive_kit_text::Tokenizer;
use olive_plugin_api::{InferenceSettings, Model, StepContext};

use crate::error::OnnxError;
use crate::files::graph_path;
use crate::genai_config::GenaiConfig;
use crate::sessions::Sessions;

/// A model ready to run.
pub(crate) struct Opened<'a> {
    pub(crate) model: Sessions<'a>,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) graph_path: PathBuf,
}

impl<'a> Opened<'a> {
    /// Opens `model` for a step, to be run as `asked`, else as the model itself says.
    ///
    /// # Errors
    /// When the settings or the step ask for an execution provider that cannot be used here, or a
    /// file of the model is missing or broken.
    pub(crate) fn open(
        model: &Model,
        asked: Option<&InferenceSettings>,
        ctx: &'a StepContext<'a>,
    ) -> Result<Self, OnnxError> {
        let tokenizer = Tokenizer::open(&model.model_path)?;
        let config = GenaiConfig::read(&model.model_path)?;
        let graph_path = graph_path(model, &config);
        let own = model.inference_settings.clone();
        let model = Sessions::open(ctx, graph_path.clone(), config, own, asked)?;
        Ok(Self { model, tokenizer, graph_path })
    }
}
