//! What the pass does for commands that write their own config.

use olive_plugin_api::{Offer, Shortcut};
use serde_json::json;

/// Precisions, from the most to the least bits.
const PRECISIONS: [&str; 5] = ["fp32", "bf16", "fp16", "int8", "int4"];
/// Ways of rounding to 4 bits, by the names of algorithms that Olive has.
const ALGORITHMS: [(&str, &str); 2] = [("rtn", "default"), ("kquant", "k_quant")];

/// Every offer.
pub(crate) fn all() -> Vec<Offer> {
    let convert = PRECISIONS.map(|precision| {
        let offer = Offer::new(Shortcut::Convert).precision(precision);
        offer.with(json!({ "precision": precision }))
    });
    let quantizer = |method: &str, precision: &str| {
        let offer = Offer::new(Shortcut::Quantize).by(method).precision(precision);
        offer.implementation("olive")
    };
    let quantize = ALGORITHMS.map(|(method, name)| {
        quantizer(method, "int4").with(json!({"precision": "int4", "int4_algo_config": name}))
    });
    let int8 = quantizer("rtn", "int8").with(json!({"precision": "int8"}));
    convert.into_iter().chain(quantize).chain([int8]).chain(optimize()).collect()
}

/// Alternatives of a search: 15 in 4 bits, 3 in 8, and floats where the device computes with them.
fn optimize() -> [Offer; 4] {
    let offer = |precision: &str, reason: &str| {
        let offer = Offer::new(Shortcut::Optimize).precision(precision).because(reason);
        offer.with(json!({ "precision": precision }))
    };
    let block_sizes = json!([32, 64, 128]);
    let int4 = offer("int4", "least to read for each token, and the most rounding");
    let int8 = offer("int8", "half of 16 bits to read, and hardly any rounding");
    [
        int4.searching(json!({
            "int4_algo_config": ["default", "rtn_last", "k_quant", "k_quant_last", "k_quant_mixed"],
            "int4_block_size": block_sizes
        })),
        int8.searching(json!({ "int4_block_size": block_sizes })),
        offer("fp16", "no rounding to integers; what the device computes with").on(&["gpu"]),
        offer("bf16", "as 16-bit float, with the range of 32 bits").on(&["gpu"]),
    ]
}
