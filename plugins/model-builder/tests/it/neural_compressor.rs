//! `rtn` and `rtn_last`, against ONNX Runtime's own quantizer: `tests/rtn_digests.py` made the
//! digests.

use olive_kit_onnx::proto::NodeProto;
use olive_kit_onnx::{read_model, tensor_bytes};
use serde_json::json;

use crate::support::built;

#[test]
fn phi3_is_quantized_as_onnx_runtime_does() {
    check("tiny-phi3", 32, true, "rtn", 0x1b32_b036_f85e_a9c9);
    check("tiny-phi3", 32, true, "rtn_last", 0x02fb_5875_351d_9dbc);
    check("tiny-phi3", 16, false, "rtn_last", 0xfd52_97cd_ffc1_2ea7);
    check("tiny-phi3", 128, true, "rtn_last", 0xdc76_ac32_7992_4ff5);
    check("tiny-phi3", 32, false, "rtn", 0x3a6c_9f87_c922_ef0c);
}

#[test]
fn llama_is_quantized_as_onnx_runtime_does() {
    check("tiny-llama", 32, true, "rtn", 0xea55_edbf_b74d_ebea);
    check("tiny-llama", 32, true, "rtn_last", 0x1b01_0757_a271_ab20);
    check("tiny-llama", 16, false, "rtn_last", 0xef81_d8f2_847b_e9f3);
    check("tiny-llama", 128, true, "rtn_last", 0x387c_4cf6_b89e_40d3);
    check("tiny-llama", 32, false, "rtn", 0xda2d_8685_1874_1b7c);
}

#[test]
fn a_tied_embedding_reads_the_8_bit_matrix_of_the_logits() {
    let output = built("tiny-llama", &json!({"precision": "int4", "int4_algo_config": "rtn_last"}));
    let model = read_model(&output.path().join("model.onnx")).unwrap();
    let nodes = model.graph.unwrap().node;
    let (codes, scales) = ("lm_head.MatMul.weight_Q8G32", "lm_head.MatMul.weight_scale");
    let product = node(&nodes, "/lm_head/MatMul_Q8");
    assert_eq!(product.input[1..], [codes, scales]);
    assert_eq!(
        (bits(product), bits(node(&nodes, "/model/layers.1/mlp/down_proj/MatMul_Q4"))),
        (8, 4)
    );
    // One byte a code: a row of 64 is 64 bytes.
    let reshape = node(&nodes, "/model/embed_tokens/Reshape");
    assert_eq!(reshape.input, [codes, "/model/constants/INT64/[512, 64]"]);
    let gather = node(&nodes, "/model/embed_tokens/GatherBlockQuantized");
    assert_eq!(gather.input, [reshape.output[0].as_str(), "input_ids", scales]);
    assert_eq!(bits(gather), 8);
}

/// Builds `model` and compares the digest of its quantized initializers, in order.
fn check(model: &str, block_size: usize, is_symmetric: bool, algorithm: &str, expected: u64) {
    let output = built(
        model,
        &json!({
            "precision": "int4",
            "int4_block_size": block_size,
            "int4_is_symmetric": is_symmetric,
            "int4_algo_config": algorithm,
        }),
    );
    let graph = read_model(&output.path().join("model.onnx")).unwrap().graph.unwrap();
    let mut digest = 0xcbf2_9ce4_8422_2325;
    for tensor in &graph.initializer {
        let name = tensor.name();
        if name.ends_with("_scale") || name.ends_with("_zp") || name.contains("weight_Q") {
            digest = fnv1a(digest, format!("{name}{:?}", tensor.dims).as_bytes());
            digest = fnv1a(digest, &tensor_bytes(tensor, output.path()).unwrap());
        }
    }
    assert_eq!(digest, expected, "{model} {block_size} {is_symmetric} {algorithm}");
}

fn fnv1a(digest: u64, data: &[u8]) -> u64 {
    data.iter()
        .fold(digest, |digest, &byte| (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn node<'a>(nodes: &'a [NodeProto], name: &str) -> &'a NodeProto {
    nodes.iter().find(|node| node.name() == name).unwrap()
}

fn bits(node: &NodeProto) -> i64 {
    node.attribute.iter().find(|attribute| attribute.name() == "bits").unwrap().i()
}
