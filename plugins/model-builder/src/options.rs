//! What is built: the settings with defaults filled in, or everything that is wrong with them.

use std::path::Path;

use olive_kit_quant::{Bits, BlockFormat, Rounding};
use olive_plugin_api::Diagnostic;
use serde_json::{Map, Value};

use crate::config::{AlgoConfig, ModelBuilderConfig, Operator, Precision};
use crate::target::{self, Target};

/// What is built.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildOptions {
    /// What the graph is built for.
    pub target: Target,
    /// How matrices are quantized; `None` keeps them 32-bit float.
    pub quantization: Option<Quantization>,
    /// Name of the graph file; its data is `<name>.data`.
    pub file_name: String,
    /// Layers built, the first ones; `None` builds all.
    pub num_layers: Option<usize>,
    /// Whether ONNX Runtime puts weights where the device allocates them.
    pub allocates_on_device: bool,
    /// Settings that replace those of `search` in `genai_config.json`.
    pub search: Map<String, Value>,
}

/// How matrices are quantized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantization {
    /// Neighboring weights of a row that share a scale.
    pub block_size: usize,
    /// Least exact arithmetic the kernels may use, 1 to 4; 0 leaves it to them.
    pub accuracy_level: u8,
    /// Whether no zero points are stored.
    pub is_symmetric: bool,
    /// How weights are rounded, and which get more bits.
    pub algorithm: Algorithm,
}

/// How weights are rounded, and which get more bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// ONNX Runtime's own rounding.
    Default,
    /// Neural Compressor's rounding.
    Rtn,
    /// Neural Compressor's rounding, 8 bits for the layer that makes logits.
    RtnLast,
}

impl From<AlgoConfig> for Algorithm {
    fn from(config: AlgoConfig) -> Self {
        match config {
            AlgoConfig::Default => Self::Default,
            AlgoConfig::Rtn => Self::Rtn,
            AlgoConfig::RtnLast => Self::RtnLast,
        }
    }
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            target: Target::default(),
            quantization: None,
            file_name: "model.onnx".to_owned(),
            num_layers: None,
            allocates_on_device: false,
            search: Map::new(),
        }
    }
}

impl Default for Quantization {
    /// What the pass does on a CPU when only `int4` is asked for.
    fn default() -> Self {
        Self {
            block_size: 32,
            accuracy_level: 4,
            is_symmetric: true,
            algorithm: Algorithm::Default,
        }
    }
}

impl Quantization {
    /// Rounding of every matrix.
    pub fn rounding(&self) -> Rounding {
        match self.algorithm {
            Algorithm::Default => Rounding::Default,
            Algorithm::Rtn | Algorithm::RtnLast => Rounding::Rtn,
        }
    }

    /// Grid of the matrices inside the layers.
    pub fn body(&self) -> BlockFormat {
        let Self { block_size, is_symmetric, .. } = *self;
        BlockFormat { bits: Bits::Four, block_size, is_symmetric }
    }

    /// Grid of the matrix that makes logits.
    pub fn lm_head(&self) -> BlockFormat {
        let bits = match self.algorithm {
            Algorithm::Default | Algorithm::Rtn => Bits::Four,
            Algorithm::RtnLast => Bits::Eight,
        };
        BlockFormat { bits, ..self.body() }
    }
}

/// What `config` asks for on the execution provider called `provider`.
///
/// # Errors
/// Everything that cannot be built; pointers start at the config.
pub fn resolve(
    config: &ModelBuilderConfig,
    provider: &str,
) -> Result<BuildOptions, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let target = target::resolve(config, provider).unwrap_or_else(|problem| {
        problems.push(problem);
        Target::default()
    });
    let quantization = quantization(config, target, &mut problems);
    let file_name = file_name(config, &mut problems);
    if config.extra_options.num_hidden_layers == Some(0) {
        let message = "`num_hidden_layers` is 0, less than 1";
        problems.push(Diagnostic::error(
            "out-of-range",
            "/extra_options/num_hidden_layers",
            message,
        ));
    }
    problems.extend(no_matrices(config));
    if !problems.is_empty() {
        return Err(problems);
    }
    let num_layers = config.extra_options.num_hidden_layers;
    let allocates_on_device =
        config.extra_options.use_device_allocator_for_initializers.unwrap_or(false);
    let search = config.search.clone();
    Ok(BuildOptions { target, quantization, file_name, num_layers, allocates_on_device, search })
}

fn quantization(
    config: &ModelBuilderConfig,
    target: Target,
    problems: &mut Vec<Diagnostic>,
) -> Option<Quantization> {
    let default = Quantization::default();
    let extra = &config.extra_options;
    let (block_size, pointer) = pick(extra.block_size, config.int4_block_size, "block_size");
    let block_size = block_size.unwrap_or(default.block_size);
    if !BlockFormat::BLOCK_SIZES.contains(&block_size) {
        let message = format!("block size {block_size} is not 16, 32, 64, 128 or 256");
        problems.push(Diagnostic::error("out-of-range", pointer, message));
    }
    let (level, pointer) = pick(extra.accuracy_level, config.int4_accuracy_level, "accuracy_level");
    let accuracy_level = level.unwrap_or(target.accuracy_level());
    if accuracy_level > 4 {
        let message = format!("accuracy level {accuracy_level} is more than 4");
        problems.push(Diagnostic::error("out-of-range", pointer, message));
    }
    let algorithm = extra.algo_config.or(config.int4_algo_config);
    let algorithm = algorithm.map_or(default.algorithm, Algorithm::from);
    let is_symmetric = extra.is_symmetric.or(config.int4_is_symmetric);
    let is_symmetric = is_symmetric.unwrap_or(default.is_symmetric);
    match config.precision {
        Precision::Fp32 | Precision::Fp16 | Precision::Bf16 => None,
        Precision::Int4 => {
            Some(Quantization { block_size, accuracy_level, is_symmetric, algorithm })
        }
    }
}

/// A list of operators that leaves nothing to quantize.
fn no_matrices(config: &ModelBuilderConfig) -> Option<Diagnostic> {
    let operators = config.int4_op_types_to_quantize.as_deref().unwrap_or_default();
    if operators.is_empty() || operators.contains(&Operator::MatMul) {
        return None;
    }
    let message = "`int4_op_types_to_quantize` lacks `MatMul`, so that nothing is quantized";
    let problem = Diagnostic::error("out-of-range", "/int4_op_types_to_quantize", message);
    Some(problem.with_help("add `MatMul`, or set `precision` to `fp32`"))
}

/// The value that counts and the pointer to where it was written.
fn pick<T>(extra: Option<T>, field: Option<T>, name: &str) -> (Option<T>, String) {
    match extra {
        Some(value) => (Some(value), format!("/extra_options/{name}")),
        None => (field, format!("/int4_{name}")),
    }
}

fn file_name(config: &ModelBuilderConfig, problems: &mut Vec<Diagnostic>) -> String {
    let Some(name) = &config.extra_options.filename else {
        return BuildOptions::default().file_name;
    };
    let path = Path::new(name);
    let is_plain = path.file_name() == Some(name.as_ref());
    if !is_plain || path.extension() != Some("onnx".as_ref()) {
        let message = format!("`filename` `{name}` is no plain file name that ends in `.onnx`");
        problems.push(Diagnostic::error("out-of-range", "/extra_options/filename", message));
    }
    name.clone()
}
