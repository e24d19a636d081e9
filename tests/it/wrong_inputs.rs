//! Models and data that are wrong: one clear message, nothing left behind.

use std::fs;

use serde_json::{Value, json};

use crate::playground::Playground;
use crate::real::{playground, unmeasured, write};

/// Runs the recipe after `damage`, and checks that it is refused with `parts` and leaves nothing.
fn check(code: i32, damage: impl FnOnce(&Playground, &mut Value), parts: &[&str]) {
    let playground = playground();
    let mut workflow = unmeasured();
    damage(&playground, &mut workflow);
    write(&playground, workflow);
    let said = playground.run();
    said.check(code, parts);
    assert_eq!(said.err.matches("error[").count(), 1, "not one message:\n{}", said.err);
    assert!(!playground.exists("out"), "an output folder was left");
    assert_eq!(playground.names("cache/v1/steps"), Vec::<String>::new());
    assert_eq!(playground.names("cache/v1/work"), Vec::<String>::new());
}

fn change_model_config(playground: &Playground, key: &str, value: &Value) {
    let mut config: Value = serde_json::from_str(&playground.read("model/config.json")).unwrap();
    config[key] = value.clone();
    playground.write("model/config.json", &config.to_string());
}

#[test]
fn a_missing_model_folder() {
    check(
        13,
        |playground, _| fs::remove_dir_all(playground.path("model")).unwrap(),
        &["model", "does not exist"],
    );
}

#[test]
fn a_truncated_weight_file() {
    check(
        13,
        |playground, _| {
            let path = playground.path("model/model.safetensors");
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        },
        &["model.safetensors` is not a whole safetensors file"],
    );
}

#[test]
fn a_tensor_of_the_wrong_shape() {
    check(
        13,
        |playground, _| change_model_config(playground, "intermediate_size", &json!(96)),
        &["model.layers.0.mlp", "128"],
    );
}

#[test]
fn an_unknown_architecture() {
    check(
        13,
        |playground, _| {
            change_model_config(playground, "architectures", &json!(["MambaForCausalLM"]));
        },
        &["unknown architecture `MambaForCausalLM`", "Phi3ForCausalLM"],
    );
}

#[test]
fn a_missing_tokenizer() {
    check(
        13,
        |playground, _| fs::remove_file(playground.path("model/tokenizer.json")).unwrap(),
        &["holds no `tokenizer.json`"],
    );
}

#[test]
fn a_column_that_the_data_lacks() {
    check(
        11,
        |_, workflow| {
            let pre_process = &mut workflow["data_configs"][0]["pre_process_data_config"];
            pre_process["text_template"] = json!("{phrase}: {mood}");
        },
        &["`mood`", "`phrase`, `tone`"],
    );
}

#[test]
fn empty_data() {
    check(11, |playground, _| playground.write("train.json", ""), &["train.json"]);
}

#[test]
fn a_corpus_shorter_than_one_block() {
    check(
        11,
        |playground, _| {
            playground.write("train.json", r#"{"phrase": "Oh", "tone": "joy"}"#);
        },
        &["32"],
    );
}

#[test]
fn a_loss_that_is_not_a_number() {
    check(
        20,
        |playground, _| {
            let path = playground.path("model/model.safetensors");
            let mut bytes = fs::read(&path).unwrap();
            let header =
                8 + usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
            for value in bytes[header..].chunks_exact_mut(4) {
                value.copy_from_slice(&f32::NAN.to_le_bytes());
            }
            fs::write(&path, bytes).unwrap();
        },
        &["`lora (LoRA)` failed", "loss", "step 1"],
    );
}
