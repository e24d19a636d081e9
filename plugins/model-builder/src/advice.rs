//! Settings that are allowed but surprise, and the accelerators that graphs are built for.

use olive_plugin_api::{AcceleratorRule, Advice};
use olive_schemas::workflow::EXECUTION_PROVIDERS;
use serde_json::{Value, json};

/// Options of quantization that stand beside `precision`, as `int4_` and the name, and in
/// `extra_options`.
const TWICE: [&str; 6] = [
    "block_size",
    "accuracy_level",
    "is_symmetric",
    "algo_config",
    "op_types_to_quantize",
    "nodes_to_exclude",
];
/// Options that stand in both under one name.
const ALIKE: [&str; 4] = ["use_qdq", "include_hidden_states", "exclude_embeds", "exclude_lm_head"];
/// Precisions whose weights are quantized.
const QUANTIZED: [&str; 2] = ["int4", "int8"];

/// Every warning that the schema carries.
pub(crate) fn all() -> Vec<Advice> {
    let fields = TWICE.map(|name| format!("/int4_{name}"));
    let extra = TWICE.map(|name| format!("/extra_options/{name}"));
    let others = ["/use_qdq", "/extra_options/use_qdq", "/extra_options/matmul_mixed_precision"];
    let quantization = fields.into_iter().chain(extra).chain(others.map(str::to_owned));
    quantization
        .map(|pointer| without_quantization(&pointer))
        .chain(TWICE.map(|name| beaten(&format!("int4_{name}"), name, &with_precision(&QUANTIZED))))
        .chain(ALIKE.map(|name| beaten(name, name, &json!({}))))
        .chain(["", "/extra_options"].map(pruned_without_logits))
        .chain([split_and_fused()])
        .collect()
}

/// Which accelerators can have a graph of which precision.
///
/// The first two rules are Olive's. The next is about graphs of 32-bit float for GPUs, which ONNX
/// Runtime refuses as the original writes them; the last about a provider that the original does not
/// know.
pub(crate) fn accelerators() -> Vec<AcceleratorRule> {
    let needs = |precision: &str, of: &str, providers: &[&str]| AcceleratorRule {
        condition: Some(with_graph(&[precision])),
        at: "/precision".to_owned(),
        execution_providers: names(providers),
        message: Some(format!(
            "precision `{precision}` needs an execution provider of {of}, and the workflow is for \
             `{{execution_provider}}`"
        )),
        help: Some("set `precision` to `fp32`, `int8` or `int4`".to_owned()),
        ..AcceleratorRule::default()
    };
    let fp32 = AcceleratorRule {
        condition: Some(with_graph(&["fp32"])),
        at: "/precision".to_owned(),
        execution_providers: all_but(&["CUDA", "Dml", "NvTensorRTRTX"]),
        message: Some(
            "`{execution_provider}` has no attention with a KV cache in precision `fp32`"
                .to_owned(),
        ),
        help: Some("set `precision` to `fp16`, or choose `CPUExecutionProvider`".to_owned()),
        ..AcceleratorRule::default()
    };
    let int8 = AcceleratorRule {
        condition: Some(with_graph(&["int8"])),
        at: "/precision".to_owned(),
        execution_providers: all_but(&["NvTensorRTRTX"]),
        message: Some("`{execution_provider}` takes no weights of 8 bits".to_owned()),
        help: Some("set `precision` to `int4` or `fp16`".to_owned()),
        ..AcceleratorRule::default()
    };
    let known = AcceleratorRule {
        execution_providers: all_but(&["Js"]),
        message: Some("no graphs are built for `{execution_provider}`".to_owned()),
        help: Some("choose `WebGpuExecutionProvider`".to_owned()),
        ..AcceleratorRule::default()
    };
    vec![
        needs("fp16", "a GPU", &["CUDA", "Dml", "NvTensorRTRTX", "WebGpu"]),
        needs("bf16", "an NVIDIA GPU", &["CUDA", "NvTensorRTRTX"]),
        fp32,
        int8,
        known,
    ]
}

/// An option of quantization at `pointer`, although nothing is quantized.
fn without_quantization(pointer: &str) -> Advice {
    let name = pointer.rsplit('/').next().unwrap_or_default();
    let message = format!("`{name}` has no effect with precision `{{/precision}}`");
    Advice::new("no-effect", pointer, message)
        .when(json!({"allOf": [
            with_precision(&["fp32", "fp16", "bf16"]),
            is_set(pointer)
        ]}))
        .with_related("/precision")
        .with_help("set `precision` to `int4` or `int8`, or remove the option")
}

/// The option `field`, which stands in `extra_options` too, as `name`.
fn beaten(field: &str, name: &str, otherwise: &Value) -> Advice {
    let (at, extra) = (format!("/{field}"), format!("/extra_options/{name}"));
    let message =
        format!("`{field}` has no effect: `extra_options` has `{name}` {{{extra}}}, which wins");
    let condition = json!({"allOf": [otherwise, is_set(&at), is_set(&extra)]});
    Advice::new("no-effect", at, message)
        .when(condition)
        .with_related(extra)
        .with_help("remove one of the two")
}

/// Logits of the last token, where there are no logits; `place` is where `exclude_lm_head` stands.
fn pruned_without_logits(place: &str) -> Advice {
    let (pruned, excluded) = ("/extra_options/prune_lm_head", format!("{place}/exclude_lm_head"));
    let message = "`prune_lm_head` has no effect with `exclude_lm_head`, which leaves logits out";
    Advice::new("no-effect", pruned, message)
        .when(json!({"allOf": [is_on(pruned), is_on(&excluded)]}))
        .with_related(excluded)
        .with_help("remove one of the two")
}

/// `disable_qkv_fusion` beside `fuse_qkv`.
fn split_and_fused() -> Advice {
    let (split, fused) = ("/extra_options/disable_qkv_fusion", "/extra_options/fuse_qkv");
    let message = format!("`disable_qkv_fusion` has no effect: `fuse_qkv` {{{fused}}} wins");
    Advice::new("no-effect", split, message)
        .when(json!({"allOf": [is_set(split), is_set(fused)]}))
        .with_related(fused)
        .with_help("remove one of the two")
}

/// Settings with one of these precisions.
fn with_precision(precisions: &[&str]) -> Value {
    json!({"required": ["precision"], "properties": {"precision": {"enum": precisions}}})
}

/// Settings by which a graph of one of these precisions is built.
fn with_graph(precisions: &[&str]) -> Value {
    json!({"allOf": [with_precision(precisions), {"not": is_on("/metadata_only")}]})
}

/// Settings in which the value at `pointer` is there and not null.
fn is_set(pointer: &str) -> Value {
    at(pointer, json!({"not": {"type": "null"}}))
}

/// Settings in which the switch at `pointer` is on.
fn is_on(pointer: &str) -> Value {
    at(pointer, json!({"enum": [true, 1, "true", "True", "1"]}))
}

/// Settings in which the value at `pointer` is there and as `schema` says.
fn at(pointer: &str, schema: Value) -> Value {
    pointer.trim_start_matches('/').rsplit('/').fold(
        schema,
        |inner, key| json!({"type": "object", "required": [key], "properties": {key: inner}}),
    )
}

/// Names of all execution providers but these.
fn all_but(providers: &[&str]) -> Vec<String> {
    let left_out = names(providers);
    let all = EXECUTION_PROVIDERS.into_iter().map(str::to_owned);
    all.filter(|name| !left_out.contains(name)).collect()
}

fn names(providers: &[&str]) -> Vec<String> {
    providers.iter().map(|name| format!("{name}ExecutionProvider")).collect()
}
