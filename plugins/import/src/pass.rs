//! The pass `ImportGguf`: one GGUF file to a Hugging Face folder.
//!
//! In: a file that llama.cpp's `convert_hf_to_gguf.py` made of a Llama-type model with a byte-level
//! BPE tokenizer, quantized or not. Out: config, safetensors, tokenizer and generation config.
//! Quantized weights are taken as they are stored, `scale * step (+ offset)`; what quantization
//! lost stays lost. Memory: the file's header with its vocabulary and a few MiB of rows.

use std::fs;

use olive_kit_checkpoint::DEFAULT_SHARD_BYTES;
use olive_kit_gguf::GgufModel;
use olive_plugin_api::{Diagnostic, Model, ModelKind, Pass, PluginError, StepContext};

use crate::config::ImportGgufConfig;
use crate::error::ImportError;
use crate::write;

/// Turns one GGUF file into a Hugging Face folder.
#[derive(Debug, Default)]
pub struct ImportGguf;

impl Pass for ImportGguf {
    type Config = ImportGgufConfig;

    const NAME: &'static str = "ImportGguf";
    const SUMMARY: &'static str = "Turn one GGUF file into a Hugging Face folder.";
    const THREADS_CHANGE_RESULT: bool = false;

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Gguf]
    }

    fn produces() -> ModelKind {
        ModelKind::Hf
    }

    fn prepare(
        &self,
        input: &Model,
        config: &ImportGgufConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        open(input, *config)?;
        Ok(Vec::new())
    }

    fn run(
        &self,
        input: &Model,
        config: &ImportGgufConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        let model = open(input, *config)?;
        let output = ctx.output_dir();
        for (name, text) in model.files().map_err(ImportError::from)? {
            let path = output.join(name);
            let written = fs::write(&path, text);
            written.map_err(|source| ImportError::Write { path, source })?;
        }
        write::weights(&model, config.dtype.into(), DEFAULT_SHARD_BYTES, ctx)?;
        Ok(Model::new(ModelKind::Hf, output))
    }
}

fn open(input: &Model, config: ImportGgufConfig) -> Result<GgufModel, ImportError> {
    Ok(GgufModel::open(&input.model_path, config.layout.into(), config.dtype.into())?)
}
