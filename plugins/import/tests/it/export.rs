//! Fixtures as GGUF files, read by our own reader and by llama.cpp's Python package.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use olive_kit_checkpoint::{Checkpoint, Dtype};
use olive_kit_gguf::{Gguf, GgufModel, Layout};
use olive_kit_testing::fixture;
use olive_plugin_api::testing::{Companion, Recorder, changes, digests, ignored, settings_of};
use olive_plugin_api::{Plugin, PluginError, StepOutcome};
use olive_plugin_import::ConvertHfToGguf;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokenizers::Tokenizer;

/// Names a Python with the package `gguf`.
const PYTHON: &str = "OLIVE_GGUF_PYTHON";

#[test]
fn our_reader_gives_the_checkpoint_back() {
    for name in ["tiny-llama", "tiny-smollm"] {
        let (_dir, path) = export(name, &json!({}));
        let original = Checkpoint::open(fixture(name)).unwrap();
        let model = GgufModel::open(&path, Layout::Llama, Dtype::F32).unwrap();
        assert_eq!(model.description().decoder, *original.decoder(), "{name}");
        for (tensor, shape) in original.decoder().tensors() {
            let target = model.target(&tensor).unwrap();
            assert_eq!(target.shape, shape, "{tensor}");
            let found = model.rows(target, 0..target.num_rows()).unwrap();
            assert!(found == *original.tensor(&tensor).unwrap().to_f32(), "{name}: {tensor}");
        }
    }
}

#[test]
fn the_tokenizer_makes_the_same_tokens() {
    let (_dir, path) = export("tiny-llama", &json!({}));
    let imported = tempfile::tempdir().unwrap();
    crate::run(&path, imported.path(), &json!({})).unwrap();
    let load = |dir: &Path| Tokenizer::from_file(dir.join("tokenizer.json")).unwrap();
    let (original, found) = (load(&fixture("tiny-llama")), load(imported.path()));
    for text in ["my old dog died  last night", "<bos>user\nI can't <eos>", "12 naïve 你好 😀\t\n"]
    {
        let ids = |tokenizer: &Tokenizer| tokenizer.encode(text, true).unwrap().get_ids().to_vec();
        assert_eq!(ids(&found), ids(&original), "{text}");
    }
    let settings = fs::read(imported.path().join("tokenizer_config.json")).unwrap();
    let settings: Value = serde_json::from_slice(&settings).unwrap();
    let template = fs::read_to_string(fixture("tiny-llama/chat_template.jinja")).unwrap();
    assert_eq!(settings["chat_template"], template);
    assert_eq!(settings["eos_token"], "<eos>");
}

#[test]
fn quantized_weights_are_within_a_step() {
    // Parts of a block's range or largest value: half a step, a whole one where the largest value
    // is clipped to the grid; scales are halves, which adds a little.
    let rows: [(&str, f32, bool); 4] = [
        ("q8_0", 0.51 / 127.0, false),
        ("q4_0", 1.01 / 8.0, false),
        ("q4_1", 0.52 / 15.0, true),
        // Rows of 64 are stored as `q5_0`.
        ("q4_k", 1.01 / 16.0, false),
    ];
    let (_dir, path) = export("tiny-llama", &json!({}));
    let exact = Gguf::open(&path).unwrap();
    for (outtype, step, is_offset) in rows {
        let (_dir, path) = export("tiny-llama", &json!({"outtype": outtype}));
        let found = Gguf::open(&path).unwrap();
        assert!(found.tensor_names().eq(exact.tensor_names()));
        for name in exact.tensor_names() {
            let (expected, found) = (values(&exact, name), values(&found, name));
            for (expected, found) in expected.chunks(32).zip(found.chunks(32)) {
                let largest = expected.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
                let low = expected.iter().copied().fold(f32::INFINITY, f32::min);
                let high = expected.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let range = if is_offset { high - low } else { largest };
                // Offsets are halves too.
                let tolerance = range * step + largest / 1024.0;
                let pairs = expected.iter().zip(found);
                let error = pairs.fold(0.0_f32, |max, (a, b)| max.max((a - b).abs()));
                assert!(error <= tolerance, "{name} as {outtype}: {error} over {tolerance}");
            }
        }
    }
}

