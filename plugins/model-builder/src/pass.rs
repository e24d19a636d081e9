//! The pass `ModelBuilder`: write a decoder model as an ONNX graph.
//!
//! In: a Hugging Face folder in floats or in bitsandbytes' 4 bits, or a GGUF file. An adapter is
//! merged as `MergeAdapterWeights` merges it, and a GGUF file read as `ImportGguf` reads it: the
//! graph has the same bytes, and no checkpoint is written on the way. Out: a folder for ONNX Runtime GenAI with the graph, its external data, `genai_config.json`, the tokenizer and the model's own configs. The
//! graph and the quantized weights are those of ONNX Runtime GenAI 0.18's builder. Memory: the
//! largest weight twice, as it is stored or would be, and as it is written; pages of weights that
//! are done are given back.
//!
//! With `metadata_only`, in: the folder of an ONNX model with the config and the tokenizer of the
//! model it was made from. Out: a copy of it with `genai_config.json`.

use std::ops::ControlFlow;

use olive_kit_adapters::QuantizedBase;
use olive_plugin_api::{
    Diagnostic, LogLevel, Model, ModelKind, Pass, PluginError, Severity, StepContext,
};
use rayon::ThreadPoolBuilder;

use crate::build::{self, Progress};
use crate::config::ModelBuilderConfig;
use crate::error::BuildError;
use crate::metadata::{self, Metadata};
use crate::options::{self, BuildOptions};
use crate::source;
use crate::tokenizer::Tokenizer;
use crate::{genai_config, placement, target};

/// Writes a decoder model as an ONNX graph for ONNX Runtime GenAI.
#[derive(Debug, Default)]
pub struct ModelBuilder;

impl Pass for ModelBuilder {
    type Config = ModelBuilderConfig;

    const NAME: &'static str = "ModelBuilder";
    const SUMMARY: &'static str = "Write a decoder model as an ONNX graph, quantized or not.";
    const THREADS_CHANGE_RESULT: bool = false;

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Hf, ModelKind::Gguf, ModelKind::Onnx]
    }

    fn produces() -> ModelKind {
        ModelKind::Onnx
    }

    fn prepare(
        &self,
        input: &Model,
        config: &ModelBuilderConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        let mut found = Vec::new();
        let options = match options::resolve(config, &ctx.accelerator().execution_provider) {
            Ok(options) => options,
            Err(problems) => {
                found.extend(problems);
                return Ok(found);
            }
        };
        match other_kind(input, config) {
            None if config.is_metadata_only() => {
                found.extend(check_metadata(input, config, options)?);
            }
            None => {
                found.extend(check_model(input, config, &options)?);
                found.extend(target::without_effect(config, options.target));
            }
            Some(problem) if ctx.is_input_final() => found.push(problem),
            Some(_) => {}
        }
        Ok(found)
    }

    fn run(
        &self,
        input: &Model,
        config: &ModelBuilderConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        if let Some(problem) = other_kind(input, config) {
            return Err(BuildError::from(problem).into());
        }
        let mut options = options::resolve(config, &ctx.accelerator().execution_provider)
            .map_err(|mut problems| BuildError::from(problems.swap_remove(0)))?;
        if config.is_metadata_only() {
            options.file_name = graph_file(input, config)?;
            metadata::copy_files(input, ctx.output_dir())?;
        }
        if options.is_config_only {
            Metadata::read(input, &options)?.write(ctx.output_dir())?;
        } else {
            build(input, config, &options, ctx)?;
        }
        let mut output = Model::new(ModelKind::Onnx, ctx.output_dir());
        output.onnx_file_name = Some(options.file_name);
        output.model_attributes.clone_from(&input.model_attributes);
        if input.adapter_path.is_some() {
            QuantizedBase::forget(&mut output.model_attributes);
        }
        Ok(output)
    }
}

