//! Graphs for every execution provider, against those of ONNX Runtime GenAI 0.18.

use std::iter::zip;

use olive_kit_testing::fixture;
use olive_plugin_api::Severity;
use olive_plugin_api::testing::Recorder;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::families::models;
use crate::reference::{check_graphs, check_json};
use crate::runtime::{has_library, logits, reference};
use crate::support::{prepare, request, run};

/// Largest difference of logits in 16-bit float, as a part of the largest: 11 bits a number, over
/// some ten operations a layer.
const HALF: f32 = 0.004;

/// Models, precisions and providers; each is the name of a folder of the original.
const BUILT: [(&str, &[(&str, &str)]); 10] = [
    (
        "tiny-llama",
        &[
            ("fp16", "cuda"),
            ("fp16", "dml"),
            ("fp16", "webgpu"),
            ("fp16", "NvTensorRtRtx"),
            ("bf16", "cuda"),
            ("bf16", "NvTensorRtRtx"),
            ("fp32", "webgpu"),
            ("int4", "cuda"),
            ("int4", "dml"),
            ("int4", "webgpu"),
            ("int8", "cpu"),
            ("int8", "cuda"),
            ("int8", "dml"),
            ("int8", "webgpu"),
        ],
    ),
    (
        "tiny-phi3-longrope",
        &[
            ("fp16", "cuda"),
            ("fp16", "dml"),
            ("fp16", "webgpu"),
            ("fp16", "NvTensorRtRtx"),
            ("bf16", "cuda"),
            ("bf16", "NvTensorRtRtx"),
            ("int4", "cuda"),
            ("int4", "dml"),
            ("int4", "webgpu"),
            ("int4", "NvTensorRtRtx"),
            ("int8", "cpu"),
        ],
    ),
    ("tiny-qwen2", &[("fp16", "cuda"), ("fp16", "dml"), ("int8", "cpu")]),
    ("tiny-phi3", &[("fp16", "cuda"), ("fp16", "dml"), ("int8", "cpu")]),
    ("tiny-llama3", &[("fp16", "cuda")]),
    ("tiny-llama-bias", &[("fp16", "dml")]),
    ("tiny-phi4-mini", &[("fp16", "dml"), ("bf16", "NvTensorRtRtx")]),
    (
        "tiny-qwen3",
        &[("fp16", "cuda"), ("fp16", "dml"), ("int4", "webgpu"), ("fp16", "NvTensorRtRtx")],
    ),
    ("tiny-gemma", &[("fp16", "cuda")]),
    (
        "tiny-gemma2",
        &[
            ("fp16", "cuda"),
            ("fp16", "dml"),
            ("fp16", "webgpu"),
            ("fp16", "NvTensorRtRtx"),
            ("bf16", "cuda"),
            ("int4", "cuda"),
        ],
    ),
];

#[test]
fn every_provider_gets_its_graph() {
    for (model, pairs) in BUILT {
        for (precision, provider) in pairs {
            check(model, &json!({ "precision": precision }), provider, "");
        }
    }
}

/// The kernels of processors run graphs for other providers as well.
#[test]
fn half_precision_graphs_answer_as_transformers() {
    if !has_library() {
        return;
    }
    for model in models() {
        for provider in ["cuda", "dml", "webgpu", "NvTensorRtRtx"] {
            if needs_its_own_kernels(model, provider) {
                continue;
            }
            let output = built_for(model, &json!({"precision": "fp16"}), provider);
            let (tokens, expected) = reference(model, "long.");
            let found = logits(output.path(), &tokens);
            assert_eq!(found.len(), expected.len(), "{model} {provider}");
            let largest = expected.iter().fold(0.0_f32, |largest, it| largest.max(it.abs()));
            let error = zip(&found, &expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(error < HALF * largest, "{model} {provider}: {error} of {largest}");
        }
    }
}

#[test]
fn settings_of_a_provider_shape_its_graph() {
    let rows = [
        ("tiny-llama", "fp16", "webgpu", "enable_webgpu_graph", true),
        ("tiny-phi3-longrope", "fp16", "webgpu", "enable_webgpu_graph", true),
        ("tiny-llama", "fp16", "dml", "enable_dml_graph", false),
        ("tiny-llama", "int4", "cuda", "enable_cuda_graph", true),
        ("tiny-llama", "int4", "cuda", "use_cuda_bf16", true),
        ("tiny-llama", "int4", "webgpu", "use_webgpu_fp32", true),
        ("tiny-qwen3", "int4", "cuda", "fuse_qk_norm_gqa", false),
        ("tiny-gemma2", "int4", "cpu", "windowed_kv_cache", false),
    ];
    for (model, precision, provider, name, value) in rows {
        let config = json!({"precision": precision, "extra_options": { name: value }});
        check(model, &config, provider, &format!("-{name}_{value}"));
    }
}

#[test]
fn hidden_states_are_given_out_in_the_type_of_activations() {
    let extra = json!({"include_hidden_states": true, "prune_lm_head": true});
    let config = json!({"precision": "bf16", "extra_options": extra});
    check("tiny-llama", &config, "cuda", "-include_hidden_states_true_prune_lm_head_true");
}

#[test]
fn what_a_provider_cannot_run_is_named() {
    for (precision, provider) in [
        ("fp32", "cuda"),
        ("fp32", "dml"),
        ("fp32", "NvTensorRtRtx"),
        ("fp16", "cpu"),
        ("bf16", "webgpu"),
        ("int8", "NvTensorRtRtx"),
    ] {
        let output = tempfile::tempdir().unwrap();
        let mut request =
            request(&fixture("tiny-llama"), &json!({ "precision": precision }), &output);
        request["accelerator"] = accelerator(provider);
        let problems = prepare(&request).unwrap();
        assert_eq!(problems.len(), 1, "{precision} {provider}");
        assert_eq!(problems[0].pointer, "/precision");
        let error = run(&request, &Recorder::default()).unwrap_err();
        assert_eq!((&error.message, &error.help), (&problems[0].message, &problems[0].help));
    }
}

#[test]
fn scales_in_bf16_are_made_by_the_default_algorithm_only() {
    for algorithm in ["rtn", "k_quant_mixed"] {
        let output = tempfile::tempdir().unwrap();
        let extra = json!({"use_cuda_bf16": true, "algo_config": algorithm});
        let config = json!({"precision": "int4", "extra_options": extra});
        let mut request = request(&fixture("tiny-llama"), &config, &output);
        request["accelerator"] = accelerator("cuda");
        let problems = prepare(&request).unwrap();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].pointer, "/extra_options/algo_config");
        assert!(problems[0].message.contains(&format!("which `{algorithm}` does not make")));
        assert_eq!(run(&request, &Recorder::default()).unwrap_err().message, problems[0].message);
    }
}

