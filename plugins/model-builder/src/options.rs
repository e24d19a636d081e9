//! What is built: the settings with defaults filled in, or everything that is wrong with them.

use std::path::{Path, PathBuf};

use olive_kit_checkpoint::Dtype;
use olive_kit_quant::{Bits, BlockFormat, Rounding};
use olive_plugin_api::Diagnostic;
use serde_json::{Map, Value};

use crate::config::{AlgoConfig, ModelBuilderConfig, Precision, serialized};
use crate::layout::{Input, Layout, Output};
use crate::quantization::{Form, Group, Operators, Quantization};
use crate::spelling::{MatrixGroup, Operator, Switch, Width};
use crate::target::{self, Target};

/// What is built.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildOptions {
    /// What the graph is built for.
    pub target: Target,
    /// How weights are quantized; `None` keeps them float.
    pub quantization: Option<Quantization>,
    /// Which parts of the model the graph has, and which of them are joined.
    pub layout: Layout,
    /// Folder of an adapter that stays one in the graph.
    pub adapter: Option<PathBuf>,
    /// Whether only the files beside the graph are written.
    pub is_config_only: bool,
    /// Name of the graph file; its data is `<name>.data`.
    pub file_name: String,
    /// Layers built, the first ones; `None` builds all.
    pub num_layers: Option<usize>,
    /// Whether ONNX Runtime puts weights where the device allocates them.
    pub allocates_on_device: bool,
    /// Settings that replace those of `search` in `genai_config.json`.
    pub search: Map<String, Value>,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            target: Target::default(),
            quantization: None,
            layout: Layout::default(),
            adapter: None,
            is_config_only: false,
            file_name: "model.onnx".to_owned(),
            num_layers: None,
            allocates_on_device: false,
            search: Map::new(),
        }
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
    let extra = &config.extra_options;
    let target = target::resolve(config, provider).unwrap_or_else(|problem| {
        problems.push(problem);
        Target::default()
    });
    let options = BuildOptions {
        target,
        quantization: quantization(config, target, &mut problems),
        layout: layout(config, &mut problems),
        adapter: extra.adapter_path.clone(),
        is_config_only: config.is_metadata_only() || is_on(extra.config_only, None),
        file_name: file_name(config, &mut problems),
        num_layers: num_layers(config, &mut problems),
        allocates_on_device: is_on(extra.use_device_allocator_for_initializers, None),
        search: config.search.clone(),
    };
    if problems.is_empty() { Ok(options) } else { Err(problems) }
}

fn quantization(
    config: &ModelBuilderConfig,
    target: Target,
    problems: &mut Vec<Diagnostic>,
) -> Option<Quantization> {
    let bits = match config.precision {
        Precision::Fp32 | Precision::Fp16 | Precision::Bf16 => None,
        Precision::Int8 => Some(Bits::Eight),
        Precision::Int4 => Some(Bits::Four),
    };
    let default = Quantization::default();
    let extra = &config.extra_options;
    let (size, pointer) = pick(extra.block_size, config.int4_block_size, "block_size");
    let block_size = size.unwrap_or(default.block_size);
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
    let (rounding, placement) = algorithm(config);
    let symmetry = extra.is_symmetric.map(bool::from).or(config.int4_is_symmetric);
    let quantization = Quantization {
        bits: bits.unwrap_or(default.bits),
        block_size,
        accuracy_level,
        is_symmetric: symmetry.unwrap_or(default.is_symmetric),
        rounding,
        placement,
        operators: operators(config, problems),
        excluded: excluded(config),
        form: form(config, target),
    };
    bits?;
    problems.extend(without_form(&quantization, config, target));
    problems.extend(without_bf16(rounding, config, target));
    Some(quantization)
}

