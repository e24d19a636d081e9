//! Settings of the passes.

use olive_plugin_api::Unavailable;
use serde_json::{Map, Value, json};

use super::Missed::{No, Yes};
use super::{Row, left_out};

/// What no pass needs.
const OF_ALL: [Row; 3] = [
    ("training runs on the processor", No, &["device_map", "ephemeral_gpu_offload"]),
    ("sums are in 32-bit float", No, &["allow_tf32"]),
    (
        "there is one trainer, which computes the same",
        No,
        &["use_ort_trainer", "ortmodule_onnx_opset_version"],
    ),
];

const FOUR_BIT: Row = (
    "it belongs to QLoRA and LoftQ; this pass trains on unquantized weights",
    Yes,
    &["double_quant", "quant_type", "compute_dtype", "save_quant_config"],
);
const LOFTQ: Row = ("only the pass LoftQ has it", Yes, &["loftq_iter"]);
const LYCORIS: Row =
    ("only the passes LoHa and LoKr have it", Yes, &["rank_dropout", "module_dropout"]);
const CONVOLUTIONS: Row =
    ("the models that are read have no convolutions", No, &["use_effective_conv2d"]);
const LOKR: Row = (
    "only the pass LoKr has it",
    Yes,
    &["decompose_both", "decompose_factor", "rank_dropout_scale"],
);
const DROPOUT: Row =
    ("`rank_dropout` and `module_dropout` say what is dropped", Yes, &["lora_dropout"]);

/// Settings that have no effect on `LoRA`.
pub(crate) fn of_lora() -> Map<String, Value> {
    left_out(OF_ALL.iter().chain([&FOUR_BIT, &LOFTQ, &LYCORIS, &CONVOLUTIONS, &LOKR]))
}

/// Settings that have no effect on `DoRA`.
pub(crate) fn of_dora() -> Map<String, Value> {
    of_lora()
}

/// Settings that have no effect on `QLoRA`.
pub(crate) fn of_qlora() -> Map<String, Value> {
    left_out(OF_ALL.iter().chain([&LOFTQ, &LYCORIS, &CONVOLUTIONS, &LOKR]))
}

/// Settings that have no effect on `LoftQ`.
pub(crate) fn of_loftq() -> Map<String, Value> {
    left_out(OF_ALL.iter().chain([&LYCORIS, &CONVOLUTIONS, &LOKR]))
}

/// Settings that have no effect on `LoHa`.
pub(crate) fn of_loha() -> Map<String, Value> {
    left_out(OF_ALL.iter().chain([&FOUR_BIT, &LOFTQ, &CONVOLUTIONS, &LOKR, &DROPOUT]))
}

/// Settings that have no effect on `LoKr`.
pub(crate) fn of_lokr() -> Map<String, Value> {
    left_out(OF_ALL.iter().chain([&FOUR_BIT, &LOFTQ, &CONVOLUTIONS, &DROPOUT]))
}

/// Settings of PEFT that `LoRA` does not have.
pub(crate) fn unavailable_in_lora() -> Map<String, Value> {
    marks([("use_dora", "the pass `DoRA` trains norms apart", off())])
}

/// Settings of PEFT that `QLoRA` does not have.
pub(crate) fn unavailable_in_qlora() -> Map<String, Value> {
    marks([("use_dora", "the pass `DoRA` trains norms apart, on unquantized weights", off())])
}

/// Settings of `QLoRA` that are fixed in `LoftQ`.
pub(crate) fn unavailable_in_loftq() -> Map<String, Value> {
    let nf4 = vec![Value::Null, json!("nf4")];
    marks([
        ("use_dora", "the pass `DoRA` trains norms apart, on unquantized weights", off()),
        ("quant_type", "LoftQ rounds to `nf4`", nf4),
        ("double_quant", "LoftQ keeps scales in floats", off()),
    ])
}

/// Settings of low-rank products that `LoHa` and `LoKr` do not have, as in PEFT.
pub(crate) fn unavailable_in_lycoris() -> Map<String, Value> {
    let none = vec![Value::Null, json!("none")];
    marks([
        ("bias", "biases are only trained beside low-rank products", none),
        ("use_rslora", "the scale is `alpha / r`", off()),
    ])
}

fn off() -> Vec<Value> {
    vec![Value::Null, json!(false)]
}

fn marks<const N: usize>(options: [(&str, &str, Vec<Value>); N]) -> Map<String, Value> {
    let marks = options.map(|(name, reason, unless)| {
        (name.to_owned(), json!(Unavailable { reason: reason.to_owned(), unless }))
    });
    marks.into_iter().collect()
}
