//! The pass as a whole: progress, cancel, threads, inputs that cannot be built.

use std::fs;
use std::path::Path;

use olive_kit_checkpoint::{Checkpoint, CheckpointWriter, Dtype, TensorSpec};
use olive_kit_testing::{file_names, fixture};
use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{Model, ModelKind, PluginError, StepEvent, StepOutcome};
use serde_json::{Value, json};

use crate::support::{built, copied, prepare, request, run};
use crate::targets::accelerator;

#[test]
fn every_weight_is_a_step_of_progress() {
    let (output, events) = (tempfile::tempdir().unwrap(), Recorder::default());
    let mut request = request(&fixture("tiny-phi3"), &json!({"precision": "int4"}), &output);
    request["input"]["model_attributes"] = json!({"note": "kept"});
    let outcome = run(&request, &events).unwrap();
    let mut expected = Model::new(ModelKind::Onnx, output.path());
    expected.onnx_file_name = Some("model.onnx".to_owned());
    expected.model_attributes.insert("note".to_owned(), json!("kept"));
    assert_eq!(outcome, StepOutcome::Model(expected));
    let events = events.events();
    // Embedding, tables, 5 norms, 5 matrices in each of 2 layers, logits.
    assert_eq!(events.len(), 18);
    assert!(matches!(events.last(), Some(StepEvent::Progress { unit, done: 18, total: 18, .. })
        if unit == "weight"));
}

