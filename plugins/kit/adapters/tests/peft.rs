//! Adapters that PEFT made, and ours in PEFT's hands. `fixtures/make.py` made the fixtures.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use olive_kit_adapters::{
    AdapterConfig, AdapterError, AdapterFolder, Adapters, BLOCK_ROWS, LoraConfig, LoraStart,
    Method, MethodConfig, checkpoint_rows,
};
use olive_kit_checkpoint::{Checkpoint, Decoder, SafetensorsFile};
use olive_kit_testing::{adapter_fixture, adapter_folders, fixture};
use serde_json::{Value, json};

/// Largest difference of weights that are at most about 1: another order of summation.
const CLOSE: f32 = 2e-6;

#[test]
fn rows_are_adapted_as_peft_merges_them() {
    for (model, dir) in adapter_folders() {
        let checkpoint = Checkpoint::open(fixture(&model)).unwrap();
        let folder = AdapterFolder::open(&dir, checkpoint.decoder()).unwrap();
        let reference = SafetensorsFile::open(&dir.join("reference.safetensors")).unwrap();
        let mut names = BTreeSet::new();
        for linear in folder.linears() {
            let (adapters, layer) = folder.layer(linear).unwrap();
            let stored = checkpoint.tensor(&base_weight(&checkpoint, &linear.name)).unwrap();
            let mut weight = stored.to_f32().into_owned();
            let blocks = weight.chunks_mut(BLOCK_ROWS * linear.in_features);
            for (block, values) in blocks.enumerate() {
                let start = block * BLOCK_ROWS;
                let rows = start..start + values.len() / linear.in_features;
                adapters.adapt_rows(&layer, rows, values);
            }
            let name = format!("{}.weight", linear.name);
            check_close(&reference, &name, &weight, linear.in_features, CLOSE);
            names.insert(name);
        }
        for path in folder.saved() {
            let weight = folder.saved_weight(path).unwrap().unwrap();
            let name = format!("{path}.weight");
            check_close(&reference, &name, &weight.to_f32(), weight.row_len(), 0.0);
            names.insert(name);
        }
        for path in folder.biases() {
            let bias = folder.bias(path).unwrap().unwrap();
            let name = format!("{path}.bias");
            check_close(&reference, &name, &bias.to_f32(), 1, 0.0);
            names.insert(name);
        }
        let merged = reference.names().into_iter().filter_map(|name| name.strip_prefix("merged."));
        assert!(merged.eq(names.iter().map(String::as_str)), "{}", dir.display());
    }
}

#[test]
fn what_is_written_is_what_was_read() {
    for (model, dir) in adapter_folders() {
        let decoder = decoder(&model);
        let config = AdapterConfig::read(&dir).unwrap();
        let written = tempfile::tempdir().unwrap();
        Adapters::open(&dir, &decoder).unwrap().write(written.path(), &config).unwrap();
        let bytes = |dir: &Path, file: &str| fs::read(dir.join(file)).unwrap();
        let config = "adapter_config.json";
        assert!(bytes(written.path(), config) == bytes(&dir, config), "{}", dir.display());
        let (ours, theirs) = (weights(written.path()), weights(&dir));
        let is_copy = |name: &&str| name.contains("original_module") || name.contains("_to_save");
        let names: BTreeSet<_> = theirs.names().into_iter().filter(|n| !is_copy(n)).collect();
        assert_eq!(ours.names().into_iter().collect::<BTreeSet<_>>(), names);
        for name in names {
            let (ours, theirs) = (ours.tensor(name).unwrap(), theirs.tensor(name).unwrap());
            assert_eq!((ours.shape, ours.bytes), (theirs.shape, theirs.bytes), "{name}");
        }
        assert_eq!(fs::read_dir(written.path()).unwrap().count(), 2);
    }
}

#[test]
fn files_are_byte_for_byte_those_of_peft() {
    let dir = fixture("tiny-phi3/adapter");
    let written = tempfile::tempdir().unwrap();
    let config = AdapterConfig::read(&dir).unwrap();
    Adapters::open(&dir, &decoder("tiny-phi3")).unwrap().write(written.path(), &config).unwrap();
    for file in ["adapter_config.json", "adapter_model.safetensors"] {
        let bytes = |dir: &Path| fs::read(dir.join(file)).unwrap();
        assert!(bytes(written.path()) == bytes(&dir), "{file} differs from PEFT's");
    }
}