#[test]
fn every_family_has_a_place_for_each_tensor() {
    let rows = [
        ("tiny-llama", "llama", 0),
        ("tiny-llama-bias", "llama", 0),
        ("tiny-llama3", "llama", 1),
        ("tiny-mistral", "llama", 0),
        ("tiny-phi3", "phi3", 0),
        ("tiny-phi3-longrope", "phi3", 2),
        ("tiny-phi4-mini", "phi3", 2),
        ("tiny-qwen2", "qwen2", 0),
        ("tiny-qwen3", "qwen3", 0),
        ("tiny-gemma", "gemma", 0),
        ("tiny-gemma2", "gemma2", 0),
    ];
    for (name, architecture, extra) in rows {
        let (_dir, path) = export(name, &json!({}));
        let file = Gguf::open(&path).unwrap();
        assert_eq!(file.metadata().text("general.architecture").unwrap(), architecture);
        let checkpoint = Checkpoint::open(fixture(name)).unwrap();
        let decoder = checkpoint.decoder();
        let names: BTreeSet<_> = file.tensor_names().collect();
        assert_eq!(names.len(), decoder.tensors().len() + extra, "{name}: {names:?}");
        let count = |key: &str| file.metadata().count(&format!("{architecture}.{key}")).unwrap();
        assert_eq!(count("block_count"), decoder.num_layers);
        assert_eq!(count("rope.dimension_count"), decoder.rope.rotary_dim);
        let norm = values(&file, "output_norm.weight");
        let stored = checkpoint.tensor("model.norm.weight").unwrap().to_f32();
        let one = if decoder.norm_adds_one { 1.0 } else { 0.0 };
        let expected: Vec<_> = stored.iter().map(|value| value + one).collect();
        assert!(norm == expected, "{name}");
    }
}

#[test]
fn the_context_ends_with_a_window_that_llama_cpp_does_not_know() {
    let rows = [
        ("tiny-llama", "llama.context_length", 128),
        ("tiny-mistral", "llama.context_length", 8),
        ("tiny-qwen3", "qwen3.context_length", 8),
        ("tiny-gemma2", "gemma2.context_length", 128),
        ("tiny-gemma2", "gemma2.attention.sliding_window", 8),
    ];
    for (name, key, expected) in rows {
        let (_dir, path) = export(name, &json!({}));
        let file = Gguf::open(&path).unwrap();
        assert_eq!(file.metadata().count(key).unwrap(), expected, "{name}: {key}");
    }
}

#[test]
fn what_cannot_be_written_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let whitespace = json!({"type": "Whitespace"});
    let strange = changed("tiny-llama", "tokenizer.json", "/pre_tokenizer", &whitespace);
    let uncapped = changed("tiny-gemma2", "config.json", "/final_logit_softcapping", &Value::Null);
    let llama = fixture("tiny-llama");
    let rows = [
        (strange.path(), json!({}), "its `pre_tokenizer` is none that llama.cpp is known to have"),
        (uncapped.path(), json!({}), "llama.cpp's `gemma2` does not compute attention or logits"),
        (llama.as_path(), json!({"gguf_file_name": "../model.gguf"}), "must be the name of a file"),
    ];
    for (model, config, problem) in rows {
        let input = json!({"type": "HfModel", "model_path": model});
        let error = run(&input, dir.path(), &config).unwrap_err();
        assert!(error.message.contains(problem), "{}", error.message);
        assert!(error.message.lines().count() == 1, "{}", error.message);
    }
    let adapted = json!({
        "type": "HfModel", "model_path": llama, "adapter_path": fixture("tiny-llama/adapter")
    });
    let error = run(&adapted, dir.path(), &json!({})).unwrap_err();
    assert_eq!(error.code, "adapter-present");
    let input = json!({"type": "HfModel", "model_path": strange.path()});
    run(&input, dir.path(), &json!({"pre_tokenizer": "tekken"})).unwrap();
    let file = Gguf::open(&dir.path().join("model.gguf")).unwrap();
    assert_eq!(file.metadata().text("tokenizer.ggml.pre").unwrap(), "tekken");
}

