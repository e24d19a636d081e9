//! Every family: its graph against that of ONNX Runtime GenAI 0.18, its logits against transformers'.

use std::fs;
use std::iter::zip;
use std::path::Path;

use olive_kit_onnx::proto::type_proto::Value as TypeValue;
use olive_kit_onnx::proto::{AttributeProto, GraphProto, ValueInfoProto, tensor_shape_proto};
use olive_kit_onnx::{read_model, write_model};
use olive_kit_testing::{DENSE_MODELS, fixture};
use olive_plugin_api::testing::Recorder;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::reference::{check_graphs, check_json, graph};
use crate::runtime::{has_library, logits, reference};
use crate::support::{built, request, run};
use crate::targets::accelerator;

/// Largest difference of logits in 32-bit float: sums run in another order.
const CLOSE: f32 = 1e-4;

/// The fixtures, one of each family or of what families have only at times, but that of `SmolLM`: it
/// has heads that attention's kernels cannot rotate.
pub(crate) fn models() -> impl Iterator<Item = &'static str> {
    DENSE_MODELS.into_iter().filter(|model| *model != "tiny-smollm")
}

/// Models whose folders of the original stand in other tests.
const ELSEWHERE: [&str; 4] = ["tiny-llama", "tiny-phi3", "tiny-phi3-longrope", "tiny-qwen2"];

#[test]
fn every_family_has_the_graph_of_the_builder() {
    for model in models().filter(|model| !ELSEWHERE.contains(model)) {
        for precision in ["fp32", "int4"] {
            let output = built(model, &json!({ "precision": precision }));
            let expected = fixture("builder").join(format!("{model}-{precision}-cpu"));
            let windowed = (model == "tiny-mistral").then(|| with_windows(&expected, 8));
            let expected = windowed.as_ref().map_or(expected.as_path(), TempDir::path);
            check_graphs(output.path(), expected);
            let file = "genai_config.json";
            check_json(&output.path().join(file), &expected.join(file), &[]);
        }
    }
}

#[test]
fn logits_are_those_of_transformers() {
    if !has_library() {
        return;
    }
    for model in models() {
        let output = built(model, &json!({"precision": "fp32"}));
        let (tokens, expected) = reference(model, "long.");
        let found = logits(output.path(), &tokens);
        assert_eq!(found.len(), expected.len(), "{model}");
        let largest = zip(&found, &expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest < CLOSE, "{model}: {largest}");
    }
}

#[test]
fn logits_in_half_precision_are_near() {
    // Those of other providers whose graphs the kernels for processors take.
    let rows = [
        ("tiny-llama", "dml"),
        ("tiny-llama", "webgpu"),
        ("tiny-phi3-longrope", "cuda"),
        ("tiny-phi3-longrope", "dml"),
        ("tiny-qwen3", "dml"),
        ("tiny-gemma", "cuda"),
        ("tiny-gemma", "NvTensorRtRtx"),
        ("tiny-gemma2", "cuda"),
        ("tiny-gemma2", "dml"),
    ];
    if !has_library() {
        return;
    }
    for (model, provider) in rows {
        let output = tempfile::tempdir().unwrap();
        let mut request = request(&fixture(model), &json!({"precision": "fp16"}), &output);
        request["accelerator"] = accelerator(provider);
        run(&request, &Recorder::default()).unwrap();
        let (tokens, expected) = reference(model, "long.");
        let found = logits(output.path(), &tokens);
        let likeness = cosine(&found, &expected);
        assert!(likeness > 0.9999, "{model} {provider}: {likeness}");
    }
}

#[test]
fn quantized_logits_are_near() {
    if !has_library() {
        return;
    }
    for model in models() {
        check_quantized(model, &json!({"int4_block_size": 16}));
    }
    // The embedding is gathered from the logits' weight, whose rows have one zero point each.
    check_quantized("tiny-llama", &json!({"int4_block_size": 64, "int4_is_symmetric": false}));
}

