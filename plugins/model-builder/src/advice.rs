//! Settings that are allowed but surprise, and the accelerators that graphs are built for.

use olive_plugin_api::{AcceleratorRule, Advice};
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
/// The first two rules are Olive's, the last says what is built here.
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
    let built_here = AcceleratorRule {
        devices: vec!["cpu".to_owned()],
        execution_providers: names(&["CPU"]),
        message: Some(
            "models for `{execution_provider}` on `{device}` are not built yet".to_owned(),
        ),
        help: Some("use device `cpu` and execution provider `CPUExecutionProvider`".to_owned()),
        ..AcceleratorRule::default()
    };
    vec![
        needs("fp16", "a GPU", &["CUDA", "Dml", "NvTensorRTRTX", "WebGpu", "Js"]),
        needs("bf16", "an NVIDIA GPU", &["CUDA", "NvTensorRTRTX"]),
        built_here,
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

fn names(providers: &[&str]) -> Vec<String> {
    providers.iter().map(|name| format!("{name}ExecutionProvider")).collect()
}