/// How weights are rounded, and which matrices have another width: those that
/// `matmul_mixed_precision` names, and those that the algorithm does.
fn algorithm(config: &ModelBuilderConfig) -> (Rounding, Vec<(Group, Bits)>) {
    let extra = &config.extra_options;
    let algorithm = extra.algo_config.or(config.int4_algo_config).unwrap_or(AlgoConfig::Default);
    let (rounding, groups): (_, &[Group]) = match algorithm {
        AlgoConfig::Default => (Rounding::Default, &[]),
        AlgoConfig::Rtn => (Rounding::Rtn, &[]),
        AlgoConfig::RtnLast => (Rounding::Rtn, &[Group::LastMatMul]),
        AlgoConfig::KQuant => (Rounding::KQuant, &[]),
        AlgoConfig::KQuantLast => (Rounding::KQuant, &[Group::LastMatMul]),
        AlgoConfig::KQuantMixed => (Rounding::KQuant, &[Group::LastMatMul, Group::MixedLayers]),
        AlgoConfig::KQuantLinear => {
            (Rounding::KQuant, &[Group::LastMatMul, Group::LinearAttention])
        }
    };
    let mut placement: Vec<_> = groups.iter().map(|group| (*group, Bits::Eight)).collect();
    for (group, width) in extra.matmul_mixed_precision.iter().flat_map(|named| &named.0) {
        let (group, bits) = (Group::from(*group), Bits::from(*width));
        match placement.iter_mut().find(|(known, _)| *known == group) {
            Some(known) => known.1 = bits,
            None => placement.push((group, bits)),
        }
    }
    (rounding, placement)
}

/// Which operators are quantized; a list that leaves nothing to quantize is a problem.
fn operators(config: &ModelBuilderConfig, problems: &mut Vec<Diagnostic>) -> Operators {
    let extra = config.extra_options.op_types_to_quantize.as_ref().map(|names| &names.0);
    let field = config.int4_op_types_to_quantize.as_ref();
    let (names, pointer) = pick(extra, field, "op_types_to_quantize");
    let Some(names) = names.filter(|names| !names.is_empty()) else {
        return Quantization::default().operators;
    };
    let operators = Operators {
        products: names.contains(&Operator::MatMul),
        embedding: names.contains(&Operator::Gather),
    };
    if !operators.products && !operators.embedding {
        let message = "neither `MatMul` nor `Gather` is listed, so that nothing is quantized";
        let problem = Diagnostic::error("out-of-range", pointer, message);
        problems.push(problem.with_help("add `MatMul`, or set `precision` to `fp32`"));
    }
    operators
}

fn excluded(config: &ModelBuilderConfig) -> Vec<String> {
    let extra = config.extra_options.nodes_to_exclude.as_ref().map(|names| &names.0);
    extra.or(config.int4_nodes_to_exclude.as_ref()).cloned().unwrap_or_default()
}

/// How codes are stored: `TensorRT` for RTX has no operators that read them.
fn form(config: &ModelBuilderConfig, target: Target) -> Form {
    let is_asked = is_on(config.extra_options.use_qdq, config.use_qdq);
    if is_asked || !target.reads_codes() { Form::Dequantized } else { Form::Operators }
}

/// What codes before `DequantizeLinear` cannot be combined with.
fn without_form(
    quantization: &Quantization,
    config: &ModelBuilderConfig,
    target: Target,
) -> Option<Diagnostic> {
    if quantization.form == Form::Operators {
        return None;
    }
    let is_wide = |(_, bits): &(Group, Bits)| *bits == Bits::Eight;
    let (what, help) = if quantization.rounding != Rounding::Default {
        ("weights rounded by another algorithm than `default`", "choose `default`")
    } else if quantization.bits == Bits::Eight || quantization.placement.iter().any(is_wide) {
        ("8 bits", "choose 4 bits for all matrices")
    } else if quantization.operators.embedding {
        ("a quantized embedding", "leave `Gather` out")
    } else {
        return None;
    };
    let (pointer, help) = match config.extra_options.use_qdq {
        _ if !target.reads_codes() => ("", help.to_owned()),
        Some(_) => ("/extra_options/use_qdq", format!("leave `use_qdq` out, or {help}")),
        None => ("/use_qdq", format!("leave `use_qdq` out, or {help}")),
    };
    let message = format!("there is no form with `DequantizeLinear` for {what}");
    Some(Diagnostic::error("not-supported", pointer, message).with_help(help))
}

