//! The published schema: as fresh as the plugins, and of one mind with `olive check`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::playground::Playground;
use crate::real;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus/olive-recipes");

/// Codes of what is wrong with a single section, which a schema can tell.
const SHAPE: [&str; 10] = [
    "misplaced-key",
    "missing-key",
    "missing-name",
    "syntax",
    "not-available",
    "plugin-missing",
    "unknown-key",
    "unknown-type",
    "unknown-value",
    "wrong-value",
];

/// Cases of what only the check sees: values that a search tries are open to editors, and what a
/// metric's keys mean beside each other, and what a plain id takes from beside it.
const UNSEEN: [&str; 6] = [
    "search-values",
    "metric-labels",
    "metric-reference",
    "metric-samples",
    "metric-asking",
    "file-hub/",
];

#[test]
fn generated_schemas_and_the_options_page_are_fresh() {
    let playground = real::installed();
    let said = playground.olive(&["schema", "--all", "@/schemas"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let said = playground.olive(&["schema", "--docs", "--out", "@/options.md"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let committed = texts(&Path::new(ROOT).join("schemas/generated"));
    let fresh = texts(&playground.path("schemas"));
    assert!(committed.keys().eq(fresh.keys()), "run `cargo xtask schemas`");
    let stale = fresh.iter().find(|(name, text)| committed[*name] != **text);
    assert_eq!(stale.map(|(name, _)| name), None, "run `cargo xtask schemas`");
    let page = fs::read_to_string(Path::new(ROOT).join("docs/options.md")).unwrap_or_default();
    assert!(page == playground.read("options.md"), "docs/options.md: run `cargo xtask schemas`");
}

#[test]
fn schemas_are_right_by_their_own_draft() {
    for (name, text) in texts(&Path::new(ROOT).join("schemas/generated")) {
        let schema: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#", "{name}");
        assert!(jsonschema::draft7::meta::is_valid(&schema), "{name}");
        assert!(jsonschema::draft7::new(&schema).is_ok(), "{name}");
    }
}

#[test]
fn the_schema_and_the_check_say_the_same_of_cases() {
    let mut configs = below(&Path::new(ROOT).join("tests/cases/check"));
    configs.extend(below(&Path::new(ROOT).join("examples")));
    configs.retain(|path| UNSEEN.iter().all(|case| !path.to_string_lossy().contains(case)));
    agree(&configs);
}

#[test]
fn the_schema_and_the_check_say_the_same_of_public_configs() {
    let configs = below(Path::new(CORPUS));
    if configs.is_empty() {
        println!("skipped: there are no public configs beside this repository");
        return;
    }
    agree(&configs);
}

#[test]
fn configs_of_every_era_are_right_and_broken_ones_are_not() {
    let playground = real::installed();
    let validator = validator(&playground);
    let model = json!({"type": "HfModel", "model_path": "m"});
    let with = |more: Value| {
        let mut config = json!({"input_model": model});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    let right = [
        with(json!({"$schema": "s", "passes": null, "systems": null})),
        json!({"input_model": {"type": "hfmodel", "config": {"model_path": "m"}}}),
        json!({"input_model": {"model_path": "m.onnx", "onnx_file_name": "g.onnx"}}),
        json!({"input_model": {"type": "PyTorchModel", "config": {"hf_config": {}}}}),
        with(json!({"passes": {"p": {"type": "lora", "lora_r": 8, "train_data_config": "d"}}})),
        with(json!({"passes": {"p": [{"type": "LoRA", "config": {"train_data_config": "d"}}]}})),
        with(json!({"passes": {"p": {"type": "ModelBuilder", "config": {}, "precision": "int4"}}})),
        with(json!({"search_strategy": false, "host": {"type": "LocalSystem"}})),
        with(json!({"engine": {"search_strategy": {"search_algorithm": "exhaustive"}}})),
        with(json!({"pass_flows": [["p"]], "data_configs": {"d": {}}})),
        with(json!({"builds": {"b": {"pipeline": ["p"], "search_strategy": false}}})),
        with(json!({"systems": {"s": {"type": "LocalSystem", "accelerators": ["gpu"]}}})),
    ];
    let wrong = [
        json!({}),
        json!([]),
        json!({"input_model": {"type": "HfModel"}}),
        json!({"input_model": {"type": "HfModel", "config": {}}}),
        json!({"input_model": {"type": "HfModl", "model_path": "m"}}),
        with(json!({"engin": {}})),
        with(json!({"passes": {"p": {"type": "LoRA"}}})),
        with(json!({"passes": {"p": {"type": "LoRA", "config": {}}}})),
        with(json!({"passes": {"p": {"type": "LoRA", "train_data_config": "d", "r": 0}}})),
        with(json!({"passes": {"p": {"type": "ModelBuilder", "config": {"precision": "int5"}}}})),
        with(json!({"passes": {"p": {"type": "Lora2"}}})),
        with(json!({"passes": {"p": {}}})),
        with(json!({"passes": {"p": []}})),
        with(json!({"systems": {"s": {"type": "AzureML"}}})),
        with(json!({"evaluators": {"e": {"type": "LMEvaluator"}}})),
        with(json!({"search_strategy": "joint"})),
        with(json!({"builds": {"b": {"pipeline": []}}})),
        with(json!({"data_configs": [{"load_dataset_config": {"data_name": "json"}}]})),
    ];
    for config in right {
        assert!(validator.is_valid(&config), "{config}: {:#?}", validator.validate(&config));
    }
    for config in wrong {
        assert!(!validator.is_valid(&config), "{config}");
    }
}

#[test]
fn values_to_try_are_right_where_there_is_a_search() {
    let playground = real::installed();
    let validator = validator(&playground);
    let config = |pass: Value, more: Value| {
        let model = json!({"type": "HfModel", "model_path": "m"});
        let mut config = json!({"input_model": model, "passes": {"p": pass}});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    let tried = json!({"type": "ModelBuilder", "precision": ["int4", "fp16"]});
    let below = json!({"type": "modelbuilder", "config": {"precision": ["int4", "fp16"]}});
    let former = json!({"type": "LoRA", "train_data_config": "d", "lora_r": [8, 16]});
    let word = json!({"type": "ModelBuilder", "precision": "SEARCHABLE_VALUES"});
    let olives = json!({
        "olive_parameter_type": "SearchParameter", "type": "Categorical", "support": ["int4"]
    });
    let olives = json!({"type": "ModelBuilder", "precision": olives});
    let searches = [
        json!({"search_strategy": true}),
        json!({"search_strategy": {"sampler": "random"}}),
        json!({"engine": {"search_strategy": {"sampler": "random"}}}),
        json!({"builds": {"a": {"pipeline": ["p"]}, "b": {
            "pipeline": ["p"], "search_strategy": {"sampler": "random"}
        }}}),
    ];
    for pass in [&tried, &below, &former, &word, &olives, &json!([tried, null, below])] {
        for search in &searches {
            let config = config(pass.clone(), search.clone());
            assert!(validator.is_valid(&config), "{config}");
        }
        for none in [json!({}), json!({"engine": {"search_strategy": false}, "builds": null})] {
            let config = config(pass.clone(), none);
            assert!(!validator.is_valid(&config), "{config}");
        }
    }
    for pass in [
        json!({"type": "ModelBuilder", "precision": ["int4", "int5"]}),
        json!({"type": "ModelBuilder", "precision": []}),
        json!({"type": "ModelBuilder", "precision": "int5"}),
        json!({"type": "ModelBuilder", "precison": ["int4", "fp16"]}),
        json!({"type": "LoRA", "r": [8, 16]}),
    ] {
        let config = config(pass, searches[0].clone());
        assert!(!validator.is_valid(&config), "{config}");
    }
}

#[test]
fn the_examples_of_searches_are_right() {
    let validator = validator(&real::installed());
    let page = fs::read_to_string(Path::new(ROOT).join("docs/search.md")).unwrap();
    let blocks = page.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    let configs: Vec<Value> = blocks
        .map(|block| serde_json::from_str(block).unwrap())
        .filter(|config: &Value| config.get("input_model").is_some())
        .collect();
    assert!(!configs.is_empty());
    for config in configs {
        assert!(validator.is_valid(&config), "{config}: {:#?}", validator.validate(&config));
    }
}

/// Whether the schema refuses exactly those `configs` of which the check tells wrong shapes.
#[track_caller]
fn agree(configs: &[PathBuf]) {
    let playground = real::installed();
    let validator = validator(&playground);
    let paths: Vec<&str> = configs.iter().map(|path| path.to_str().unwrap()).collect();
    let said = playground.olive(&[&["check", "--format", "json"], paths.as_slice()].concat());
    let said: Value = serde_json::from_str(&said.out).unwrap();
    let mut differences = Vec::new();
    for (path, file) in configs.iter().zip(said["files"].as_array().unwrap()) {
        // Editors tell what is no JSON by themselves.
        let Ok(config) = serde_json::from_str(&fs::read_to_string(path).unwrap()) else { continue };
        let told = file["diagnostics"].as_array().unwrap();
        let is_shape = |code: &str| SHAPE.contains(&code);
        let shapes: Vec<&Value> = told
            .iter()
            .filter(|told| told["severity"] == "error" && is_shape(told["code"].as_str().unwrap()))
            .collect();
        let found: Vec<String> = validator
            .iter_errors(&config)
            .map(|error| format!("{} {error:.200}", error.instance_path()))
            .collect();
        if shapes.is_empty() != found.is_empty() {
            differences.push(format!("{}\n  {shapes:?}\n  {found:?}", path.display()));
        }
    }
    assert!(differences.is_empty(), "check and schema differ:\n{}", differences.join("\n"));
}

fn validator(playground: &Playground) -> jsonschema::Validator {
    let schema = playground.olive(&["schema"]);
    jsonschema::draft7::new(&serde_json::from_str(&schema.out).unwrap()).unwrap()
}

/// Configs in JSON below `folder`, sorted.
fn below(folder: &Path) -> Vec<PathBuf> {
    let texts = texts(folder);
    let configs = texts.iter().filter(|(name, text)| {
        name.rsplit('.').next() == Some("json") && text.contains("input_model")
    });
    configs.map(|(name, _)| folder.join(name)).collect()
}

/// Texts of the files below `folder` by relative path.
fn texts(folder: &Path) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            let inner = self::texts(&path).into_iter();
            texts.extend(inner.map(|(below, text)| (format!("{name}/{below}"), text)));
        } else if let Ok(text) = fs::read_to_string(&path) {
            texts.insert(name, text);
        }
    }
    texts
}