#[test]
fn a_cancelled_build_leaves_nothing() {
    for limit in [1, 7] {
        let output = tempfile::tempdir().unwrap();
        let events = Recorder::stopping_after(limit);
        let request = request(&fixture("tiny-llama"), &json!({"precision": "int4"}), &output);
        assert_eq!(run(&request, &events).unwrap_err().code, PluginError::CANCELLED);
        assert_eq!(events.events().len(), limit);
        assert_eq!(file_names(output.path()), [""; 0]);
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    for precision in ["fp32", "int4"] {
        let folders = [1, 2, 3].map(|threads| {
            let output = tempfile::tempdir().unwrap();
            let config = json!({"precision": precision});
            let mut request = request(&fixture("tiny-llama"), &config, &output);
            request["threads"] = threads.into();
            run(&request, &Recorder::default()).unwrap();
            let files = file_names(output.path());
            files.into_iter().map(|file| fs::read(output.path().join(file)).unwrap()).collect()
        });
        let [first, second, third]: [Vec<Vec<u8>>; 3] = folders;
        assert!(first == second && first == third);
    }
}

#[test]
fn half_weights_are_quantized_as_their_values() {
    for dtype in [Dtype::BF16, Dtype::F16] {
        let (half, single) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        store(&fixture("tiny-phi3"), half.path(), dtype, |_, _| {});
        store(half.path(), single.path(), Dtype::F32, |_, _| {});
        for precision in ["fp32", "int4"] {
            let data = [half.path(), single.path()].map(|dir| {
                let output = built(dir.to_str().unwrap(), &json!({"precision": precision}));
                fs::read(output.path().join("model.onnx.data")).unwrap()
            });
            assert!(data[0] == data[1], "{dtype:?} {precision}");
        }
    }
}

#[test]
fn the_options_reach_the_folder() {
    let config = json!({
        "precision": "fp32",
        "search": {"max_length": 64, "top_k": 1},
        "extra_options": {"filename": "tiny.onnx", "num_hidden_layers": 1},
    });
    let output = built("tiny-phi3", &config);
    let text = fs::read_to_string(output.path().join("genai_config.json")).unwrap();
    let genai: Value = serde_json::from_str(&text).unwrap();
    let decoder = &genai["model"]["decoder"];
    assert_eq!(
        (&decoder["filename"], &decoder["num_hidden_layers"]),
        (&json!("tiny.onnx"), &json!(1))
    );
    assert_eq!(
        (&genai["search"]["max_length"], &genai["search"]["top_k"]),
        (&json!(64), &json!(1))
    );
    assert!(output.path().join("tiny.onnx").is_file());
    assert!(output.path().join("tiny.onnx.data").is_file());
}

#[test]
fn special_tokens_come_from_configs_then_the_tokenizer() {
    // <bos> 1, <eos> 2, <pad> 3 in the tokenizer.
    check_tokens(&json!({}), &[1.into(), 2.into(), 3.into()]);
    check_tokens(&json!({"eos_token_id": [2, 0]}), &[1.into(), json!([2, 0]), 3.into()]);
    check_tokens(&json!({"eos_token_id": 0}), &[1.into(), json!([2, 0]), 3.into()]);
    let none = json!({"bos_token_id": null, "eos_token_id": null, "pad_token_id": null});
    check_tokens(&none, &[1.into(), 2.into(), 3.into()]);
}

#[test]
fn sampling_comes_from_the_generation_config() {
    let dir = copied("tiny-phi3");
    let generation = json!({"do_sample": true, "temperature": 0.5, "top_p": null});
    fs::write(dir.path().join("generation_config.json"), generation.to_string()).unwrap();
    let search = &genai_config(dir.path())["search"];
    assert_eq!((&search["do_sample"], &search["temperature"]), (&json!(true), &json!(0.5)));
    assert_eq!((&search["top_p"], &search["top_k"]), (&json!(1.0), &json!(50)));
}

#[test]
fn a_chat_template_gets_a_file_of_its_own() {
    let dir = copied("tiny-phi3");
    let path = dir.path().join("tokenizer_config.json");
    fs::remove_file(dir.path().join("chat_template.jinja")).unwrap();
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config["chat_template"] = "{{ messages }}".into();
    config["model_max_length"] = json!(1e30);
    fs::write(&path, config.to_string()).unwrap();
    let output = built(dir.path().to_str().unwrap(), &json!({"precision": "int4"}));
    let template = fs::read_to_string(output.path().join("chat_template.jinja")).unwrap();
    assert_eq!(template, "{{ messages }}");
    let text = fs::read(output.path().join("tokenizer_config.json")).unwrap();
    let config: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!((config.get("chat_template"), &config["model_max_length"]), (None, &json!(128)));
}

#[test]
fn a_tied_embedding_is_refused_where_the_runtime_would_gather_it_wrongly() {
    // Rows of 64: 1 block of 64 or more has an odd number of zero points.
    for (model, algorithm, block_size, is_symmetric, is_refused) in [
        ("tiny-llama", "default", 64, false, true),
        ("tiny-llama", "rtn", 128, false, true),
        ("tiny-llama", "default", 32, false, false),
        ("tiny-llama", "default", 64, true, false),
        ("tiny-llama", "rtn_last", 64, false, false),
        ("tiny-phi3", "default", 64, false, false),
    ] {
        let output = tempfile::tempdir().unwrap();
        let extra = json!({
            "block_size": block_size,
            "is_symmetric": is_symmetric,
            "algo_config": algorithm,
        });
        let config = json!({"precision": "int4", "extra_options": extra});
        let mut request = request(&fixture(model), &config, &output);
        request["accelerator"] = accelerator("dml");
        let (problems, result) = (prepare(&request).unwrap(), run(&request, &Recorder::default()));
        if !is_refused {
            assert!(problems.is_empty() && result.is_ok(), "{extra} {problems:?} {result:?}");
            continue;
        }
        assert_eq!(problems.len(), 1, "{extra}");
        assert_eq!(problems[0].pointer, "/extra_options/is_symmetric");
        assert!(problems[0].message.contains("are an odd number"), "{}", problems[0].message);
        let error = result.unwrap_err();
        assert_eq!((&error.message, &error.help), (&problems[0].message, &problems[0].help));
        assert_eq!(file_names(output.path()), [""; 0]);
    }
}

#[test]
fn models_that_cannot_be_built_are_named() {
    check_refused(Path::new("/no/model"), "model folder `/no/model` does not exist");

    let dir = copied("tiny-phi3");
    fs::remove_file(dir.path().join("tokenizer.json")).unwrap();
    check_refused(dir.path(), "holds no `tokenizer.json`");
    fs::write(dir.path().join("tokenizer.json"), "{").unwrap();
    check_refused(dir.path(), "tokenizer.json` is not the JSON it should be");

    let dir = copied("tiny-phi3");
    fs::write(dir.path().join("tokenizer_config.json"), "{}").unwrap();
    fs::remove_file(dir.path().join("generation_config.json")).unwrap();
    edit_config(dir.path(), &json!({"eos_token_id": null}));
    check_refused(dir.path(), "names no end-of-sequence token");

    let dir = copied("tiny-phi3");
    edit_config(dir.path(), &json!({"rope_parameters": null, "partial_rotary_factor": 0.5}));
    check_refused(dir.path(), "rotates 8 entries of a head");

    let dir = copied("tiny-phi3");
    edit_config(dir.path(), &json!({"intermediate_size": 96}));
    check_refused(dir.path(), "`model.layers.0.mlp.gate_up_proj.weight` has shape [256, 64]");
}

#[test]
fn a_weight_that_is_not_finite_is_named_and_leaves_nothing() {
    let (dir, output) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    store(&fixture("tiny-phi3"), dir.path(), Dtype::F32, |name, values| {
        if name == "model.layers.1.mlp.down_proj.weight" {
            values[300] = f32::NAN;
        }
    });
    let request = request(dir.path(), &json!({"precision": "int4"}), &output);
    let error = run(&request, &Recorder::default()).unwrap_err();
    let weight = "model.layers.1.mlp.down_proj.MatMul.weight_Q4";
    let sentence = format!("cannot quantize `{weight}`: row 2 holds a weight that is not finite");
    assert_eq!(error.to_string(), sentence);
    assert_eq!(file_names(output.path()), [""; 0]);
}

/// Both looks, the early one and the work itself, end with an error that contains `expected`.
fn check_refused(model: &Path, expected: &str) {
    let output = tempfile::tempdir().unwrap();
    let request = request(model, &json!({"precision": "int4"}), &output);
    for error in [prepare(&request).unwrap_err(), run(&request, &Recorder::default()).unwrap_err()]
    {
        assert!(error.message.contains(expected), "{error}");
    }
    assert_eq!(file_names(output.path()), [""; 0]);
}

fn check_tokens(changes: &Value, expected: &[Value; 3]) {
    let dir = copied("tiny-phi3");
    fs::remove_file(dir.path().join("generation_config.json")).unwrap();
    edit_config(dir.path(), changes);
    let model = &genai_config(dir.path())["model"];
    let keys = ["bos_token_id", "eos_token_id", "pad_token_id"];
    assert_eq!(&keys.map(|key| model[key].clone()), expected);
}

fn genai_config(model: &Path) -> Value {
    let output = built(model.to_str().unwrap(), &json!({"precision": "int4"}));
    serde_json::from_slice(&fs::read(output.path().join("genai_config.json")).unwrap()).unwrap()
}

fn edit_config(dir: &Path, changes: &Value) {
    let path = dir.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (key, value) in changes.as_object().unwrap() {
        config[key] = value.clone();
    }
    fs::write(&path, config.to_string()).unwrap();
}

/// A copy of a model with its weights, after `edit`, as `dtype`.
pub(crate) fn store(source: &Path, target: &Path, dtype: Dtype, edit: impl Fn(&str, &mut [f32])) {
    let checkpoint = Checkpoint::open(source).unwrap();
    let names = checkpoint.tensor_names();
    let tensors: Vec<_> = names.iter().map(|name| checkpoint.tensor(name).unwrap()).collect();
    let specs = tensors.iter().map(|t| TensorSpec::new(t.name, dtype, t.shape)).collect();
    let mut writer = CheckpointWriter::create(target, specs, usize::MAX).unwrap();
    for tensor in tensors {
        let mut values = tensor.to_f32().into_owned();
        edit(tensor.name, &mut values);
        writer.append_f32(tensor.name, &values).unwrap();
    }
    writer.finish().unwrap();
    for file in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
        fs::copy(source.join(file), target.join(file)).unwrap();
    }
}