#[test]
fn all_layers_are_named_in_what_is_written() {
    let mut config = AdapterConfig::lora(2, 4.0, 0.0, &[]);
    config.targets.modules = Some(olive_kit_adapters::TargetModules::AllLinear);
    config.targets.layers = vec![1];
    let (adapters, _) = start("tiny-phi3", &config);
    let dir = tempfile::tempdir().unwrap();
    adapters.write(dir.path(), &config).unwrap();
    let written: Value =
        serde_json::from_slice(&fs::read(dir.path().join("adapter_config.json")).unwrap()).unwrap();
    let names = json!(["down_proj", "gate_up_proj", "o_proj", "qkv_proj"]);
    assert_eq!(written["target_modules"], names);
    assert_eq!(written["layers_to_transform"], json!([1]));
    assert_eq!(written["base_model_name_or_path"], Value::Null);
}

#[test]
fn gradients_have_the_names_of_parameters() {
    for (model, dir) in adapter_folders() {
        let adapters = Adapters::open(&dir, &decoder(&model)).unwrap();
        let reference = SafetensorsFile::open(&dir.join("reference.safetensors")).unwrap();
        for parameter in &adapters.parameters {
            let gradient = reference.tensor(&format!("grad.{}", parameter.name)).unwrap();
            assert_eq!(gradient.shape, parameter.shape, "{}", parameter.name);
        }
        let is_gradient = |name: &&str| name.starts_with("grad.");
        let gradients = reference.names().into_iter().filter(is_gradient).count();
        assert_eq!(gradients, adapters.parameters.len(), "{}", dir.display());
    }
}

#[test]
fn new_adapters_have_the_tensors_of_pefts_and_change_nothing() {
    for (model, dir) in adapter_folders() {
        let config = AdapterConfig::read(&dir).unwrap();
        let (adapters, checkpoint) = start(&model, &config);
        let stored = Adapters::open(&dir, checkpoint.decoder()).unwrap();
        let names = |adapters: &Adapters| {
            let parameters = adapters.parameters.iter();
            parameters.map(|p| (p.name.clone(), p.shape.clone())).collect::<BTreeSet<_>>()
        };
        assert_eq!(names(&adapters), names(&stored), "{}", dir.display());
        for (path, layer) in &adapters.layers {
            assert_eq!(layer.scale.to_bits(), stored.layers[path].scale.to_bits(), "{path}");
            let weight = checkpoint.tensor(&base_weight(&checkpoint, path)).unwrap();
            let mut adapted = weight.to_f32().into_owned();
            adapters.adapt_rows(layer, 0..weight.num_rows(), &mut adapted);
            let weight = weight.to_f32();
            let pairs = adapted.iter().zip(weight.iter());
            let difference = pairs.fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
            assert!(difference <= CLOSE, "{path}: {difference}");
        }
        for (path, id) in &adapters.saved {
            let weight = checkpoint.tensor(&base_weight(&checkpoint, path)).unwrap().to_f32();
            assert_eq!(adapters.values(*id), weight.as_ref(), "{path}");
        }
        for (path, id) in &adapters.biases {
            let bias = checkpoint.tensor(&format!("{path}.bias")).unwrap().to_f32();
            assert_eq!(adapters.values(*id), bias.as_ref(), "{path}");
        }
    }
}

