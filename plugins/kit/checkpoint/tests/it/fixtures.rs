//! Opening, checking and refusing model folders, on the tiny fixtures.

use std::fs;
use std::path::Path;

use olive_kit_checkpoint::rope::RopeScaling;
use olive_kit_checkpoint::{
    Checkpoint, CheckpointError, CheckpointWriter, Dtype, Family, LinearRole, SafetensorsFile,
    TensorSpec,
};
use olive_kit_testing::fixture;
use serde_json::{Value, json};

type Damage = fn(&mut Vec<u8>);

/// A copy of a fixture's config and weights that a test may damage.
fn copy(name: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in ["config.json", "generation_config.json", "model.safetensors"] {
        fs::write(dir.path().join(file), fs::read(fixture(name).join(file)).unwrap()).unwrap();
    }
    dir
}

fn change_config(dir: &Path, change: impl FnOnce(&mut serde_json::Map<String, Value>)) {
    let path = dir.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(config.as_object_mut().unwrap());
    fs::write(path, config.to_string()).unwrap();
}

fn check_refused(dir: &Path, expected: &str) {
    let opened = Checkpoint::open(dir).and_then(|checkpoint| checkpoint.validate());
    let message = opened.unwrap_err().to_string();
    assert!(message.contains(expected), "{message}");
}

#[test]
fn every_fixture_is_valid() {
    let names = [
        "tiny-phi3",
        "tiny-phi3-longrope",
        "tiny-phi4-mini",
        "tiny-llama",
        "tiny-llama3",
        "tiny-llama-bias",
        "tiny-smollm",
        "tiny-mistral",
        "tiny-qwen2",
        "tiny-qwen3",
        "tiny-gemma",
        "tiny-gemma2",
    ];
    for name in names {
        let checkpoint = Checkpoint::open(fixture(name)).unwrap();
        checkpoint.validate().unwrap();
        assert_eq!(checkpoint.description().dtype, Some(Dtype::F32));
        assert_eq!(checkpoint.decoder().num_layers, 2);
        assert_eq!(checkpoint.decoder().eos_token_ids, [2]);
        let needed = checkpoint.decoder().tensors().len();
        assert_eq!(checkpoint.tensor_names().len(), needed);
    }
}

#[test]
fn families_are_told_apart() {
    let phi3 = Checkpoint::describe(fixture("tiny-phi3-longrope")).unwrap().decoder;
    assert_eq!((phi3.family, phi3.head_dim, phi3.rope.rotary_dim), (Family::Phi3, 32, 16));
    assert!(matches!(&phi3.rope.scaling, RopeScaling::LongRope(long)
        if long.original_max_positions == 32 && (long.attention_factor - 1.183_216).abs() < 1e-6));
    assert_eq!(phi3.linears(1)[0].role, LinearRole::Qkv);
    let llama = Checkpoint::describe(fixture("tiny-llama")).unwrap().decoder;
    assert!(llama.ties_embeddings);
    assert_eq!(llama.lm_head().name, "model.embed_tokens");
    assert_eq!(llama.linears(0).len(), 7);
    let phi4 = Checkpoint::describe(fixture("tiny-phi4-mini")).unwrap().decoder;
    assert_eq!((phi4.ties_embeddings, phi4.head_dim, phi4.rope.rotary_dim), (true, 64, 48));
    let qwen3 = Checkpoint::describe(fixture("tiny-qwen3")).unwrap().decoder;
    assert_eq!((qwen3.query_width(), qwen3.window(0), qwen3.window(1)), (128, None, Some(8)));
    let smollm = Checkpoint::describe(fixture("tiny-smollm")).unwrap().decoder;
    assert_eq!((smollm.num_heads, smollm.num_kv_heads, smollm.head_dim), (9, 3, 8));
}

#[test]
fn layouts_of_transformers_4_and_5_mean_the_same() {
    let dir = copy("tiny-phi3-longrope");
    let old = Checkpoint::describe(dir.path()).unwrap().decoder;
    change_config(dir.path(), |config| {
        let mut rope = config.remove("rope_scaling").unwrap();
        rope["rope_type"] = rope["type"].take();
        rope["rope_theta"] = config.remove("rope_theta").unwrap();
        rope["partial_rotary_factor"] = config.remove("partial_rotary_factor").unwrap();
        config.insert("rope_parameters".into(), rope);
    });
    assert_eq!(Checkpoint::describe(dir.path()).unwrap().decoder, old);
}

#[test]
fn generation_config_names_the_end_tokens() {
    let dir = copy("tiny-llama");
    let path = dir.path().join("generation_config.json");
    fs::write(path, json!({"eos_token_id": [2, 5], "pad_token_id": null}).to_string()).unwrap();
    let decoder = Checkpoint::describe(dir.path()).unwrap().decoder;
    assert_eq!(decoder.eos_token_ids, [2, 5]);
    assert_eq!((decoder.bos_token_id, decoder.pad_token_id), (Some(1), Some(3)));
}