/// Rounding by an algorithm that Neural Compressor has for 32-bit and 16-bit float only.
fn without_bf16(
    rounding: Rounding,
    config: &ModelBuilderConfig,
    target: Target,
) -> Option<Diagnostic> {
    if target.io != Dtype::BF16 || rounding == Rounding::Default {
        return None;
    }
    let (name, pointer) =
        pick(config.extra_options.algo_config, config.int4_algo_config, "algo_config");
    let name = name.map(serialized).unwrap_or_default();
    let message = format!("`use_cuda_bf16` needs scales in bf16, which `{name}` does not make");
    let problem = Diagnostic::error("not-supported", pointer, message);
    Some(problem.with_help("choose `default`, or leave `use_cuda_bf16` out"))
}

fn layout(config: &ModelBuilderConfig, problems: &mut Vec<Diagnostic>) -> Layout {
    let extra = &config.extra_options;
    let gives_hidden_states = is_on(extra.include_hidden_states, config.include_hidden_states);
    let output = match (gives_hidden_states, is_on(extra.exclude_lm_head, config.exclude_lm_head)) {
        (false, false) => Output::Logits,
        (true, false) => Output::HiddenStatesAndLogits,
        (false, true) => Output::HiddenStates,
        (true, true) => {
            let message = "`include_hidden_states` gives hidden states besides logits, which \
                `exclude_lm_head` leaves out";
            let pointer = if config.exclude_lm_head == Some(true) { "" } else { "/extra_options" };
            let pointer = format!("{pointer}/exclude_lm_head");
            let problem = Diagnostic::error("conflict", pointer, message);
            problems.push(problem.with_help("set one of the two"));
            Output::HiddenStates
        }
    };
    let is_split = is_on(extra.disable_qkv_fusion, None);
    let excludes_embedding = is_on(extra.exclude_embeds, config.exclude_embeds);
    Layout {
        input: if excludes_embedding { Input::Embeddings } else { Input::Tokens },
        output,
        prunes_logits: is_on(extra.prune_lm_head, None),
        packs_qkv: extra.fuse_qkv.map_or(!is_split, bool::from),
        packs_gate_up: is_on(extra.fuse_mlp_gate_up, None),
        shares_embedding: extra.shared_embeddings.map(bool::from),
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

fn num_layers(config: &ModelBuilderConfig, problems: &mut Vec<Diagnostic>) -> Option<usize> {
    let num_layers = config.extra_options.num_hidden_layers;
    if num_layers == Some(0) {
        let pointer = "/extra_options/num_hidden_layers";
        let message = "`num_hidden_layers` is 0, less than 1";
        problems.push(Diagnostic::error("out-of-range", pointer, message));
    }
    num_layers
}

/// The value that counts and the pointer to where it was written.
fn pick<T>(extra: Option<T>, field: Option<T>, name: &str) -> (Option<T>, String) {
    match extra {
        Some(value) => (Some(value), format!("/extra_options/{name}")),
        None => (field, format!("/int4_{name}")),
    }
}

/// Whether a switch is on; one in the extra options wins.
fn is_on(extra: Option<Switch>, field: Option<bool>) -> bool {
    extra.map(bool::from).or(field).unwrap_or(false)
}

impl From<MatrixGroup> for Group {
    fn from(group: MatrixGroup) -> Self {
        match group {
            MatrixGroup::LastMatMul => Self::LastMatMul,
            MatrixGroup::MixedLayers => Self::MixedLayers,
            MatrixGroup::LinearAttn => Self::LinearAttention,
        }
    }
}

impl From<Width> for Bits {
    fn from(width: Width) -> Self {
        match width {
            Width::Int4 => Self::Four,
            Width::Int8 => Self::Eight,
        }
    }
}
