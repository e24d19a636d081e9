//! A checkpoint as a step finds it: weights, adapter, tokenizer.

use std::path::{Path, PathBuf};

use olive_kit_adapters::{AdapterFolder, Adapters, QuantizedBase};
use olive_kit_checkpoint::Checkpoint;
use olive_kit_text::Tokenizer;
use olive_schemas::model::{Model, ModelKind};

use crate::error::InferenceError;
use crate::model::CheckpointLanguageModel;

/// A checkpoint ready to run.
#[derive(Debug)]
pub struct Opened {
    /// The model.
    pub model: CheckpointLanguageModel,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// The safetensors files of the checkpoint, then of the adapter.
    pub weight_files: Vec<PathBuf>,
}

impl Opened {
    /// Opens the checkpoint at `path`, without an adapter, and loads its weights.
    ///
    /// # Errors
    /// Those of [`Self::open`].
    pub fn at(path: &Path) -> Result<Self, InferenceError> {
        Self::open(&Model::new(ModelKind::Hf, path))
    }

    /// Opens `model` and loads its weights.
    ///
    /// # Errors
    /// When a file of the model or the adapter is missing or broken, or they do not fit each other.
    pub fn open(model: &Model) -> Result<Self, InferenceError> {
        let checkpoint = Checkpoint::open_quantized(&model.model_path)?;
        let decoder = checkpoint.decoder();
        let adapter = model.adapter_path.as_ref().map(|dir| AdapterFolder::open(dir, decoder));
        let adapter = adapter.transpose()?;
        let tokenizer = Tokenizer::open(&model.model_path)?;
        let mut weight_files: Vec<_> = checkpoint.weight_files().map(Path::to_path_buf).collect();
        weight_files.extend(adapter.as_ref().map(|adapter| adapter.weight_file().to_path_buf()));
        let adapters = adapter.map_or(Ok(Adapters::none()), |adapter| adapter.load())?;
        let base = QuantizedBase::of(&model.model_attributes)?;
        let model = CheckpointLanguageModel::load(&checkpoint, adapters, base.as_ref())?;
        Ok(Self { model, tokenizer, weight_files })
    }
}
