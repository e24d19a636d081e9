//! The schemas know every name that Olive, PEFT and transformers have for the passes.

use std::collections::BTreeSet;

use olive_plugin_api::{Advice, Plugin};
use olive_plugin_lora::{Dora, Loftq, Loha, Lokr, Lora, Qlora};
use serde::Deserialize;
use serde_json::{Value, json};

/// Settings of all of Olive's passes for adapters, of any era.
const OF_ALL: &str = "r lora_r alpha lora_alpha target_modules exclude_modules \
    layers_to_transform layers_pattern rank_pattern alpha_pattern modules_to_save torch_dtype \
    allow_tf32 train_data_config eval_data_config eval_dataset_size training_args \
    use_ort_trainer ortmodule_onnx_opset_version device_map ephemeral_gpu_offload \
    lora_dropout bias use_rslora init_weights use_effective_conv2d rank_dropout module_dropout \
    decompose_both decompose_factor rank_dropout_scale";

/// What all low-rank passes know beside.
const OF_LOW_RANK: &str = "init_lora_weights";

/// What was `LoRA`'s in no version, and is understood there.
const OF_FOUR_BIT: &str = "double_quant quant_type compute_dtype save_quant_config loftq_iter";

/// Arguments that are Olive's, transformers' callbacks', or of versions before those listed.
const OWN_ARGUMENTS: &str = "extra_args early_stopping_patience early_stopping_threshold";

/// Fields of `TrainingArguments` and words they take, by version.
const TRANSFORMERS: &str = include_str!("../fixtures/training_arguments.txt");

#[test]
fn every_name_of_olive_is_known_once() {
    for (pass, more) in [
        ("LoRA", "use_dora"),
        ("DoRA", ""),
        ("QLoRA", "use_dora"),
        ("LoftQ", "use_dora"),
        ("LoHa", ""),
        ("LoKr", ""),
    ] {
        let of_rank = if ["LoHa", "LoKr"].contains(&pass) { "" } else { OF_LOW_RANK };
        let names = [OF_ALL, of_rank, OF_FOUR_BIT, more].join(" ");
        check_known(pass, &schema(pass), &names.split_whitespace().collect());
    }
}

#[test]
fn every_argument_of_transformers_is_known_once() {
    let mut names = words("field");
    names.extend(OWN_ARGUMENTS.split_whitespace());
    check_known("arguments", &arguments(), &names);
}

#[test]
fn every_word_of_transformers_is_allowed_or_explained() {
    let schema = schema("LoRA");
    let args = &arguments()["properties"];
    for (field, property, definition) in [
        ("optim", &args["optim"], "Optim"),
        ("lr_scheduler_type", &args["lr_scheduler_type"], "LrSchedulerType"),
        ("report_to", &schema["definitions"]["Reporter"], "Reporter"),
    ] {
        let marks = property["x-olive-unavailable-values"].as_object().unwrap();
        let allowed = schema["definitions"][definition].to_string();
        for word in words(field) {
            let is_allowed = allowed.contains(&format!("\"const\":\"{word}\""));
            assert!(is_allowed != marks.contains_key(word), "{field} {word}");
        }
    }
}

#[test]
fn values_that_are_not_available_are_not_allowed_either() {
    for pass in PASSES {
        let schema = schema(pass);
        let definitions = schema["definitions"].as_object().unwrap();
        let all = definitions.values().filter_map(|part| part["properties"].as_object());
        let all = all.flatten().chain(schema["properties"].as_object().unwrap());
        for (name, property) in all {
            let Some(marks) = property["x-olive-unavailable-values"].as_object() else { continue };
            let allowed = resolved(property, &schema).to_string();
            for value in marks.keys() {
                assert!(!allowed.contains(&format!("\"const\":\"{value}\"")), "{name} {value}");
            }
        }
    }
}

