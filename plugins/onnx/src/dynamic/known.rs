//! What ONNX Runtime's quantizer takes and this one does not, with the reason.

use olive_plugin_api::{Offer, Shortcut, Unavailable};
use serde_json::{Map, Value, json};

/// Operators that ONNX Runtime's quantizer takes too.
pub(super) const LEFT: [&str; 2] = ["LSTM", "EmbedLayerNormalization"];

/// Why.
pub(super) const NOT_QUANTIZED: &str = "decoders have none, and it is not quantized here";

/// What the pass does for commands that write their own config.
pub(super) fn offers() -> Vec<Offer> {
    let quantize = ["int8", "uint8"].map(|precision| {
        let offer = Offer::new(Shortcut::Quantize).by("rtn").precision(precision);
        offer.implementation("ort").with(json!({ "precision": precision }))
    });
    let optimize = Offer::new(Shortcut::Optimize).by("rtn").precision("int8");
    let optimize = optimize.because("integers in products, on processors that have them");
    let optimize = optimize.with(json!({"precision": "int8"}));
    let optimize = optimize.searching(json!({"per_channel": [false, true]}));
    quantize.into_iter().chain([optimize]).collect()
}

/// Whether ranges are measured before: what Olive's `OnnxQuantization` does.
pub(super) fn modes() -> Map<String, Value> {
    let reason = "ranges of activations are taken while the model runs";
    unavailable([("quant_mode", reason, json!("dynamic"))])
}

/// Widths of codes.
pub(super) fn widths() -> Map<String, Value> {
    let reason = "products of codes are of 8 bits; `OnnxBlockWiseRtnQuantization` writes 4";
    let widths = ["int4", "uint4", "int16", "uint16"];
    widths.map(|width| (width.to_owned(), json!(reason))).into_iter().collect()
}

/// Operators.
pub(super) fn operators() -> Map<String, Value> {
    let mut reasons: Map<String, Value> =
        LEFT.map(|operator| (operator.to_owned(), json!(NOT_QUANTIZED))).into_iter().collect();
    reasons.insert(
        "Gemm".to_owned(),
        json!("it is written as `MatMul` first, which is its name here"),
    );
    reasons
}

/// Options that do nothing here or in the original.
pub(super) fn ignored_options() -> Map<String, Value> {
    let same = "the setting of the pass is what counts";
    let types = "types are worked out from what the graph says and from its operators";
    let reasons = [
        ("ActivationSymmetric", same, false),
        ("WeightSymmetric", same, false),
        ("DefaultTensorType", types, true),
        ("ActivationRestrictedAsymmetric", "only static ranges are restricted", true),
    ];
    let mark = |(name, reason, harmless): (&str, &str, bool)| {
        (name.to_owned(), json!({"reason": reason, "harmless": harmless}))
    };
    reasons.map(mark).into_iter().collect()
}

/// Options that would change the result.
pub(super) fn unavailable_options() -> Map<String, Value> {
    let inner = "graphs inside nodes stay as they are";
    unavailable([
        ("EnableSubgraph", inner, json!(false)),
        (
            "ForceQuantizeNoInputCheck",
            "only what is quantized is transposed as codes",
            json!(false),
        ),
        ("MatMulConstBOnly", "products of two activations are not quantized", json!(true)),
        ("TensorQuantOverrides", "all weights are quantized alike", json!({})),
    ])
}

fn unavailable<const N: usize>(options: [(&str, &str, Value); N]) -> Map<String, Value> {
    let mark = |(name, reason, unless): (&str, &str, Value)| {
        let unless = vec![Value::Null, unless];
        (name.to_owned(), json!(Unavailable { reason: reason.to_owned(), unless }))
    };
    options.map(mark).into_iter().collect()
}
