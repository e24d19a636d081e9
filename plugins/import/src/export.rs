//! The pass `ConvertHfToGGUF`: a Hugging Face folder to one GGUF file.
//!
//! In: a checkpoint in floats, or packed by GPTQ, AWQ or Olive, with `tokenizer.json`. Out: a file
//! that llama.cpp loads, with its tokenizer and chat template. Olive's pass of this name runs
//! llama.cpp's converter and goes on with the folder; this one writes the file itself and goes on
//! with that. Memory: the tokenizer's vocabulary and a few MiB of rows.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use olive_kit_gguf::{FileType, GgufExport};
use olive_plugin_api::{Diagnostic, LogLevel, Model, ModelKind, Pass, PluginError, StepContext};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::ImportError;

/// Settings of the `ConvertHfToGGUF` pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-olive-ignored" = {
    "llama_cpp_env_path": {
        "reason": "the file is written without llama.cpp",
        "harmless": true
    },
    "reference_model_path": "the input model is converted"
}))]
pub struct ConvertHfToGgufConfig {
    /// Name of the file that is written.
    pub gguf_file_name: String,
    /// Type of the matrices, as `llama-quantize` names it.
    ///
    /// Vectors stay singles. With 4 bits the matrix that makes logits is stored as `q6_k`, or as
    /// `q8_0` where its rows are no multiples of 256; with `q4_k` so are other rows as `q5_0`. Rows
    /// that are no multiples of 32 are halves.
    ///
    /// Codes of a packed checkpoint are kept where a type of GGUF holds them: with one of 4 bits those
    /// in 4 and 8 bits, with `q8_0` those in 8. They are stored as `q4_0` (zero points of 8), `q4_1`
    /// (any other) and `q8_0` (of 8 bits, zero points of 128); the log tells what is stored anew.
    pub outtype: OutType,
    /// llama.cpp's name of how the tokenizer splits text, such as `tekken`.
    ///
    /// Known from `tokenizer.json` for GPT-2, `SmolLM`, Llama 3, Qwen 2 and 3 and Phi-4-mini; without
    /// effect on tokenizers of `SentencePiece`.
    pub pre_tokenizer: Option<String>,
}

/// Type of the matrices of a GGUF file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutType {
    /// Singles.
    #[default]
    F32,
    /// Halves.
    F16,
    /// 8 bits, a scale for 32 weights.
    Q8_0,
    /// 4 bits, a scale for 32 weights.
    Q4_0,
    /// 4 bits, scale and offset for 32 weights.
    Q4_1,
    /// 4 bits, scale and offset in 6 bits for 32 weights, and scales of those for 256.
    #[serde(rename = "q4_k")]
    Q4K,
}

/// Writes a Hugging Face folder as one GGUF file.
#[derive(Debug, Default)]
pub struct ConvertHfToGguf;

impl Default for ConvertHfToGgufConfig {
    fn default() -> Self {
        Self {
            gguf_file_name: "model.gguf".into(),
            outtype: OutType::default(),
            pre_tokenizer: None,
        }
    }
}

impl From<OutType> for FileType {
    fn from(outtype: OutType) -> Self {
        match outtype {
            OutType::F32 => Self::F32,
            OutType::F16 => Self::F16,
            OutType::Q8_0 => Self::Q8_0,
            OutType::Q4_0 => Self::Q4_0,
            OutType::Q4_1 => Self::Q4_1,
            OutType::Q4K => Self::Q4K,
        }
    }
}

impl Pass for ConvertHfToGguf {
    type Config = ConvertHfToGgufConfig;

    const NAME: &'static str = "ConvertHfToGGUF";
    const SUMMARY: &'static str = "Write a Hugging Face folder as one GGUF file.";
    const THREADS_CHANGE_RESULT: bool = false;

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Hf]
    }

    fn produces() -> ModelKind {
        ModelKind::Gguf
    }

    fn prepare(
        &self,
        input: &Model,
        config: &ConvertHfToGgufConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        check_file_name(&config.gguf_file_name)?;
        if ctx.is_input_final() {
            open(input, config)?;
        }
        Ok(Vec::new())
    }

    fn run(
        &self,
        input: &Model,
        config: &ConvertHfToGgufConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        check_file_name(&config.gguf_file_name)?;
        let export = open(input, config)?;
        announce(&export, config.outtype, ctx);
        let path = ctx.output_dir().join(&config.gguf_file_name);
        let written = export.write(&path, |done, all| {
            ctx.progress("tensor", done as u64, all as u64, &[]);
            !ctx.is_cancelled()
        });
        written.map_err(ImportError::from)?;
        Ok(Model::new(ModelKind::Gguf, path))
    }
}

fn open(input: &Model, config: &ConvertHfToGgufConfig) -> Result<GgufExport, ImportError> {
    if input.adapter_path.is_some() {
        return Err(ImportError::AdapterPresent);
    }
    let splits = config.pre_tokenizer.as_deref();
    Ok(GgufExport::open(&input.model_path, config.outtype.into(), splits)?)
}

/// Says what becomes of the codes of packed matrices.
fn announce(export: &GgufExport, outtype: OutType, ctx: &StepContext<'_>) {
    let (mut num_kept, mut dequantized) = (0, BTreeMap::new());
    for (name, codes) in export.packed() {
        ctx.log(LogLevel::Debug, format!("`{name}`: {codes}"));
        if codes.are_kept() {
            num_kept += 1;
        } else {
            *dequantized.entry(codes.to_string()).or_insert(0) += 1;
        }
    }
    if num_kept > 0 {
        ctx.log(LogLevel::Info, format!("{num_kept} packed matrices keep their codes"));
    }
    let level = match outtype {
        OutType::F32 | OutType::F16 => LogLevel::Info,
        OutType::Q8_0 | OutType::Q4_0 | OutType::Q4_1 | OutType::Q4K => LogLevel::Warning,
    };
    for (what, count) in dequantized {
        ctx.log(level, format!("{count} packed matrices are stored anew, {what}"));
    }
}

fn check_file_name(name: &str) -> Result<(), ImportError> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(only)), None) if only == name => Ok(()),
        _ => Err(ImportError::FileName(name.to_owned())),
    }
}