#[test]
fn unknown_keys_are_refused_at_both_levels() {
    for pass in PASSES {
        let schema = schema(pass);
        assert_eq!(schema["additionalProperties"], json!(false), "{pass}");
        assert_eq!(schema["definitions"]["TrainingArgs"]["additionalProperties"], json!(false));
        assert_eq!(schema["x-olive-adapter"], json!("adds"), "{pass}");
    }
}

#[test]
fn advice_points_to_settings() {
    for pass in PASSES {
        let schema = schema(pass);
        let all = Vec::<Advice>::deserialize(&schema["x-olive-advice"]).unwrap();
        assert!(all.len() > 40);
        for advice in all {
            let text = format!("{}{}", advice.message, advice.help.clone().unwrap_or_default());
            let filled = text.split('{').skip(1).map(|part| part.split('}').next().unwrap());
            let above = advice.above.clone().into_iter().flatten();
            let pointers = filled.map(str::to_owned).chain(above).chain(advice.related.clone());
            for pointer in pointers.chain([advice.at.clone()]) {
                assert!(is_setting(&schema, &pointer), "{pass}: {pointer} of {advice:?}");
            }
        }
    }
}

const PASSES: [&str; 6] = ["LoRA", "DoRA", "QLoRA", "LoftQ", "LoHa", "LoKr"];

/// Whether a pointer leads to a setting.
fn is_setting(schema: &Value, pointer: &str) -> bool {
    let definitions = &schema["definitions"];
    match pointer.split('/').skip(1).collect::<Vec<_>>().as_slice() {
        [name] => schema["properties"].get(name).is_some(),
        ["training_args", name] => definitions["TrainingArgs"]["properties"].get(name).is_some(),
        ["training_args", "lr_scheduler_kwargs", name] => {
            definitions["SchedulerKwargs"]["properties"].get(name).is_some()
        }
        _ => false,
    }
}

/// Each of `names` is a setting, an old spelling of one, without effect, or not available.
#[track_caller]
fn check_known(what: &str, object: &Value, names: &BTreeSet<&str>) {
    let known = known(object);
    for name in names {
        let count = known.iter().filter(|known| known == name).count();
        assert_eq!(count, 1, "{what}: {name}");
    }
    for name in known {
        assert!(names.contains(name.as_str()), "{what}: {name} is no name");
    }
}

/// Every name that `object` says something about.
fn known(object: &Value) -> Vec<String> {
    let keys = |mark: &str| {
        let map = object.get(mark).and_then(Value::as_object);
        map.into_iter().flatten().map(|(key, _)| key.clone()).collect::<Vec<_>>()
    };
    let mut known = keys("properties");
    for property in object["properties"].as_object().unwrap().values() {
        let old = property.get("x-olive-renamed-from").unwrap_or(&json!([])).clone();
        known.extend(Vec::<String>::deserialize(old).unwrap());
    }
    known.extend(keys("x-olive-ignored"));
    known.extend(keys("x-olive-unavailable"));
    known
}

/// Names of a kind in any version.
fn words(kind: &str) -> BTreeSet<&'static str> {
    let rows = TRANSFORMERS.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    rows.filter(|row| row[1] == kind).map(|row| row[2]).collect()
}

/// What stands behind the references of a property.
fn resolved(property: &Value, schema: &Value) -> Value {
    let reference = property["$ref"].as_str().or_else(|| property["allOf"][0]["$ref"].as_str());
    match reference {
        Some(reference) => schema.pointer(&reference[1..]).unwrap().clone(),
        None => property.clone(),
    }
}

fn arguments() -> Value {
    schema("LoRA")["definitions"]["TrainingArgs"].clone()
}

fn schema(pass: &str) -> Value {
    let plugin = Plugin::new("lora", "0.1.0")
        .with_pass::<Lora>()
        .with_pass::<Dora>()
        .with_pass::<Qlora>()
        .with_pass::<Loftq>()
        .with_pass::<Loha>()
        .with_pass::<Lokr>();
    let passes = plugin.descriptor().passes.clone();
    passes.into_iter().find(|known| known.name == pass).unwrap().schema
}
