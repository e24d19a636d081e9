//! Parameters of Olive's pass that are none here, with the reason; accelerators; advice.

use olive_plugin_api::{AcceleratorRule, Advice, Unavailable};
use serde_json::{Map, Value, json};

/// Parameters that only the fusions of the Python package or the conversion to 16 bits read.
pub(super) fn ignored() -> Map<String, Value> {
    const FUSIONS: &str = "only fusions of ONNX Runtime's Python package read it";
    const HALF: &str = "only the conversion to 16-bit floats reads it";
    let reasons = [
        ("model_type", FUSIONS),
        ("num_heads", FUSIONS),
        ("num_key_value_heads", FUSIONS),
        ("hidden_size", FUSIONS),
        ("optimization_options", FUSIONS),
        ("keep_io_types", HALF),
        ("force_fp32_ops", HALF),
        ("force_fp32_nodes", HALF),
        ("force_fp16_inputs", HALF),
    ];
    let mark = |(name, reason): (&str, &str)| {
        (name.to_owned(), json!({"reason": reason, "harmless": true}))
    };
    reasons.map(mark).into_iter().collect()
}

/// Parameters that would change the result.
pub(super) fn unavailable() -> Map<String, Value> {
    let reasons = [
        ("float16", "the pass `OnnxFloatToFloat16` writes 16-bit floats"),
        ("use_gqa", "only fusions of ONNX Runtime's Python package write it"),
        ("input_int32", "inputs keep their type"),
        ("use_gpu", "the graph is optimized for the processor"),
    ];
    let mark = |(name, reason): (&str, &str)| {
        let unless = vec![Value::Null, json!(false)];
        (name.to_owned(), json!(Unavailable { reason: reason.to_owned(), unless }))
    };
    reasons.map(mark).into_iter().collect()
}

/// Values of `only_onnxruntime`.
pub(super) fn python() -> Value {
    json!({"false": "fusions of ONNX Runtime's Python package are not done"})
}

/// What is more than basic is done with the operators of the processor.
pub(super) fn accelerators() -> Vec<AcceleratorRule> {
    vec![AcceleratorRule {
        condition: Some(json!({"properties": {"opt_level": {"enum": [2, 99]}}})),
        at: "/opt_level".to_owned(),
        execution_providers: vec!["CPUExecutionProvider".to_owned()],
        message: Some(
            "level {/opt_level} writes operators of `CPUExecutionProvider`, and the workflow is \
             for `{execution_provider}`"
                .to_owned(),
        ),
        help: Some("set `opt_level` to 1".to_owned()),
        ..AcceleratorRule::default()
    }]
}

/// The level whose result is that of one processor.
pub(super) fn advice() -> Vec<Advice> {
    let message = "level 99 lays data out for the processor that the pass runs on";
    let advice = Advice::new("depends-on-processor", "/opt_level", message)
        .when(json!({"properties": {"opt_level": {"const": 99}}}))
        .with_help("set `opt_level` to 2 for a graph that others can run as fast");
    vec![advice]
}