#[test]
fn first_values_are_spread_as_pefts() {
    // Start, deviations of A and of B in a layer of 64 inputs: of uniform numbers, bound / sqrt(3).
    let uniform = |columns: f32| 1.0 / columns.sqrt() / 3.0_f32.sqrt();
    let rows = [
        (LoraStart::Kaiming, uniform(64.0), 0.0),
        (LoraStart::Random, uniform(64.0), uniform(32.0)),
        (LoraStart::Gaussian, 1.0 / 32.0, 0.0),
        // Sixteen of the 32 entries of an orthonormal row carry half of its length.
        (LoraStart::Orthogonal, 0.1 * 0.5_f32.sqrt(), 0.1 * 0.5_f32.sqrt()),
    ];
    for (first, expected_a, expected_b) in rows {
        let mut config = AdapterConfig::lora(32, 32.0, 0.0, &["q_proj", "up_proj"]);
        config.method = MethodConfig::Lora(LoraConfig { start: first, ..LoraConfig::default() });
        let (adapters, _) = start("tiny-llama", &config);
        for layer in adapters.layers.values() {
            let Method::Lora { a, b, magnitude: None } = &layer.method else { panic!() };
            for (id, expected) in [(a, expected_a), (b, expected_b)] {
                let values = adapters.values(*id);
                let square = values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32;
                let deviation = square.sqrt();
                let off = (deviation - expected).abs();
                assert!(off <= 0.1 * expected, "{first:?}: {deviation} {expected}");
            }
        }
    }
}

#[test]
fn the_seed_decides_first_values() {
    let config = AdapterConfig::lora(4, 8.0, 0.0, &["q_proj"]);
    let of_seed = |seed| {
        let checkpoint = Checkpoint::open(fixture("tiny-llama")).unwrap();
        let targets = config.resolve(checkpoint.decoder()).unwrap();
        let rows = checkpoint_rows(&checkpoint);
        Adapters::new(&config, checkpoint.decoder(), &targets, seed, rows).unwrap().parameters
    };
    assert_eq!(of_seed(1), of_seed(1));
    assert_ne!(of_seed(1), of_seed(2));
    let parameters = of_seed(1);
    assert_ne!(parameters[0].values, parameters[2].values);
}

#[test]
fn an_odd_rank_has_no_orthogonal_start() {
    let mut config = AdapterConfig::lora(3, 8.0, 0.0, &["q_proj"]);
    config.rank_pattern.insert("k_proj".into(), 0);
    let start = LoraStart::Orthogonal;
    config.method = MethodConfig::Lora(LoraConfig { start, ..LoraConfig::default() });
    let problems = config.resolve(&decoder("tiny-llama")).unwrap_err();
    let messages: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        messages,
        [
            "`rank_pattern`: `k_proj` matches no adapted layer",
            "`r`: an orthogonal start needs an even rank, and 3 is odd",
            "`rank_pattern`: a rank is at least 1",
        ]
    );
}

#[test]
fn adapters_that_do_not_fit_are_named() {
    check_refused("tiny-llama", "tiny-phi3/dora", "which is no linear layer of the model");
    let shape = "tensor `base_model.model.model.layers.0.self_attn.qkv_proj.lora_A.weight` has \
                 shape [4, 64], but the model needs [4, 128]";
    check_refused("tiny-phi3-longrope", "tiny-phi3/dora", shape);
    let bias = "replaces `model.layers.0.self_attn.k_proj.bias`, which the model does not have";
    check_refused("tiny-llama", "tiny-qwen2/bias-all", bias);
}

#[test]
fn damaged_folders_are_named() {
    let error = |dir: &Path| AdapterFolder::open(dir, &decoder("tiny-llama")).unwrap_err();
    assert_eq!(error(Path::new("/no")).to_string(), "adapter folder `/no` does not exist");
    let dir = tempfile::tempdir().unwrap();
    assert!(error(dir.path()).to_string().contains("adapter_config.json` does not exist"));
    let source = adapter_fixture("tiny-llama/lora");
    let config = fs::read_to_string(source.join("adapter_config.json")).unwrap();
    let path = dir.path().join("adapter_config.json");
    fs::write(&path, &config).unwrap();
    fs::write(dir.path().join("adapter_model.bin"), "").unwrap();
    assert!(error(dir.path()).to_string().contains("only as pickle"));
    let weights = dir.path().join("adapter_model.safetensors");
    fs::copy(source.join("adapter_model.safetensors"), weights).unwrap();
    let changes = [
        ("\"r\": 4", "\"r\": 5", "has shape [4, 64], but the model needs [5, 64]"),
        ("\"use_dora\": false", "\"use_dora\": true", "lora_magnitude_vector` is not in"),
        ("\"peft_type\": \"LORA\"", "\"peft_type\": \"LOHA\"", "hada_w1_a` is not in"),
        ("\"peft_type\": \"LORA\"", "\"peft_type\": \"IA3\"", "adapter_config.json`: adapters of"),
        ("\"r\": 4", "\"r\": }", "is not the JSON it should be"),
    ];
    for (from, to, expected) in changes {
        fs::write(&path, config.replace(from, to)).unwrap();
        let message = error(dir.path()).to_string();
        assert!(message.contains(expected), "{message}");
    }
    let dora = adapter_fixture("tiny-llama/dora/adapter_model.safetensors");
    fs::copy(dora, dir.path().join("adapter_model.safetensors")).unwrap();
    fs::write(&path, config).unwrap();
    let message = error(dir.path()).to_string();
    assert!(message.contains("lora_magnitude_vector` in"), "{message}");
    assert!(message.contains("is no part of a LORA adapter"), "{message}");
}

