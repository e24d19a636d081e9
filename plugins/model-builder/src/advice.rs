//! Settings that are allowed but surprise, and the accelerators that graphs are built for.

use olive_plugin_api::{AcceleratorRule, Advice};
use olive_schemas::workflow::EXECUTION_PROVIDERS;
use serde_json::{Value, json};

/// Options of quantization that stand beside `precision` and in `extra_options`.
const TWICE: [&str; 4] = ["block_size", "accuracy_level", "is_symmetric", "algo_config"];

/// Every warning that the schema carries.
pub(crate) fn all() -> Vec<Advice> {
    let fields = TWICE.map(|name| format!("/int4_{name}"));
    let extra = TWICE.map(|name| format!("/extra_options/{name}"));
    let operators = "/int4_op_types_to_quantize".to_owned();
    let quantization = fields.into_iter().chain(extra).chain([operators]);
    quantization.map(|pointer| without_quantization(&pointer)).chain(TWICE.map(beaten)).collect()
}

/// Which accelerators can have a graph of which precision.
///
/// The first two rules are Olive's. The next is about graphs of 32-bit float for GPUs, which ONNX
/// Runtime refuses as the original writes them; the last about a provider that the original does not
/// know.
pub(crate) fn accelerators() -> Vec<AcceleratorRule> {
    let needs = |precision: &str, of: &str, providers: &[&str]| AcceleratorRule {
        condition: Some(with_precision(&[precision])),
        at: "/precision".to_owned(),
        execution_providers: names(providers),
        message: Some(format!(
            "precision `{precision}` needs an execution provider of {of}, and the workflow is for \
             `{{execution_provider}}`"
        )),
        help: Some("set `precision` to `fp32` or `int4`".to_owned()),
        ..AcceleratorRule::default()
    };
    let fp32 = AcceleratorRule {
        condition: Some(with_precision(&["fp32"])),
        at: "/precision".to_owned(),
        execution_providers: all_but(&["CUDA", "Dml", "NvTensorRTRTX"]),
        message: Some(
            "`{execution_provider}` has no attention with a KV cache in precision `fp32`"
                .to_owned(),
        ),
        help: Some("set `precision` to `fp16`, or choose `CPUExecutionProvider`".to_owned()),
        ..AcceleratorRule::default()
    };
    let int4 = AcceleratorRule {
        condition: Some(with_precision(&["int4"])),
        at: "/precision".to_owned(),
        execution_providers: all_but(&["NvTensorRTRTX"]),
        message: Some(
            "graphs of precision `int4` are not built for `{execution_provider}` yet".to_owned(),
        ),
        help: Some("set `precision` to `fp16`".to_owned()),
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
        int4,
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
        .with_help("set `precision` to `int4`, or remove the option")
}

/// An option of quantization that stands in `extra_options` too.
fn beaten(name: &str) -> Advice {
    let (field, extra) = (format!("/int4_{name}"), format!("/extra_options/{name}"));
    let message = format!(
        "`int4_{name}` has no effect: `extra_options` has `{name}` {{{extra}}}, which wins"
    );
    let condition = json!({"allOf": [
        with_precision(&["int4"]),
        is_set(&field),
        is_set(&extra)
    ]});
    Advice::new("no-effect", field, message)
        .when(condition)
        .with_related(extra)
        .with_help("remove one of the two")
}

/// Settings with one of these precisions.
fn with_precision(precisions: &[&str]) -> Value {
    json!({"required": ["precision"], "properties": {"precision": {"enum": precisions}}})
}

/// Settings in which the value at `pointer` is there and not null.
fn is_set(pointer: &str) -> Value {
    pointer.trim_start_matches('/').rsplit('/').fold(
        json!({"not": {"type": "null"}}),
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
