//! The pass `ImportGguf`: one GGUF file to a Hugging Face folder.
//!
//! In: a file that llama.cpp's `convert_hf_to_gguf.py` made of a Llama-type model with a byte-level
//! BPE tokenizer, quantized or not. Out: config, safetensors, tokenizer and generation config.
//! Quantized weights are taken as they are stored, `scale * step (+ offset)`; what quantization
//! lost stays lost. Memory: the file's header with its vocabulary and a few MiB of rows.

use std::path::Path;

use olive_kit_checkpoint::{Checkpoint, DEFAULT_SHARD_BYTES};
use olive_plugin_api::{Diagnostic, Model, ModelKind, Pass, PluginError, StepContext};
use serde_json::{Map, Value};

use crate::config::ImportGgufConfig;
use crate::error::ImportError;
use crate::gguf::Gguf;
use crate::plan::Plan;
use crate::tokenizer::Tokenizer;
use crate::{llama, weights};

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
        let gguf = Gguf::open(&input.model_path)?;
        Tokenizer::read(&gguf)?;
        llama::config(&gguf, config)?;
        Ok(Vec::new())
    }

    fn run(
        &self,
        input: &Model,
        config: &ImportGgufConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        let gguf = Gguf::open(&input.model_path)?;
        let tokenizer = Tokenizer::read(&gguf)?;
        let output = ctx.output_dir();
        write_json(&output.join("config.json"), &llama::config(&gguf, config)?)?;
        let decoder = Checkpoint::describe(output).map_err(ImportError::from)?.decoder;
        let plan = Plan::new(&gguf, &decoder)?;
        write_json(&output.join("generation_config.json"), &tokenizer.generation_config())?;
        write_json(&output.join("tokenizer.json"), &tokenizer.json())?;
        let settings = tokenizer.settings(decoder.max_positions);
        write_json(&output.join("tokenizer_config.json"), &settings)?;
        weights::write(&gguf, &plan, config.dtype.into(), DEFAULT_SHARD_BYTES, ctx)?;
        Ok(Model::new(ModelKind::Hf, output))
    }
}

fn write_json(path: &Path, object: &Map<String, Value>) -> Result<(), ImportError> {
    let text = serde_json::to_string_pretty(object)
        .map_err(|error| ImportError::Write { path: path.to_owned(), source: error.into() })?;
    std::fs::write(path, text + "\n")
        .map_err(|source| ImportError::Write { path: path.to_owned(), source })
}
