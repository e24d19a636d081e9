//! Weights of adapters in files of their own, and what the graph takes instead.

use olive_kit_onnx::Model;
use olive_kit_onnx::proto::ValueInfoProto;
use olive_kit_onnx::proto::tensor_shape_proto::dimension::Value as Size;
use olive_kit_testing::file_names;
use olive_plugin_api::StepOutcome;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{alone, graph, request, run};

#[test]
fn the_graph_finds_the_weights_in_a_file_of_each_format() {
    let before = Model::open(&graph("lora")).unwrap();
    for format in ["onnx_adapter", "numpy", "safetensors"] {
        let output = extracted("lora", &json!({"make_inputs": false, "save_format": format})).0;
        let ending = if format == "numpy" { "npz" } else { format };
        let file = format!("adapter_weights.{ending}");
        assert_eq!(file_names(output.path()), [file.as_str(), "model.onnx"]);
        let after = Model::open(&output.path().join("model.onnx")).unwrap();
        assert!(after.check().is_empty(), "{format}: {:?}", after.check());
        for weight in &before.graph.initializer {
            let moved = after.weight(weight.name()).unwrap();
            let is_moved = olive_kit_onnx::is_external(moved);
            assert_eq!(is_moved, weight.name() != "w", "{format} {}", weight.name());
            assert!(after.bytes(moved).unwrap() == before.bytes(weight).unwrap(), "{format}");
        }
    }
}

#[test]
fn inputs_have_the_rank_that_the_adapter_has() {
    for (graph, config, expected) in rows() {
        let (output, _) = extracted(graph, &config);
        let model = Model::open(&output.path().join("model.onnx")).unwrap();
        let inputs = model.graph.input.iter().filter(|input| input.name() != "x");
        let found: Vec<_> = inputs.map(|input| told(input, &model)).collect();
        assert_eq!(found, expected, "{graph} {config}");
    }
}

#[test]
fn the_model_says_what_its_inputs_are() {
    let (_, attributes) = extracted("lora", &json!({"save_format": "numpy"}));
    assert_eq!(attributes["constant_inputs_file_name"], "adapter_weights.npz");
    let shapes = &attributes["constant_inputs"];
    assert_eq!(shapes["m.q_proj.lora_B.MatMul.weight"], json!([[2, 6], "float32"]));
}

/// Graphs, settings, and the inputs there are then.
fn rows() -> Vec<(&'static str, Value, Vec<String>)> {
    let (lora, loha, dora) =
        (json!({}), json!({"adapter_type": "loha"}), json!({"adapter_type": "dora"}));
    let fixed = json!({"dynamic_lora_r": false});
    let required = json!({"optional_inputs": false});
    let a = "m.q_proj.lora_A.MatMul.weight";
    let b = "m.q_proj.lora_B.MatMul.weight";
    vec![
        (
            "lora",
            lora.clone(),
            vec![format!("{a} [4, r] or [4, 0]"), format!("{b} [r, 6] or [0, 6]")],
        ),
        ("lora", fixed, vec![format!("{a} [4, 2] or [4, 2]"), format!("{b} [2, 6] or [2, 6]")]),
        ("lora", required.clone(), vec![format!("{a} [4, r]"), format!("{b} [r, 6]")]),
        (
            "lora-shared",
            required,
            texts(&[
                "m.q_proj.lora_A.weight [4, r]",
                "m.q_proj.lora_B.weight [r, 6]",
                "m.v_proj.lora_A.weight [4, r]",
                "m.v_proj.lora_B.weight [r, 6]",
            ]),
        ),
        (
            "lora-quantized",
            lora,
            texts(&[
                "m.k_proj.lora_A.quant.weight [4, 1, 16]",
                "m.k_proj.lora_A.quant.scale [4, 1]",
                "m.v_proj.lora_A.quant.weight [32, 4]",
                "m.v_proj.lora_A.quant.scale [1]",
                "m.v_proj.lora_A.quant.zero_point [1]",
            ]),
        ),
        (
            "loha",
            loha.clone(),
            texts(&[
                "m.q_proj.hada_w1_a.default [4, r] or [4, 0]",
                "m.q_proj.hada_w1_b.default [r, 6] or [0, 6]",
                "m.q_proj.hada_w2_a.default [4, r] or [4, 0]",
                "m.q_proj.hada_w2_b.default [r, 6] or [0, 6]",
            ]),
        ),
        (
            "dora",
            dora,
            texts(&[
                "m.lora_A.weight [r, 4] or [0, 4]",
                "m.lora_B.weight [r, 6] or [0, 6]",
                "m.lora_magnitude_vector [6]",
            ]),
        ),
        ("lora", loha, Vec::new()),
    ]
}

/// Name, shape and, if it has one, shape of the default of an input.
fn told(input: &ValueInfoProto, model: &Model) -> String {
    let dims = input.shape().unwrap().dim.iter().map(|dim| match dim.value.as_ref().unwrap() {
        Size::DimValue(size) => size.to_string(),
        Size::DimParam(name) => name.trim_start_matches("lora_").to_owned(),
    });
    let shape = format!("{} [{}]", input.name(), dims.collect::<Vec<_>>().join(", "));
    let Some(default) = model.weight(input.name()) else { return shape };
    assert!(model.bytes(default).unwrap().iter().all(|&byte| byte == 0), "{shape}");
    format!("{shape} or {:?}", default.dims)
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn extracted(graph: &str, config: &Value) -> (TempDir, Value) {
    let (input, output) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = alone(graph, input.path());
    let made = run(&request("ExtractAdapters", &path, config, output.path())).unwrap();
    let StepOutcome::Model(model) = made else { panic!("no model") };
    (output, json!(model.model_attributes))
}