#[test]
fn every_setting_counts() {
    let plugin = plugin();
    let mut settings = settings_of(&plugin.descriptor().passes[0].schema);
    settings.retain(|setting| !setting.is_left_out);
    assert_eq!(settings.len(), 3, "{settings:?}");
    let base = json!({"gguf_file_name": "a.gguf", "outtype": "f16", "pre_tokenizer": "tekken"});
    let companions = [
        Companion::value("/gguf_file_name", json!("b.gguf")),
        Companion::value("/pre_tokenizer", json!("gpt-2")),
    ];
    let changes = changes(&base, &settings, &companions);
    let ignored = ignored(&changes, |config| {
        let (dir, _) = export("tiny-llama", config);
        format!("{:?}", digests(dir.path()).unwrap())
    });
    assert!(ignored.is_empty(), "accepted and ignored: {ignored:#?}");
}

// Bytes of the exact weights, quantized by the package, are those of the quantized file but for
// rare ties.
const PROGRAM: &str = "
import sys, gguf, numpy
exact = {t.name: t for t in gguf.GGUFReader(sys.argv[1]).tensors}
for path in sys.argv[2:]:
    reader = gguf.GGUFReader(path)
    assert {t.name for t in reader.tensors} == set(exact)
    assert len(reader.fields['tokenizer.ggml.tokens'].data) == 512
    for t in reader.tensors:
        source = exact[t.name]
        assert list(t.shape) == list(source.shape), t.name
        if t.tensor_type == gguf.GGMLQuantizationType.F32:
            assert (t.data == source.data).all(), t.name
        else:
            expected = gguf.quants.quantize(source.data, t.tensor_type)
            same = (expected.view(numpy.uint8) == t.data.view(numpy.uint8)).mean()
            assert same > 0.999, (path, t.name, t.tensor_type, same)
print('read', len(sys.argv) - 2)
";

#[test]
fn llama_cpp_reads_the_files_and_quantizes_alike() {
    let Some(python) = std::env::var_os(PYTHON) else {
        println!("skipped: {PYTHON} is not set to a Python with gguf");
        return;
    };
    let exact = export("tiny-llama", &json!({}));
    let others = ["f16", "q8_0", "q4_0", "q4_1", "q4_k"]
        .map(|outtype| export("tiny-llama", &json!({"outtype": outtype})));
    let paths = others.iter().map(|(_, path)| path);
    let told = Command::new(python).args(["-c", PROGRAM]).arg(&exact.1).args(paths).output();
    let told = told.unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    assert_eq!(String::from_utf8_lossy(&told.stdout).trim(), "read 5");
}

fn plugin() -> Plugin {
    Plugin::new("import", "0.1.0").with_pass::<ConvertHfToGguf>()
}

fn run(input: &Value, output: &Path, config: &Value) -> Result<StepOutcome, PluginError> {
    let mut request = olive_kit_testing::request("pass", "ConvertHfToGGUF", input, output);
    request["config"] = config.clone();
    plugin().run(&serde_json::from_value(request).unwrap(), &Recorder::default())
}

/// The file made of a fixture, as long as the folder lives.
fn export(name: &str, config: &Value) -> (TempDir, PathBuf) {
    let output = tempfile::tempdir().unwrap();
    let input = json!({"type": "HfModel", "model_path": fixture(name)});
    let outcome = run(&input, output.path(), config).unwrap();
    let StepOutcome::Model(model) = outcome else { panic!("no model: {outcome:?}") };
    let path = model.model_path.clone();
    (output, path)
}

fn values(file: &Gguf, name: &str) -> Vec<f32> {
    let tensor = file.tensor(name).unwrap();
    file.rows(tensor, 0..tensor.num_rows()).unwrap()
}

/// A fixture with another value at a place of a file.
fn changed(original: &str, name: &str, place: &str, value: &Value) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
        fs::copy(fixture(original).join(file), dir.path().join(file)).unwrap();
    }
    let path = dir.path().join(name);
    let mut json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    *json.pointer_mut(place).unwrap() = value.clone();
    fs::write(&path, json.to_string()).unwrap();
    dir
}
