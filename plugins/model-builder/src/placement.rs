//! What options that name parts of a model mean for this one: errors where nothing can be built,
//! warnings where an option changes nothing.

use olive_kit_checkpoint::Decoder;
use olive_kit_quant::{Bits, Rounding};
use olive_kit_weights::WeightSource;
use olive_plugin_api::{Diagnostic, Severity};

use crate::config::{AlgoConfig, ModelBuilderConfig, serialized};
use crate::graph::{self, Plan};
use crate::layout::Input;
use crate::options::BuildOptions;
use crate::quantization::{EMBEDDING, Form, Group, Quantization};

/// Everything of that kind; pointers start at the config.
pub(crate) fn check(
    source: &dyn WeightSource,
    num_layers: usize,
    options: &BuildOptions,
    config: &ModelBuilderConfig,
) -> Vec<Diagnostic> {
    let decoder = &source.description().decoder;
    let mut found: Vec<_> = shared_without_tie(decoder, options).into_iter().collect();
    found.extend(about_packed(source, options, config));
    let Some(quantization) = &options.quantization else { return found };
    let of_nodes = pointer(config.extra_options.nodes_to_exclude.is_some(), "nodes_to_exclude");
    if options.layout.packs_gate_up {
        found.extend(half_excluded(quantization, &of_nodes));
    }
    if found.is_empty() && !quantization.excluded.is_empty() {
        let plan = graph::plan(source, num_layers, options);
        found.extend(unmatched(quantization, &plan, &of_nodes));
    }
    let is_extra = config.extra_options.op_types_to_quantize.is_some();
    let of_operators = pointer(is_extra, "op_types_to_quantize");
    found.extend(no_linear_attention(quantization, config));
    found.extend(about_operators(decoder, options, quantization, &of_operators));
    found
}

/// Where an option stands that both the pass and the builder have.
fn pointer(is_extra: bool, name: &str) -> String {
    if is_extra { format!("/extra_options/{name}") } else { format!("/int4_{name}") }
}

fn shared_without_tie(decoder: &Decoder, options: &BuildOptions) -> Option<Diagnostic> {
    if decoder.ties_embeddings || options.layout.shares_embedding != Some(true) {
        return None;
    }
    let message = "`shared_embeddings` is set, but the model has a matrix of its own for logits";
    let problem = Diagnostic::error("conflict", "/extra_options/shared_embeddings", message);
    Some(problem.with_help("leave `shared_embeddings` out"))
}

/// What cannot be asked of layers that are packed.
fn about_packed(
    source: &dyn WeightSource,
    options: &BuildOptions,
    config: &ModelBuilderConfig,
) -> Option<Diagnostic> {
    let decoder = &source.description().decoder;
    let mut linears = decoder.all_linears();
    linears.push(decoder.embedding_table());
    let linear = linears.iter().find(|linear| source.packed(&linear.name).is_some())?;
    let name = &linear.name;
    let problem = |code: &str, pointer: &str, message: String| {
        Some(Diagnostic::error(code, pointer, message))
    };
    let Some(quantization) = &options.quantization else {
        let precision = serialized(config.precision);
        let message = format!("`{name}` is packed, and `{precision}` would have it in floats");
        let help = "set `precision` to `int4`, or start from the model before it was packed";
        return problem("conflict", "/precision", message).map(|it| it.with_help(help));
    };
    if quantization.form == Form::Dequantized {
        let pointer = match config.extra_options.use_qdq {
            _ if config.use_qdq.is_none() && config.extra_options.use_qdq.is_none() => "",
            Some(_) => "/extra_options/use_qdq",
            None => "/use_qdq",
        };
        let message = format!("`{name}` is packed, which only `MatMulNBits` reads");
        let help = "start from the model before it was packed";
        return problem("not-supported", pointer, message).map(|it| it.with_help(help));
    }
    if options.layout.packs_gate_up {
        let message = format!("`fuse_mlp_gate_up` joins weights in floats, and `{name}` is packed");
        let pointer = "/extra_options/fuse_mlp_gate_up";
        let help = "leave `fuse_mlp_gate_up` out";
        return problem("conflict", pointer, message).map(|it| it.with_help(help));
    }
    None
}