/// PEFT loads what is written, and computes from it what it computed before; needs the Python of
/// an environment with PEFT.
#[test]
fn peft_computes_the_same_from_what_is_written() {
    let Ok(python) = std::env::var("OLIVE_PEFT_PYTHON") else {
        print_line("skipped: `OLIVE_PEFT_PYTHON` names no Python with PEFT");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    for (model, source) in adapter_folders() {
        let name = source.file_name().unwrap().to_str().unwrap().to_owned();
        let config = AdapterConfig::read(&source).unwrap();
        let trained = dir.path().join("trained").join(&model).join(&name);
        fs::create_dir_all(&trained).unwrap();
        Adapters::open(&source, &decoder(&model)).unwrap().write(&trained, &config).unwrap();
        let new = dir.path().join("new").join(&model).join(&name);
        fs::create_dir_all(&new).unwrap();
        start(&model, &config).0.write(&new, &config).unwrap();
    }
    let output = Command::new(python)
        .arg(adapter_fixture("check.py"))
        .args([fixture(""), adapter_fixture(""), dir.path().to_owned()])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    print_line(&text);
}

#[expect(clippy::print_stdout, reason = "what was skipped, and figures")]
fn print_line(text: &str) {
    println!("{text}");
}

fn check_refused(model: &str, adapter: &str, expected: &str) {
    let error = AdapterFolder::open(&adapter_fixture(adapter), &decoder(model)).unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
    let hint = "use the adapter with the model it was trained on";
    assert_eq!(error.hint().as_deref(), Some(hint), "{error}");
    assert!(!matches!(error, AdapterError::Checkpoint(_)));
}

/// Compares every 7th row of a weight with PEFT's.
fn check_close(
    reference: &SafetensorsFile,
    name: &str,
    weight: &[f32],
    row_len: usize,
    tolerance: f32,
) {
    let expected = reference.tensor(&format!("merged.{name}")).unwrap().to_f32();
    let found = weight.chunks(row_len).step_by(7).flatten();
    assert_eq!(weight.chunks(row_len).step_by(7).len() * row_len, expected.len(), "{name}");
    for (found, expected) in found.zip(expected.iter()) {
        let off = (found - expected).abs();
        assert!(off <= tolerance * expected.abs().max(1.0), "{name}: {found} {expected}");
    }
}

/// New adapters under `config` on the model, and the model.
fn start(model: &str, config: &AdapterConfig) -> (Adapters, Checkpoint) {
    let checkpoint = Checkpoint::open(fixture(model)).unwrap();
    let targets = config.resolve(checkpoint.decoder()).unwrap();
    let rows = checkpoint_rows(&checkpoint);
    let adapters = Adapters::new(config, checkpoint.decoder(), &targets, 42, rows).unwrap();
    (adapters, checkpoint)
}

fn base_weight(checkpoint: &Checkpoint, path: &str) -> String {
    let is_tied = path == "lm_head" && checkpoint.decoder().ties_embeddings;
    if is_tied { Decoder::EMBEDDING.to_owned() } else { format!("{path}.weight") }
}

fn decoder(model: &str) -> Decoder {
    Checkpoint::open(fixture(model)).unwrap().decoder().clone()
}

fn weights(dir: &Path) -> SafetensorsFile {
    SafetensorsFile::open(&dir.join("adapter_model.safetensors")).unwrap()
}
