//! Adapters that stay beside their layers, against folders of ONNX Runtime GenAI 0.18 and against
//! merged ones.

use std::path::PathBuf;

use olive_kit_onnx::read_model;
use olive_kit_testing::{Tensors, fixture};
use olive_plugin_api::testing::Recorder;
use serde_json::{Value, json};

use crate::reference::{check_graphs, check_json};
use crate::runtime::{has_library, logits};
use crate::support::{prepare, request, run};
use crate::targets::accelerator;

/// Tokens of the first text of the fixtures.
const TOKENS: usize = 24;
/// Largest difference of logits in 32-bit float: sums run in another order.
const CLOSE: f32 = 1e-4;

/// Adapters of other methods and with other settings.
fn other(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../kit/adapters/tests/fixtures").join(name)
}

#[test]
fn adapters_stay_as_in_the_builder() {
    let own = |model: &str| fixture(model).join("adapter");
    for (model, precision, provider, adapter, expected) in [
        ("tiny-phi3", "fp32", "cpu", own("tiny-phi3"), "adapter"),
        ("tiny-phi3", "int4", "cpu", own("tiny-phi3"), "adapter"),
        ("tiny-llama", "fp16", "cuda", own("tiny-llama"), "adapter"),
        ("tiny-llama", "int4", "dml", own("tiny-llama"), "adapter"),
        ("tiny-llama", "int8", "cpu", own("tiny-llama"), "adapter"),
        ("tiny-llama", "fp32", "cpu", other("tiny-llama/patterns"), "patterns"),
        ("tiny-llama-bias", "fp32", "cpu", own("tiny-llama-bias"), "adapter"),
        ("tiny-llama3", "int4", "NvTensorRtRtx", own("tiny-llama3"), "adapter"),
        ("tiny-qwen3", "fp16", "cuda", own("tiny-qwen3"), "adapter"),
        ("tiny-gemma2", "int4", "cuda", own("tiny-gemma2"), "adapter"),
    ] {
        let output = tempfile::tempdir().unwrap();
        let extra = json!({ "adapter_path": adapter });
        let config = json!({"precision": precision, "extra_options": extra});
        let mut request = request(&fixture(model), &config, &output);
        request["accelerator"] = accelerator(provider);
        assert_eq!(prepare(&request).unwrap(), []);
        run(&request, &Recorder::default()).unwrap();
        let name = format!("{model}-{precision}-{provider}-{expected}");
        let expected = fixture("builder").join(name);
        check_graphs(output.path(), &expected);
        let file = "genai_config.json";
        check_json(&output.path().join(file), &expected.join(file), &[]);
    }
}

#[test]
fn logits_are_those_of_the_adapted_model() {
    if !has_library() {
        return;
    }
    for model in ["tiny-phi3", "tiny-llama"] {
        let output = tempfile::tempdir().unwrap();
        let extra = json!({ "adapter_path": fixture(model).join("adapter") });
        let config = json!({"precision": "fp32", "extra_options": extra});
        run(&request(&fixture(model), &config, &output), &Recorder::default()).unwrap();
        let file = Tensors::open(fixture(model).join("ref.safetensors"));
        let (tokens, expected) = (file.tokens("input_ids"), file.f32s("lora.logits"));
        let found = logits(output.path(), &tokens[..TOKENS]);
        let differences = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        let largest = differences.fold(0.0, f32::max);
        assert!(largest < CLOSE, "{model}: {largest}");
    }
}

#[test]
fn what_has_no_place_in_a_graph_is_refused() {
    let merge = "leave `adapter_path` out here and set it on the input model, which merges it";
    let check = |model: &str, adapter: &str, message: &str| {
        check_refused(model, adapter, &json!({}), message, merge);
    };
    let dora = "the adapter is of DORA, and only LORA stays one in a graph";
    check("tiny-llama", "tiny-llama/dora", dora);
    let loha = "the adapter is of LOHA, and only LORA stays one in a graph";
    check("tiny-llama", "tiny-llama/loha", loha);
    let of = |module: &str| {
        format!("the adapter replaces the weight or bias of `{module}`, for which a graph has one")
    };
    check("tiny-phi3", "tiny-phi3/saved", &of("lm_head"));
    check("tiny-qwen2", "tiny-qwen2/bias-lora-only", &of("model.layers.0.self_attn.q_proj"));
    let head = "the adapter changes `lm_head`, beside which a graph has none";
    check("tiny-llama", "tiny-llama/tied-head", head);
    let fused = json!({"fuse_mlp_gate_up": true});
    let message = "the adapter changes `model.layers.0.mlp.up_proj`, which `fuse_mlp_gate_up` \
        makes a part of one product";
    let help = "leave `fuse_mlp_gate_up` out";
    check_refused("tiny-llama", "tiny-llama/patterns", &fused, message, help);
}

#[test]
fn one_product_for_gate_and_up_is_none_for_other_layers() {
    let adapter = fixture("tiny-llama").join("adapter");
    let extra = json!({"adapter_path": adapter, "fuse_mlp_gate_up": true});
    let output = tempfile::tempdir().unwrap();
    let config = json!({"precision": "fp32", "extra_options": extra});
    let request = request(&fixture("tiny-llama"), &config, &output);
    assert_eq!(prepare(&request).unwrap(), []);
    run(&request, &Recorder::default()).unwrap();
    let model = read_model(&output.path().join("model.onnx")).unwrap();
    let nodes = model.graph.unwrap_or_default().node;
    let has = |name: &str| nodes.iter().any(|node| node.name() == name);
    assert!(has("/model/layers.0/attn/q_proj/lora_A/MatMul"));
    assert!(has("/model/layers.0/mlp/gate_up_proj/MatMul"));
}

#[test]
fn an_adapter_of_another_model_is_refused() {
    let adapter = fixture("tiny-phi3").join("adapter");
    let extra = json!({ "adapter_path": adapter });
    let output = tempfile::tempdir().unwrap();
    let config = json!({"precision": "fp32", "extra_options": extra});
    let error = prepare(&request(&fixture("tiny-llama"), &config, &output)).unwrap_err();
    assert_eq!(error.help.as_deref(), Some("use the adapter with the model it was trained on"));
}

fn check_refused(model: &str, adapter: &str, extra: &Value, message: &str, help: &str) {
    let mut extra = extra.clone();
    extra["adapter_path"] = json!(other(adapter));
    let output = tempfile::tempdir().unwrap();
    let config = json!({"precision": "fp32", "extra_options": extra});
    let request = request(&fixture(model), &config, &output);
    let found = prepare(&request).unwrap();
    let rows: Vec<_> =
        found.iter().map(|it| (&*it.pointer, &*it.message, it.help.as_deref())).collect();
    assert_eq!(rows, [("/extra_options/adapter_path", message, Some(help))]);
    assert_eq!(run(&request, &Recorder::default()).unwrap_err().message, message);
}
