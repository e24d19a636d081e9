//! The whole job: from weights to a folder that ONNX Runtime GenAI loads.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use olive_kit_checkpoint::{Decoder, Feature, files};
use olive_kit_onnx::proto::{GraphProto, ModelProto, OperatorSetIdProto, TensorProto};
use olive_kit_onnx::{ExternalDataWriter, Node, write_model};
use olive_kit_quant::Bits;
use olive_kit_weights::{ModelFiles, WeightSource};

use crate::error::BuildError;
use crate::graph::Table;
use crate::options::BuildOptions;
use crate::target::Provider;
use crate::text::write_text;
use crate::tokenizer::Tokenizer;
use crate::weights::{self, Weight};
use crate::{genai_config, graph};

/// How far a build is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Weights written.
    pub done: u64,
    /// Weights there are.
    pub total: u64,
}

/// Version of the ONNX format, and of its operators, that the graph is written for.
const IR_VERSION: i64 = 10;
const OPSET: i64 = 22;
const MICROSOFT_OPSET: i64 = 1;

/// Builds the model of `source` into the existing folder `output_dir`, and returns the graph's
/// path.
///
/// `progress` hears of every weight and may end the build. The graph file appears last, so a folder
/// that has it is whole. Work is spread over the current rayon pool; the bytes do not depend on its
/// size.
///
/// # Errors
/// When the weights do not fit the config or hold a value that cannot be quantized, the
/// tokenizer is missing, a file cannot be written, or `progress` breaks.
pub fn build(
    source: &dyn WeightSource,
    options: &BuildOptions,
    output_dir: &Path,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<PathBuf, BuildError> {
    source.validate()?;
    let description = source.description();
    let decoder = &description.decoder;
    check_features(decoder)?;
    check_rotation(decoder)?;
    check_shared_embedding(source, options)?;
    let num_layers = num_layers(decoder, options)?;
    let tokenizer = Tokenizer::read(source.files())?;
    let genai_config =
        genai_config::render(description, source.files(), &tokenizer, num_layers, options)?;

    let plan = graph::plan(source, num_layers, options);
    let data = ExternalDataWriter::create(output_dir, &format!("{}.data", options.file_name))?;
    let initializers = write_weights(&plan.weights, source, data, progress)?;
    tokenizer.write(source.files(), decoder.max_positions, output_dir)?;
    copy_configs(source.files(), output_dir)?;
    write_text(&output_dir.join(genai_config::FILE), &genai_config)?;
    let path = output_dir.join(&options.file_name);
    write_model(&model(plan.graph.finish(initializers)), &path)?;
    Ok(path)
}

/// Layers to build.
///
/// # Errors
/// When the options ask for more than the model has.
pub(crate) fn num_layers(decoder: &Decoder, options: &BuildOptions) -> Result<usize, BuildError> {
    let available = decoder.num_layers;
    match options.num_layers {
        Some(asked) if asked > available => Err(BuildError::Layers { asked, available }),
        asked => Ok(asked.unwrap_or(available)),
    }
}

/// What a graph can express beyond a plain decoder.
const FEATURES: [Feature; 12] = [
    Feature::AttentionBias,
    Feature::MlpBias,
    Feature::HeadNorms,
    Feature::OutputNorms,
    Feature::NormAddsOne,
    Feature::EmbeddingScale,
    Feature::AttentionScale,
    Feature::AttentionSoftcap,
    Feature::LogitSoftcap,
    Feature::GeluTanh,
    Feature::SlidingWindow,
    Feature::WindowedLayers,
];

/// Checks that the graph can express everything the model computes.
///
/// # Errors
/// When it cannot.
pub(crate) fn check_features(decoder: &Decoder) -> Result<(), BuildError> {
    let features = decoder.features_beyond(&FEATURES);
    if features.is_empty() { Ok(()) } else { Err(BuildError::Features { features }) }
}

/// Checks that the attention operator can rotate what the model rotates.
///
/// # Errors
/// When the tables are no multiple of 8 wide.
pub(crate) fn check_rotation(decoder: &Decoder) -> Result<(), BuildError> {
    let rotary_dim = decoder.rope.rotary_dim;
    if rotary_dim.is_multiple_of(16) { Ok(()) } else { Err(BuildError::Rotation { rotary_dim }) }
}

/// Checks that an embedding can be gathered from codes that it shares with the logits, or that the
/// checkpoint has.
///
/// ONNX Runtime 1.24.4, the last with `DirectML`, takes the 4-bit zero points of all rows for one
/// packed sequence, so where a row has an odd number of them it reads those of its neighbors; 1.32,
/// which graphs for processors run on, does not.
///
/// # Errors
/// When rows have an odd number of 4-bit zero points.
pub(crate) fn check_shared_embedding(
    source: &dyn WeightSource,
    options: &BuildOptions,
) -> Result<(), BuildError> {
    let quantization = options.quantization.as_ref();
    let format = match graph::table(source, options.layout, quantization) {
        Table::QuantizedHead { format, .. } | Table::Packed { format, .. } => format,
        Table::Own(_) | Table::TransposedHead => return Ok(()),
    };
    let blocks = format.blocks(source.description().decoder.hidden_size);
    let is_wrong = options.target.provider != Provider::Cpu
        && !format.is_symmetric
        && format.bits == Bits::Four
        && !blocks.is_multiple_of(2);
    let block_size = format.block_size;
    if is_wrong { Err(BuildError::OddZeroPoints { block_size, blocks }) } else { Ok(()) }
}

fn write_weights(
    weights: &[Weight],
    source: &dyn WeightSource,
    mut data: ExternalDataWriter,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Vec<TensorProto>, BuildError> {
    let mut initializers = Vec::new();
    let total = weights.len() as u64;
    for (weight, done) in weights.iter().zip(1..) {
        initializers.extend(weights::write(weight, source, &mut data)?);
        for tensor in weight.tensors() {
            source.release(tensor);
        }
        if progress(Progress { done, total }).is_break() {
            return Err(BuildError::Cancelled);
        }
    }
    data.finish()?;
    Ok(initializers)
}

/// Copies what says, to other tools, which model this is and how it is sampled from.
///
/// # Errors
/// When a file cannot be copied.
pub(crate) fn copy_configs(from: &ModelFiles, to: &Path) -> Result<(), BuildError> {
    for name in ["config.json", files::GENERATION_CONFIG] {
        from.copy(name, to)?;
    }
    Ok(())
}

fn model(graph: GraphProto) -> ModelProto {
    let operators = |domain: &str, version| OperatorSetIdProto {
        domain: Some(domain.to_owned()),
        version: Some(version),
    };
    ModelProto {
        ir_version: Some(IR_VERSION),
        producer_name: Some("olive".to_owned()),
        producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        opset_import: vec![operators("", OPSET), operators(Node::MICROSOFT, MICROSOFT_OPSET)],
        graph: Some(graph),
        ..ModelProto::default()
    }
}