/// One of gate and up that stays as it is, although both are one product.
fn half_excluded(quantization: &Quantization, pointer: &str) -> Option<Diagnostic> {
    let other = |node: &str| {
        let (layer, part) = node.rsplit_once("/mlp/")?;
        let other = match part {
            "gate_proj/MatMul" => "up_proj/MatMul",
            "up_proj/MatMul" => "gate_proj/MatMul",
            _ => return None,
        };
        Some(format!("{layer}/mlp/{other}"))
    };
    let half = quantization.excluded.iter().find_map(|node| {
        let other = other(node).filter(|other| !quantization.excludes(other))?;
        Some((node, other))
    });
    let (node, other) = half?;
    let message = format!(
        "`fuse_mlp_gate_up` makes one product of `{node}`, which is excluded, and \
        `{other}`, which is not"
    );
    let problem = Diagnostic::error("conflict", pointer, message);
    Some(problem.with_help("exclude both, or leave `fuse_mlp_gate_up` out"))
}

/// Names that no node has which could be quantized.
fn unmatched<'a>(
    quantization: &'a Quantization,
    plan: &'a Plan,
    pointer: &'a str,
) -> impl Iterator<Item = Diagnostic> + 'a {
    let names = quantization.excluded.iter().filter(|name| !plan.keeps(name));
    names.map(move |name| {
        let message = format!("no node that could be quantized is called `{name}`");
        let found = Diagnostic::new(Severity::Warning, "no-effect", pointer, message);
        found.with_help(
            "nodes are called as in `/model/layers.0/mlp/down_proj/MatMul`, \
            `/model/embed_tokens/Gather` and `/lm_head/MatMul`",
        )
    })
}

/// More bits for what no model that is built has.
fn no_linear_attention(
    quantization: &Quantization,
    config: &ModelBuilderConfig,
) -> Option<Diagnostic> {
    let is_it = |(group, _): &&(Group, Bits)| *group == Group::LinearAttention;
    quantization.placement.iter().find(is_it)?;
    let extra = &config.extra_options;
    let is_named = config.int4_algo_config == Some(AlgoConfig::KQuantLinear);
    let pointer = match extra.algo_config {
        Some(AlgoConfig::KQuantLinear) => "/extra_options/algo_config",
        None if is_named => "/int4_algo_config",
        _ => "/extra_options/matmul_mixed_precision",
    };
    let message = "the model has no linear attention that could get other bits";
    Some(Diagnostic::new(Severity::Warning, "no-effect", pointer, message))
}

/// What operators that are listed mean for the embedding.
fn about_operators(
    decoder: &Decoder,
    options: &BuildOptions,
    quantization: &Quantization,
    pointer: &str,
) -> Option<Diagnostic> {
    let operators = quantization.operators;
    let (layout, has_logits) = (options.layout, options.layout.output.has_logits());
    let is_shared = layout.shares_embedding(decoder);
    let warning =
        |message: String| Some(Diagnostic::new(Severity::Warning, "no-effect", pointer, message));
    if !operators.embedding {
        return None;
    }
    if is_shared && !operators.products {
        return warning(
            "the embedding is the weight of the layer that makes logits, so matrices are quantized \
             too"
            .to_owned(),
        );
    }
    let reason = if layout.input == Input::Embeddings {
        "the graph has none"
    } else if quantization.excludes(EMBEDDING) {
        return None;
    } else if quantization.bits == Bits::Eight {
        "embeddings are quantized to 4 bits only"
    } else if quantization.rounding != Rounding::Default && !(is_shared && has_logits) {
        "only the algorithm `default` quantizes embeddings"
    } else {
        return None;
    };
    warning(format!("`Gather` has no effect on the embedding: {reason}"))
}
