//! What each pass trains and writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use olive_kit_adapters::{AdapterConfig, Adapters, Method};
use olive_kit_checkpoint::Checkpoint;
use olive_kit_testing::fixture;
use olive_plugin_api::Model;
use olive_plugin_api::testing::Recorder;
use serde_json::{Value, json};

use crate::common::{PASSES, prepare, request, request_of, run, set};

#[test]
fn an_adapter_learns_and_is_written_as_peft_does() {
    for (name, targets) in [
        ("tiny-phi3", vec!["o_proj", "qkv_proj"]),
        ("tiny-phi3-longrope", vec!["o_proj", "qkv_proj"]),
        ("tiny-llama", vec!["q_proj", "v_proj"]),
        ("tiny-qwen2", vec!["q_proj", "v_proj"]),
        ("tiny-gemma2", vec!["q_proj", "v_proj"]),
    ] {
        let (output, events) = (tempfile::tempdir().unwrap(), Recorder::default());
        let mut request = request(name, &output);
        request["config"]["eval_dataset_size"] = json!(0.25);
        request["config"]["training_args"]["eval_steps"] = json!(4);
        let model = run(&request, &events).unwrap();
        let folder = output.path().join("adapter");
        assert_eq!(model.adapter_path.as_ref(), Some(&folder));
        assert_eq!(model.model_path, fixture(name));
        assert_eq!(written_targets(&folder), json!(targets));
        assert_eq!(adapters(&model).layers.len(), 2 * targets.len());
        let steps = events.figures();
        assert_eq!(steps.len(), 8);
        assert!(steps[7]["loss"] < steps[0]["loss"], "{name}");
        assert_eq!(steps.iter().filter(|figures| figures.contains_key("eval_loss")).count(), 2);
        for figures in steps {
            assert!(figures["tokens_per_second"] > 0.0 && figures["peak_share"] > 0.0);
            assert!(figures["epoch"] > 0.0 && figures["grad_norm"] > 0.0);
        }
    }
}

#[test]
fn every_method_learns_on_every_kind_of_base() {
    for pass in PASSES {
        for dtype in ["float32", "bfloat16"] {
            let (output, events) = (tempfile::tempdir().unwrap(), Recorder::default());
            let mut request = request_of(pass, "tiny-llama", &output);
            request["config"]["torch_dtype"] = json!(dtype);
            request["config"]["training_args"]["gradient_checkpointing"] = json!(true);
            let model = run(&request, &events).unwrap();
            let losses = losses(&events);
            assert!(losses[7] < losses[0], "{pass} {dtype}: {losses:?}");
            let adapters = adapters(&model);
            let expected = if ["LoRA", "DoRA"].contains(&pass) { 4 } else { 14 };
            assert_eq!(adapters.layers.len(), expected, "{pass}");
            let kinds = adapters.layers.values().all(|layer| match (&layer.method, pass) {
                (Method::Lora { magnitude, .. }, _) => magnitude.is_some() == (pass == "DoRA"),
                (Method::Loha { .. }, _) => pass == "LoHa",
                (Method::Lokr { .. }, _) => pass == "LoKr",
            });
            assert!(kinds, "{pass}");
        }
    }
}

#[test]
fn the_config_has_the_keys_peft_writes() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request("tiny-phi3", &output);
    request["config"]["r"] = json!(4);
    request["config"]["alpha"] = json!(8);
    request["config"]["lora_dropout"] = json!(0.0);
    let model = run(&request, &Recorder::default()).unwrap();
    let ours = AdapterConfig::read(&output.path().join("adapter")).unwrap();
    let mut peft = AdapterConfig::read(&fixture("tiny-phi3").join("adapter")).unwrap();
    peft.base_model = None;
    assert_eq!(ours, peft);
    let checkpoint = Checkpoint::open(fixture("tiny-phi3")).unwrap();
    let peft = Adapters::open(&fixture("tiny-phi3").join("adapter"), checkpoint.decoder()).unwrap();
    assert_eq!(names(&adapters(&model)), names(&peft));
}

#[test]
fn same_request_same_bytes() {
    for pass in ["LoRA", "QLoRA", "LoftQ", "LoHa"] {
        let bytes = |seed: u64| {
            let output = tempfile::tempdir().unwrap();
            let mut request = request_of(pass, "tiny-phi3", &output);
            request["config"]["training_args"]["seed"] = json!(seed);
            run(&request, &Recorder::default()).unwrap();
            fs::read(output.path().join("adapter/adapter_model.safetensors")).unwrap()
        };
        let first = bytes(0);
        assert!(first == bytes(0), "{pass}");
        assert!(first != bytes(1), "{pass}");
    }
}