#[test]
fn settings_of_other_providers_are_told() {
    let rows = [
        ("enable_cuda_graph", "cuda", "cpu"),
        ("enable_dml_graph", "dml", "cuda"),
        ("enable_webgpu_graph", "webgpu", "QNN"),
        ("use_cuda_bf16", "cuda", "dml"),
        ("use_webgpu_fp32", "webgpu", "cuda"),
    ];
    for (name, its_provider, other) in rows {
        let found = |provider: &str| {
            let output = tempfile::tempdir().unwrap();
            let config = json!({"precision": "int4", "extra_options": { name: true }});
            let mut request = request(&fixture("tiny-llama"), &config, &output);
            request["accelerator"] = accelerator(provider);
            prepare(&request).unwrap()
        };
        assert_eq!(found(its_provider), []);
        let told = found(other);
        assert_eq!(told.len(), 1, "{name} {other}");
        assert_eq!((told[0].severity, told[0].code.as_str()), (Severity::Note, "no-effect"));
        assert_eq!(told[0].pointer, format!("/extra_options/{name}"));
    }
}

#[test]
fn other_providers_get_the_graph_of_the_processor() {
    let config = json!({"precision": "int4"});
    for provider in ["QNN", "OpenVINO", "VitisAI", "ROCM"] {
        check_as("tiny-llama", &config, provider, "tiny-llama-int4");
    }
}

/// Builds `model` with `config` for `provider` and compares with the folder of the original, whose
/// name ends with `tag`.
fn check(model: &str, config: &Value, provider: &str, tag: &str) {
    let precision = config["precision"].as_str().unwrap();
    check_as(model, config, provider, &format!("{model}-{precision}-{provider}{tag}"));
}

/// The same with the folder of the original called `expected`.
fn check_as(model: &str, config: &Value, provider: &str, expected: &str) {
    let output = built_for(model, config, provider);
    let expected = fixture("builder").join(expected);
    check_graphs(output.path(), &expected);
    let config = "genai_config.json";
    check_json(&output.path().join(config), &expected.join(config), &[]);
}

/// Whether only the provider itself norms queries and keys in attention, cuts the past to the window,
/// or chooses between two tables that stand one after the other.
fn needs_its_own_kernels(model: &str, provider: &str) -> bool {
    match provider {
        "cuda" | "webgpu" => model == "tiny-qwen3",
        "NvTensorRtRtx" => {
            let windowed = ["tiny-mistral", "tiny-gemma2", "tiny-qwen3"];
            windowed.contains(&model) || ["tiny-phi3-longrope", "tiny-phi4-mini"].contains(&model)
        }
        _ => false,
    }
}

/// The folder of `model` with `config` for `provider`.
fn built_for(model: &str, config: &Value, provider: &str) -> TempDir {
    let output = tempfile::tempdir().unwrap();
    let mut request = request(&fixture(model), config, &output);
    request["accelerator"] = accelerator(provider);
    assert_eq!(prepare(&request).unwrap(), []);
    run(&request, &Recorder::default()).unwrap();
    output
}

/// The accelerator that the original calls `provider`.
pub(crate) fn accelerator(provider: &str) -> Value {
    let (device, name) = match provider {
        "cpu" => ("cpu", "CPU"),
        "cuda" => ("gpu", "CUDA"),
        "dml" => ("gpu", "Dml"),
        "webgpu" => ("gpu", "WebGpu"),
        "NvTensorRtRtx" => ("gpu", "NvTensorRTRTX"),
        name => ("npu", name),
    };
    json!({"device": device, "execution_provider": format!("{name}ExecutionProvider")})
}
