//! A checkpoint as a step finds it: weights, adapter, tokenizer.

use std::path::{Path, PathBuf};

use olive_kit_adapters::{AdapterFolder, Adapters, QuantizedBase};
use olive_kit_checkpoint::{Checkpoint, CheckpointError, Description, PackedCheckpoint};
use olive_kit_decoder::Weights;
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
        let stored = Stored::open(&model.model_path)?;
        let decoder = &stored.description().decoder;
        let adapter = model.adapter_path.as_ref().map(|dir| AdapterFolder::open(dir, decoder));
        let adapter = adapter.transpose()?;
        let tokenizer = Tokenizer::open(&model.model_path)?;
        let mut weight_files = stored.weight_files();
        weight_files.extend(adapter.as_ref().map(|adapter| adapter.weight_file().to_path_buf()));
        let adapters = adapter.map_or(Ok(Adapters::none()), |adapter| adapter.load())?;
        let base = match &stored {
            Stored::Checkpoint(_) => QuantizedBase::of(&model.model_attributes)?,
            // Codes say themselves what they are.
            Stored::Packed(_) => None,
        };
        let model = CheckpointLanguageModel::load(stored.weights(), adapters, base.as_ref())?;
        Ok(Self { model, tokenizer, weight_files })
    }
}

/// A checkpoint, packed or not.
enum Stored {
    Checkpoint(Checkpoint),
    Packed(PackedCheckpoint),
}

impl Stored {
    fn open(dir: &Path) -> Result<Self, CheckpointError> {
        if PackedCheckpoint::is_in(dir)? {
            return Ok(Self::Packed(PackedCheckpoint::open(dir)?));
        }
        Ok(Self::Checkpoint(Checkpoint::open_quantized(dir)?))
    }

    fn description(&self) -> &Description {
        match self {
            Self::Checkpoint(checkpoint) => checkpoint.description(),
            Self::Packed(checkpoint) => checkpoint.description(),
        }
    }

    fn weights(&self) -> Weights<'_> {
        match self {
            Self::Checkpoint(checkpoint) => checkpoint.into(),
            Self::Packed(checkpoint) => checkpoint.into(),
        }
    }

    fn weight_files(&self) -> Vec<PathBuf> {
        match self {
            Self::Checkpoint(checkpoint) => checkpoint.weight_files().map(Path::to_owned).collect(),
            Self::Packed(checkpoint) => checkpoint.weight_files().map(Path::to_owned).collect(),
        }
    }
}