/// Builds the graph and what belongs to it into the step's folder.
fn build(
    input: &Model,
    config: &ModelBuilderConfig,
    options: &BuildOptions,
    ctx: &StepContext<'_>,
) -> Result<(), BuildError> {
    let weights = source::open_for(options, input)?;
    let decoder = &weights.description().decoder;
    let found = placement::check(&*weights, build::num_layers(decoder, options)?, options, config);
    if let Some(problem) = found.into_iter().find(|found| found.severity == Severity::Error) {
        return Err(problem.into());
    }
    if input.adapter_path.is_some() {
        ctx.log(LogLevel::Info, "the adapter is merged into the weights while they are written");
    }
    let threads = ctx.threads();
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|source| BuildError::Threads { threads, source })?;
    pool.install(|| {
        let mut progress = |Progress { done, total }| {
            ctx.progress("weight", done, total, &[]);
            if ctx.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        build::build(&*weights, options, ctx.output_dir(), &mut progress)
    })?;
    Ok(())
}

/// An input that is not what the settings are for.
fn other_kind(input: &Model, config: &ModelBuilderConfig) -> Option<Diagnostic> {
    let (is_graph, wants_graph) = (input.kind == ModelKind::Onnx, config.is_metadata_only());
    if is_graph == wants_graph {
        return None;
    }
    let (message, help) = if wants_graph {
        ("`metadata_only` is for ONNX models, and the input is a checkpoint", "leave it out")
    } else {
        ("the input is an ONNX model already", "set `metadata_only` to write what it lacks")
    };
    let problem = Diagnostic::error("wrong-input", "/metadata_only", message);
    Some(problem.with_help(help))
}

/// Everything that can be known of what is written beside a graph.
fn check_metadata(
    input: &Model,
    config: &ModelBuilderConfig,
    mut options: BuildOptions,
) -> Result<Vec<Diagnostic>, BuildError> {
    match graph_file(input, config) {
        Ok(name) => options.file_name = name,
        Err(BuildError::Refused(problem)) => return Ok(vec![*problem]),
        Err(error) => return Err(error),
    }
    Metadata::read(input, &options)?;
    Ok(Vec::new())
}

fn graph_file(input: &Model, config: &ModelBuilderConfig) -> Result<String, BuildError> {
    Ok(metadata::graph_file(input, config.extra_options.filename.as_deref())?)
}

/// Everything that can be known of a build before it.
fn check_model(
    input: &Model,
    config: &ModelBuilderConfig,
    options: &BuildOptions,
) -> Result<Vec<Diagnostic>, BuildError> {
    let weights = match source::open_for(options, input) {
        Err(BuildError::Refused(problem)) => return Ok(vec![*problem]),
        weights => weights?,
    };
    weights.validate()?;
    let description = weights.description();
    let decoder = &description.decoder;
    build::check_features(decoder)?;
    build::check_rotation(decoder)?;
    let tokenizer = Tokenizer::read(weights.files())?;
    genai_config::render(description, weights.files(), &tokenizer, decoder.num_layers, options)?;
    let mut found = Vec::new();
    match build::num_layers(decoder, options) {
        Ok(num_layers) => found.extend(placement::check(&*weights, num_layers, options, config)),
        Err(error) => found.push(about("/extra_options/num_hidden_layers", &error)),
    }
    if let Err(error) = build::check_shared_embedding(&*weights, options) {
        let is_extra = config.extra_options.is_symmetric.is_some();
        let pointer = if is_extra { "/extra_options/is_symmetric" } else { "/int4_is_symmetric" };
        found.push(about(pointer, &error));
    }
    Ok(found)
}

/// `error` as a finding about the setting at `pointer`.
fn about(pointer: &str, error: &BuildError) -> Diagnostic {
    let problem = Diagnostic::error("out-of-range", pointer, error.to_string());
    match error.hint() {
        Some(hint) => problem.with_help(hint),
        None => problem,
    }
}