#[test]
fn parts_of_a_model_are_chosen() {
    for (values, layers) in [
        (json!({"target_modules": "all-linear"}), 14),
        (json!({"target_modules": "all-linear", "exclude_modules": ["down_proj"]}), 12),
        (json!({"target_modules": ".*\\.1\\..*\\.(q|k)_proj"}), 2),
        (json!({"target_modules": ["q_proj", "down_proj"], "layers_to_transform": 1}), 2),
        (json!({"target_modules": ["o_proj", "lm_head"]}), 3),
        (json!({"layers_to_transform": [0], "layers_pattern": "layers"}), 2),
    ] {
        let output = tempfile::tempdir().unwrap();
        let mut request = request("tiny-llama", &output);
        request["config"]["training_args"]["max_steps"] = json!(1);
        let config = request["config"].as_object_mut().unwrap();
        config.extend(values.as_object().unwrap().clone());
        let model = run(&request, &Recorder::default()).unwrap();
        assert_eq!(adapters(&model).layers.len(), layers, "{values}");
    }
}

#[test]
fn ranks_scales_biases_and_whole_modules_are_honoured() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request("tiny-qwen2", &output);
    for (pointer, value) in [
        ("/training_args/max_steps", json!(2)),
        ("/target_modules", json!(["q_proj", "o_proj"])),
        ("/rank_pattern", json!({"o_proj": 2})),
        ("/alpha_pattern", json!({"o_proj": 6.0})),
        ("/use_rslora", json!(true)),
        ("/bias", json!("lora_only")),
        ("/modules_to_save", json!(["model.norm"])),
        ("/init_lora_weights", json!("gaussian")),
    ] {
        set(&mut request["config"], pointer, &value);
    }
    let adapters = adapters(&run(&request, &Recorder::default()).unwrap());
    let rank = |path: &str| match adapters.layers[path].method {
        Method::Lora { a, .. } => adapters.parameter(a).shape[0],
        Method::Loha { .. } | Method::Lokr { .. } => 0,
    };
    let (q, o) = ("model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.o_proj");
    assert_eq!((rank(q), rank(o)), (8, 2));
    assert!((adapters.layers[q].scale - 16.0 / 8.0_f64.sqrt()).abs() < 1e-9);
    assert!((adapters.layers[o].scale - 6.0 / 2.0_f64.sqrt()).abs() < 1e-9);
    assert_eq!(adapters.biases.len(), 2);
    assert_eq!(adapters.saved.keys().collect::<Vec<_>>(), ["model.norm"]);
}

#[test]
fn qlora_says_what_is_quantized() {
    for (saves, kind, double) in [(true, "nf4", false), (true, "fp4", true), (false, "nf4", true)] {
        let output = tempfile::tempdir().unwrap();
        let mut request = request_of("QLoRA", "tiny-llama3", &output);
        set(&mut request["config"], "/save_quant_config", &json!(saves));
        set(&mut request["config"], "/quant_type", &json!(kind));
        set(&mut request["config"], "/double_quant", &json!(double));
        let model = run(&request, &Recorder::default()).unwrap();
        assert_eq!(model.model_path, fixture("tiny-llama3"));
        let attributes = &model.model_attributes;
        assert_eq!(!attributes.is_empty(), saves);
        if saves {
            let config = &attributes["quantization_config"];
            assert_eq!(config["bnb_4bit_quant_type"], json!(kind));
            assert_eq!(config["bnb_4bit_use_double_quant"], json!(double));
            assert_eq!(config["bnb_4bit_compute_dtype"], json!("float32"));
            assert_eq!(config["load_in_4bit"], json!(true));
            let modules = attributes["quantized_modules"].as_array().unwrap();
            assert_eq!(modules.len(), 14);
            assert!(!modules.contains(&json!("lm_head")));
        }
    }
}

#[test]
fn loftq_writes_its_base_and_starts_nearer_to_the_model() {
    let first = |pass: &str| {
        let (output, events) = (tempfile::tempdir().unwrap(), Recorder::default());
        let mut request = request_of(pass, "tiny-llama3", &output);
        set(&mut request["config"], "/lora_dropout", &json!(0.0));
        set(&mut request["config"], "/r", &json!(16));
        set(&mut request["config"], "/training_args/max_steps", &json!(1));
        let model = run(&request, &events).unwrap();
        (losses(&events).into_iter().next_back().unwrap(), model, output)
    };
    let (exact, ..) = first("LoRA");
    let (rounded, ..) = first("QLoRA");
    let (started, model, output) = first("LoftQ");
    assert!((started - exact).abs() < (rounded - exact).abs(), "{exact} {rounded} {started}");
    assert_eq!(model.model_path, output.path().join("model"));
    let (before, after) = (
        Checkpoint::open(fixture("tiny-llama3")).unwrap(),
        Checkpoint::open(&model.model_path).unwrap(),
    );
    assert_eq!(before.decoder(), after.decoder());
    for name in before.tensor_names() {
        let is_same = before.tensor(name).unwrap().bytes == after.tensor(name).unwrap().bytes;
        assert_eq!(is_same, !name.contains("_proj"), "{name}");
    }
    let start = output.path().join("loftq_init_adapter");
    assert_eq!(names(&Adapters::open(&start, after.decoder()).unwrap()), names(&adapters(&model)));
    assert!(model.model_path.join("tokenizer.json").is_file());
}

