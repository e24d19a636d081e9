//! A checkpoint as a step finds it: weights, adapter, tokenizer.

use std::path::{Path, PathBuf};

use olive_kit_adapters::{AdapterFolder, Adapters};
use olive_kit_checkpoint::Checkpoint;
use olive_kit_decoder::{Precision, Storage};
use olive_kit_quant::{FourBitFormat, FourBitKind};
use olive_kit_text::Tokenizer;
use olive_plugin_api::Model;
use serde_json::Value;

use crate::error::EvaluateError;
use crate::model::CheckpointLanguageModel;

/// A model ready to run.
pub(crate) struct Opened {
    pub(crate) model: CheckpointLanguageModel,
    pub(crate) tokenizer: Tokenizer,
    /// The safetensors files of the checkpoint, then of the adapter.
    pub(crate) weight_files: Vec<PathBuf>,
}

impl Opened {
    /// Opens `model` and loads its weights.
    ///
    /// # Errors
    /// When a file of the model or the adapter is missing or broken, or they do not fit each other.
    pub(crate) fn open(model: &Model) -> Result<Self, EvaluateError> {
        let checkpoint = Checkpoint::open_quantized(&model.model_path)?;
        let decoder = checkpoint.decoder();
        let adapter = model.adapter_path.as_ref().map(|dir| AdapterFolder::open(dir, decoder));
        let adapter = adapter.transpose()?;
        let tokenizer = Tokenizer::open(&model.model_path)?;
        let mut weight_files: Vec<_> = checkpoint.weight_files().map(Path::to_path_buf).collect();
        weight_files.extend(adapter.as_ref().map(|adapter| adapter.weight_file().to_path_buf()));
        let adapters = adapter.map_or(Ok(Adapters::none()), |adapter| adapter.load())?;
        let model = CheckpointLanguageModel::load(&checkpoint, adapters, storage(model))?;
        Ok(Self { model, tokenizer, weight_files })
    }
}

/// How the weights are held: in the 4-bit codes that an adapter was trained on, where the model's
/// attributes say so by transformers' `quantization_config`.
fn storage(model: &Model) -> Storage {
    let config = model.model_attributes.get("quantization_config");
    let flag = |key: &str| config.and_then(|config| config.get(key)?.as_bool()).unwrap_or(false);
    let kind = config.and_then(|config| config.get("bnb_4bit_quant_type")).and_then(Value::as_str);
    let kind = if kind == Some("nf4") { FourBitKind::Nf4 } else { FourBitKind::Fp4 };
    let format =
        FourBitFormat { kind, block_size: 64, double_quantized: flag("bnb_4bit_use_double_quant") };
    Storage { precision: Precision::F32, four_bit: flag("load_in_4bit").then_some(format) }
}