#[test]
fn shards_read_as_one_checkpoint() {
    let whole = Checkpoint::open(fixture("tiny-phi3")).unwrap();
    let dir = copy("tiny-phi3");
    fs::remove_file(dir.path().join("model.safetensors")).unwrap();
    let specs = whole.tensor_names().into_iter().map(|name| {
        let tensor = whole.tensor(name).unwrap();
        TensorSpec::new(name, tensor.dtype, tensor.shape)
    });
    let mut writer = CheckpointWriter::create(dir.path(), specs.collect(), 100_000).unwrap();
    for name in whole.tensor_names() {
        writer.append_f32(name, &whole.tensor(name).unwrap().to_f32()).unwrap();
    }
    writer.finish().unwrap();
    assert!(dir.path().join("model-00002-of-00006.safetensors").is_file());
    let shards = Checkpoint::open(dir.path()).unwrap();
    shards.validate().unwrap();
    assert_eq!(shards.tensor_names(), whole.tensor_names());
    for name in whole.tensor_names() {
        assert_eq!(shards.tensor(name).unwrap().bytes, whole.tensor(name).unwrap().bytes);
    }
    fs::remove_file(dir.path().join("model-00002-of-00006.safetensors")).unwrap();
    check_refused(dir.path(), "model-00002-of-00006.safetensors` does not exist");
}

#[test]
fn wrong_folders_are_named() {
    check_refused(Path::new("/no/such/model"), "model folder `/no/such/model` does not exist");
    let dir = tempfile::tempdir().unwrap();
    check_refused(dir.path(), "config.json` does not exist");
    fs::copy(fixture("tiny-phi3/config.json"), dir.path().join("config.json")).unwrap();
    check_refused(dir.path(), "holds no `model.safetensors`");
    fs::write(dir.path().join("pytorch_model.bin"), b"pickle").unwrap();
    check_refused(dir.path(), "only as pickle (`pytorch_model.bin`)");
    let index = json!({"weight_map": {"a": "../../etc/passwd"}}).to_string();
    fs::write(dir.path().join("model.safetensors.index.json"), index).unwrap();
    check_refused(dir.path(), "which is no file name");
}

#[test]
fn wrong_configs_are_named() {
    let cases: [(&str, Value, &str); 9] = [
        (
            "architectures",
            json!(["GPT2LMHeadModel"]),
            "unknown architecture `GPT2LMHeadModel`; known",
        ),
        ("hidden_size", json!("64"), "`hidden_size` is \"64\", but must be a positive integer"),
        ("hidden_size", json!(null), "`hidden_size` is missing"),
        ("num_key_value_heads", json!(3), "`num_key_value_heads` 3 does not divide"),
        ("hidden_act", json!("gelu"), "unknown `hidden_act` `gelu`"),
        ("attention_bias", json!(true), "tensor `model.layers.0.self_attn.q_proj.bias` is not in"),
        ("quantization_config", json!({"bits": 4}), "`quantization_config` is set"),
        ("rope_parameters", json!({"rope_type": "yarn"}), "unknown rope type `yarn`"),
        ("rope_parameters", json!({"rope_type": "longrope"}), "`short_factor` of the rope scaling"),
    ];
    for (key, value, expected) in cases {
        let dir = copy("tiny-llama");
        change_config(dir.path(), |config| drop(config.insert(key.into(), value)));
        check_refused(dir.path(), expected);
    }
    let dir = copy("tiny-llama");
    fs::write(dir.path().join("config.json"), "{").unwrap();
    check_refused(dir.path(), "is not the JSON it should be");
}

#[test]
fn damaged_weights_are_named() {
    const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    let cases: [(Damage, &str); 6] = [
        (|bytes| *bytes = POINTER.to_vec(), "a pointer of Git LFS"),
        (|bytes| bytes.truncate(100_000), "but it has 100000"),
        (|bytes| bytes.truncate(500), "but the file has only 500"),
        (|bytes| bytes.truncate(5), "it has 5 bytes, too few for a header"),
        (|bytes| bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes()), "more than the 100000000"),
        (|bytes| bytes[10] = 0xff, "invalid UTF-8"),
    ];
    for (damage, expected) in cases {
        let dir = copy("tiny-phi3");
        let path = dir.path().join("model.safetensors");
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(path, bytes).unwrap();
        check_refused(dir.path(), expected);
    }
}

#[test]
fn no_values_of_a_shape_without_end_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    for shape in
        ["[0,4294967296,4294967296]", "[4294967296,0,4294967296]", "[0,4611686018427387904]"]
    {
        let header = format!(r#"{{"z":{{"dtype":"F32","shape":{shape},"data_offsets":[0,0]}}}}"#);
        let length = (header.len() as u64).to_le_bytes();
        fs::write(&path, [&length[..], header.as_bytes()].concat()).unwrap();
        let error = SafetensorsFile::open(&path).unwrap_err().to_string();
        assert!(error.contains("tensor `z` has shape [") && error.contains("to count"), "{error}");
    }
}

#[test]
fn every_misfit_tensor_is_named_at_once() {
    let dir = copy("tiny-phi3");
    change_config(dir.path(), |config| drop(config.insert("num_hidden_layers".into(), 3.into())));
    check_refused(dir.path(), "tensor `model.layers.2.input_layernorm.weight` is not in");
    change_config(dir.path(), |config| {
        config.insert("num_hidden_layers".into(), 2.into());
        config.insert("intermediate_size".into(), 256.into());
    });
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    let error = checkpoint.validate().unwrap_err();
    assert!(matches!(&error, CheckpointError::Several { problems, .. } if problems.len() == 4));
    let message = "tensor `model.layers.1.mlp.down_proj.weight` has shape [64, 128], \
                   but [64, 256] is needed";
    assert!(error.to_string().contains(message), "{error}");
}

#[test]
fn integer_tensors_are_no_weights() {
    let file = SafetensorsFile::open(&fixture("tiny-phi3/ref.safetensors")).unwrap();
    assert!(file.tensor("input_ids").unwrap_err().to_string().contains("holds I64 values"));
    let (ids, shape) = file.integers("input_ids").unwrap();
    assert_eq!((ids.len(), shape), (48, [2, 24].as_slice()));
}