#[test]
fn optimizers_and_schedules_of_every_kind_train() {
    for optim in
        ["adamw_8bit", "adafactor", "lion_32bit", "paged_lion_8bit", "sgd", "adagrad", "rmsprop"]
    {
        let mut values = json!({"optim": optim});
        if optim == "sgd" {
            values["optim_args"] = json!("momentum=0.9, nesterov=true");
            values["learning_rate"] = json!(0.1);
        }
        check_trains(&values);
    }
    for (schedule, kwargs) in [
        ("linear", json!(null)),
        ("cosine_with_restarts", json!({"num_cycles": 2})),
        ("cosine_with_min_lr", json!({"min_lr_rate": 0.1})),
        ("cosine_warmup_with_min_lr", json!({"min_lr": 1e-3})),
        ("polynomial", json!({"power": 2.0})),
        ("inverse_sqrt", json!({"timescale": 4})),
        ("warmup_stable_decay", json!({"num_decay_steps": 2, "decay_type": "1-sqrt"})),
    ] {
        let values = json!({
            "lr_scheduler_type": schedule, "lr_scheduler_kwargs": kwargs, "warmup_steps": 0.25
        });
        let rates = check_trains(&values);
        assert!(rates[7] < rates[3], "{schedule}: {rates:?}");
    }
    let noisy = json!({"label_smoothing_factor": 0.1, "neftune_noise_alpha": 5});
    check_trains(&noisy);
}

#[test]
fn a_checkpoint_in_4_bits_is_trained_on_as_it_is() {
    for pass in ["LoRA", "DoRA", "LoKr"] {
        let (output, events) = (tempfile::tempdir().unwrap(), Recorder::default());
        let model = run(&request_of(pass, "tiny-llama3-nf4", &output), &events).unwrap();
        let losses = losses(&events);
        assert!(losses[7] < losses[0], "{pass}: {losses:?}");
        let checkpoint = Checkpoint::open_quantized(&model.model_path).unwrap();
        let adapter = model.adapter_path.as_ref().unwrap();
        assert!(!Adapters::open(adapter, checkpoint.decoder()).unwrap().is_empty());
    }
    let output = tempfile::tempdir().unwrap();
    let error = prepare(&request_of("QLoRA", "tiny-llama3-nf4", &output)).unwrap_err();
    assert!(error.message.contains("`quantization_config` is set"), "{}", error.message);
    assert!(error.help.unwrap().contains("start from the model in floats"));
}

/// Trains eight steps; the loss falls. Gives the rates.
#[track_caller]
fn check_trains(values: &Value) -> Vec<f64> {
    let (output, events) = (tempfile::tempdir().unwrap(), Recorder::default());
    let mut request = request("tiny-llama", &output);
    let args = request["config"]["training_args"].as_object_mut().unwrap();
    args.extend(values.as_object().unwrap().clone());
    run(&request, &events).unwrap();
    let losses = losses(&events);
    assert!(losses[7] < losses[0], "{values}: {losses:?}");
    events.figures().iter().map(|figures| figures["learning_rate"]).collect()
}

fn losses(events: &Recorder) -> Vec<f64> {
    events.figures().iter().filter_map(|figures| figures.get("loss").copied()).collect()
}

fn adapters(model: &Model) -> Adapters {
    let checkpoint = Checkpoint::open(&model.model_path).unwrap();
    Adapters::open(model.adapter_path.as_ref().unwrap(), checkpoint.decoder()).unwrap()
}

fn names(adapters: &Adapters) -> BTreeMap<&str, &[usize]> {
    let shapes = adapters.parameters.iter().map(|p| (p.name.as_str(), p.shape.as_slice()));
    shapes.collect()
}

fn written_targets(dir: &Path) -> Value {
    let text = fs::read(dir.join("adapter_config.json")).unwrap();
    serde_json::from_slice::<Value>(&text).unwrap()["target_modules"].clone()
}