#[test]
fn logits_are_near_whatever_is_quantized() {
    if !has_library() {
        return;
    }
    let tied = "/model/embed_tokens/Gather,/lm_head/MatMul";
    for (model, extra) in [
        ("tiny-phi3", json!({"algo_config": "k_quant_mixed"})),
        ("tiny-phi3", json!({"op_types_to_quantize": "MatMul/Gather", "is_symmetric": false})),
        ("tiny-phi3", json!({"use_qdq": true, "is_symmetric": false})),
        ("tiny-phi3", json!({"nodes_to_exclude": "/model/layers.0/attn/q_proj/MatMul"})),
        ("tiny-phi3", json!({"fuse_mlp_gate_up": true, "fuse_qkv": false})),
        ("tiny-llama", json!({"use_qdq": true})),
        ("tiny-llama", json!({ "nodes_to_exclude": tied })),
        ("tiny-llama", json!({"matmul_mixed_precision": "last_matmul:int8"})),
    ] {
        check_quantized(model, &json!({ "extra_options": extra }));
    }
    check_quantized("tiny-llama", &json!({"precision": "int8"}));
}

fn check_quantized(model: &str, settings: &Value) {
    let mut config = json!({"precision": "int4"});
    config.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let output = built(model, &config);
    let (tokens, expected) = reference(model, "long.");
    let likeness = cosine(&logits(output.path(), &tokens), &expected);
    assert!(likeness > 0.9, "{model} {settings}: {likeness}");
}

/// The original's folder for a model whose windows it does not find, with a window of `size` in
/// every layer: configs of transformers 5 do not list the layers of a Mistral, all of which have
/// the window, and the original takes none of them for windowed.
fn with_windows(folder: &Path, size: i64) -> TempDir {
    let edited = tempfile::tempdir().unwrap();
    let mut model = read_model(&folder.join("model.onnx")).unwrap();
    set_windows(graph(&mut model), size);
    write_model(&model, &edited.path().join("model.onnx")).unwrap();
    let config = fs::read(folder.join("genai_config.json")).unwrap();
    let mut config: Value = serde_json::from_slice(&config).unwrap();
    let layers = &mut config["model"]["decoder"]["sliding_window"]["layers"];
    assert_eq!(*layers, json!([]));
    *layers = json!([0, 1]);
    fs::write(edited.path().join("genai_config.json"), config.to_string()).unwrap();
    let digests = "weights.sha256";
    fs::copy(folder.join(digests), edited.path().join(digests)).unwrap();
    edited
}

fn set_windows(graph: &mut GraphProto, size: i64) {
    for node in graph.node.iter_mut().filter(|node| node.op_type() == "GroupQueryAttention") {
        let window = node.attribute.iter_mut().find(|it| it.name() == "local_window_size").unwrap();
        assert_eq!(window.i, Some(-1));
        window.i = Some(size);
        let mark = AttributeProto {
            name: Some("sliding_window_cache".to_owned()),
            i: Some(1),
            ..window.clone()
        };
        node.attribute.push(mark);
    }
    for value in graph.input.iter_mut().chain(&mut graph.output) {
        if value.name().contains('.') {
            rename_length(value);
        }
    }
}

/// Calls the length of a cache after its window.
fn rename_length(value: &mut ValueInfoProto) {
    let kind = value.r#type.as_mut().and_then(|kind| kind.value.as_mut());
    let Some(TypeValue::TensorType(tensor)) = kind else { panic!("a cache is a tensor") };
    let length = &mut tensor.shape.as_mut().unwrap().dim[2].value;
    let Some(tensor_shape_proto::dimension::Value::DimParam(name)) = length else {
        panic!("a cache has any length")
    };
    *name = name.replace("sequence", "sliding");
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let product = |a: &[f32], b: &[f32]| zip(a, b).map(|(a, b)| a * b).sum::<f32>();
    product(a, b) / (product(a, a) * product(b, b)).sqrt()
}
