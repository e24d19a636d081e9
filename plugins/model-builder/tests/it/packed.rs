//! Checkpoints that GPTQ, AWQ and Olive have packed, against folders of ONNX Runtime GenAI 0.18.

use std::fs;

use olive_kit_checkpoint::SafetensorsFile;
use olive_kit_onnx::read_model;
use olive_kit_testing::fixture;
use olive_plugin_api::testing::Recorder;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::reference::{check_graphs, check_json};
use crate::support::{copied, prepare, request, run};
use crate::targets::accelerator;

#[test]
fn codes_are_the_builders() {
    for (name, precision, provider) in [
        ("tiny-llama-gptq", "int4", "cpu"),
        ("tiny-llama-gptq", "int8", "cpu"),
        ("tiny-llama-gptq", "int4", "cuda"),
        ("tiny-llama-gptq", "int4", "dml"),
        ("tiny-llama-gptq-8", "int4", "cpu"),
        ("tiny-llama-gptq-act", "int4", "cpu"),
        ("tiny-phi3-gptq", "int4", "cpu"),
        ("tiny-phi3-awq", "int4", "cpu"),
        ("tiny-qwen2-awq", "int4", "cpu"),
        ("tiny-llama-olive", "int4", "cpu"),
    ] {
        let (model, output) = (packed(name), tempfile::tempdir().unwrap());
        let mut request = request(model.path(), &json!({ "precision": precision }), &output);
        request["accelerator"] = accelerator(provider);
        assert_eq!(prepare(&request).unwrap(), [], "{name}");
        run(&request, &Recorder::default()).unwrap();
        let expected = fixture("builder").join(format!("{name}-{precision}-{provider}"));
        check_graphs(output.path(), &expected);
        let file = "genai_config.json";
        check_json(&output.path().join(file), &expected.join(file), &[]);
    }
}

#[test]
fn adapters_stay_beside_packed_layers() {
    let (model, output) = (packed("tiny-llama-gptq"), tempfile::tempdir().unwrap());
    let extra = json!({ "adapter_path": fixture("tiny-llama").join("adapter") });
    let config = json!({"precision": "int4", "extra_options": extra});
    let request = request(model.path(), &config, &output);
    assert_eq!(prepare(&request).unwrap(), []);
    run(&request, &Recorder::default()).unwrap();
    let nodes = read_model(&output.path().join("model.onnx")).unwrap().graph.unwrap().node;
    let of_query: Vec<_> = nodes
        .iter()
        .filter_map(|node| node.name().strip_prefix("/model/layers.1/attn/q_proj/"))
        .collect();
    assert_eq!(of_query, ["lora_A/MatMul_Q4", "lora_B/MatMul_Q4", "MatMulNBits", "lora/Add"]);
}

#[test]
fn what_packed_layers_do_not_allow_is_named() {
    let int4 = |extra: Value| json!({"precision": "int4", "extra_options": extra});
    let qdq = "`model.layers.0.self_attn.q_proj` is packed, which only `MatMulNBits` reads";
    check_refused(
        &json!({"precision": "fp32"}),
        "/precision",
        "`model.layers.0.self_attn.q_proj` is packed, and `fp32` would have it in floats",
    );
    check_refused(&int4(json!({"use_qdq": true})), "/extra_options/use_qdq", qdq);
    check_refused(&json!({"precision": "int4", "use_qdq": true}), "/use_qdq", qdq);
    check_refused(
        &int4(json!({"fuse_mlp_gate_up": true})),
        "/extra_options/fuse_mlp_gate_up",
        "`fuse_mlp_gate_up` joins weights in floats, and `model.layers.0.self_attn.q_proj` is packed",
    );
}

#[test]
fn what_is_packed_otherwise_is_named() {
    for (name, key, value, expected) in [
        (
            "tiny-llama-gptq",
            "checkpoint_format",
            json!("marlin"),
            "unknown `checkpoint_format` `marlin`; known are gptq, gptq_v2",
        ),
        (
            "tiny-qwen2-awq",
            "version",
            json!("gemv"),
            "unknown `version` `gemv` of AWQ; known is gemm",
        ),
    ] {
        let (model, output) = (packed(name), tempfile::tempdir().unwrap());
        let path = model.path().join("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        config["quantization_config"][key] = value;
        fs::write(path, config.to_string()).unwrap();
        let request = request(model.path(), &json!({"precision": "int4"}), &output);
        let message = prepare(&request).unwrap_err().message;
        assert!(message.ends_with(expected), "{message}");
    }
}

fn check_refused(config: &Value, pointer: &str, message: &str) {
    let (model, output) = (packed("tiny-llama-gptq"), tempfile::tempdir().unwrap());
    let request = request(model.path(), config, &output);
    let found = prepare(&request).unwrap();
    let rows: Vec<_> = found.iter().map(|it| (&*it.pointer, &*it.message)).collect();
    assert_eq!(rows, [(pointer, message)]);
    assert_eq!(run(&request, &Recorder::default()).unwrap_err().message, message);
}

/// The packed fixture `name`: its codes and config, and all else of the model it was made of, with
/// weights that its codes replace.
fn packed(name: &str) -> TempDir {
    let base: Vec<_> = name.splitn(3, '-').take(2).collect();
    let folder = copied(&base.join("-"));
    let (codes, plain) = ("codes.safetensors", "plain.safetensors");
    fs::rename(folder.path().join("model.safetensors"), folder.path().join(plain)).unwrap();
    for file in ["config.json", codes] {
        fs::copy(fixture("packed").join(name).join(file), folder.path().join(file)).unwrap();
    }
    let mut homes = Map::new();
    for shard in [plain, codes] {
        let file = SafetensorsFile::open(&folder.path().join(shard)).unwrap();
        homes.extend(file.names().into_iter().map(|name| (name.to_owned(), json!(shard))));
    }
    let index = json!({ "weight_map": homes }).to_string();
    fs::write(folder.path().join("model.safetensors.index.json"), index).unwrap();
    folder
}
