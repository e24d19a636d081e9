//! Public configs of every era and vendor, where they lie beside this repository: each is read, and
//! a change of spelling changes nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::playground::Playground;
use crate::real;
use crate::yaml;

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared");

/// Codes that say a config is not written as the language has it.
const LANGUAGE: [&str; 8] = [
    "duplicate-key",
    "missing-key",
    "not-a-workflow",
    "read",
    "syntax",
    "unknown-key",
    "unknown-value",
    "wrong-value",
];

/// Passes of the built-in plugins; what they allow for a setting is their own affair.
const INSTALLED: [&str; 34] = [
    "addolivemetadata",
    "autoawqquantizer",
    "autoclip",
    "awq",
    "awqquantizer",
    "converthftogguf",
    "dynamictofixedshape",
    "extractadapters",
    "gptq",
    "gptqmodel",
    "gptqquantizer",
    "graphsurgeries",
    "importgguf",
    "kquant",
    "lora",
    "matmulnbitstoqdq",
    "mergeadapterweights",
    "modelbuilder",
    "onnxblockwisertnquantization",
    "onnxdynamicquantization",
    "onnxfloattofloat16",
    "onnxiodatatypeconverter",
    "onnxkquantquantization",
    "onnxopversionconversion",
    "onnxpeepholeoptimizer",
    "ortperftuning",
    "ortsessionparamstuning",
    "orttransformersoptimization",
    "quarot",
    "rtn",
    "selectivemixedprecision",
    "smoothquant",
    "spinquant",
    "splitmodel",
];

/// Files of the corpus that hold something else than a workflow.
const OTHERS: [&str; 2] = [
    "openai-whisper-large-v3-turbo__VitisAI__vitisai_config.json",
    "openai-whisper-small__VitisAI__vitisai_config.json",
];

/// The user's recipe as document and as configs, and what does not hang together in each.
const RECIPES: [(&str, &str); 4] = [
    (
        "cloud.verbatim.json",
        "registry-name@8 no-effect@48 doubled-marks@52 \
         no-workspace@62 no-key-vault@68 ignored-key@98 no-effect@112 \
         no-effect@116",
    ),
    ("local.json", "no-effect@28 ignored-key@49 no-effect@63 no-effect@67"),
    (
        "local.verbatim-engine.json",
        "no-effect@28 ignored-key@49 no-effect@63 no-effect@67 unknown-system@86",
    ),
    (
        "recipe.he.md",
        "no-effect@98 no-effect@144 doubled-marks@148 no-workspace@167 \
         no-key-vault@171 old-python@203 unpinned-branch@218 nightly-pin@220 \
         registry-name@260 ignored-key@296 no-effect@310 no-effect@314",
    ),
];

/// Keys of the root that are not settings of the engine.
const SECTIONS: [&str; 13] = [
    "$schema",
    "auto_optimizer_config",
    "azureml_client",
    "builds",
    "data_configs",
    "data_root",
    "engine",
    "evaluators",
    "input_model",
    "max_concurrent_builds",
    "pass_flows",
    "passes",
    "workflow_id",
];

/// A section with these keys is written nested or flat.
const BESIDE_CONFIG: [&str; 6] =
    ["type", "host", "evaluator", "disable_search", "clean_run_cache", "output_name"];

/// Another spelling of a config that means the same.
type Change = fn(Value) -> Value;

#[test]
fn every_public_config_is_read() {
    let Some(configs) = corpus() else { return };
    let playground = real::installed();
    let mut counts = BTreeMap::new();
    let mut wrong = Vec::new();
    for (path, found) in check(&playground, &configs) {
        let text = fs::read_to_string(&path).unwrap();
        if OTHERS.contains(&name(&path).as_str()) {
            let codes: Vec<&str> = found.iter().map(Found::code).collect();
            assert_eq!(codes, ["not-a-workflow"], "{}", path.display());
            continue;
        }
        let config = serde_json::from_str(&text).unwrap_or_default();
        for found in found {
            *counts.entry(found.kind()).or_insert(0) += 1;
            if found.is_about_language(&config) {
                wrong.push(format!("{}: {}", name(&path), found.0));
            }
        }
    }
    for ((severity, code), count) in counts {
        println!("{count:>5} {severity:<8} {code}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_change_of_spelling_changes_nothing() {
    let Some(configs) = corpus() else { return };
    let playground = real::installed();
    let read = |path: &PathBuf| serde_json::from_str(&fs::read_to_string(path).unwrap()).ok();
    let originals: Vec<(String, Value)> =
        configs.iter().filter_map(|path| Some((name(path), read(path)?))).collect();
    let codes = |spelling: &str, extension: &str, write: &dyn Fn(&Value) -> String| {
        let paths = originals.iter().map(|(name, config)| {
            let path = format!("{spelling}/{}", name.replace(".json", extension));
            playground.write(&path, &write(config));
            playground.path(&path)
        });
        check(&playground, &paths.collect::<Vec<_>>())
            .into_iter()
            .map(|(_, found)| {
                let mut kinds: Vec<_> = found.iter().map(Found::kind).collect();
                kinds.retain(|(severity, _)| severity != "note");
                kinds.sort();
                kinds
            })
            .collect::<Vec<_>>()
    };
    let expected = codes("as-written", ".json", &Value::to_string);
    let changes: [(&str, Change); 6] = [
        ("nested", |config| each_section(config, nest)),
        ("flat", |config| each_section(config, flatten)),
        ("engine-at-root", engine_at_root),
        ("engine-of-its-own", engine_of_its_own),
        ("lower-case", |config| {
            each_section(config, |section| set_type(section, str::to_lowercase))
        }),
        ("upper-case", |config| {
            each_section(config, |section| set_type(section, str::to_uppercase))
        }),
    ];
    let mut wrong = Vec::new();
    let mut compare = |spelling: &str, actual: Vec<Vec<(String, String)>>| {
        for (((name, _), expected), actual) in originals.iter().zip(&expected).zip(actual) {
            if *expected != actual {
                wrong.push(format!("{spelling}/{name}: {expected:?}, but was {actual:?}"));
            }
        }
    };
    for (spelling, change) in changes {
        let write = |config: &Value| change(config.clone()).to_string();
        compare(spelling, codes(spelling, ".json", &write));
    }
    compare("yaml", codes("yaml", ".yaml", &yaml::write));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_config_without_one_of_its_sections_is_read() {
    let Some(configs) = corpus() else { return };
    let playground = real::installed();
    let mut paths = Vec::new();
    for path in &configs {
        let text = fs::read_to_string(path).unwrap();
        let Ok(config) = serde_json::from_str::<Map<String, Value>>(&text) else { continue };
        for section in config.keys().filter(|key| *key != "input_model") {
            let mut rest = config.clone();
            rest.shift_remove(section);
            let file = format!("without/{section}/{}", name(path));
            playground.write(&file, &Value::Object(rest).to_string());
            paths.push(playground.path(&file));
        }
    }
    for (path, found) in check(&playground, &paths) {
        if OTHERS.contains(&name(&path).as_str()) {
            continue;
        }
        let config = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let wrong: Vec<_> = found.iter().filter(|found| found.is_about_language(&config)).collect();
        assert!(wrong.is_empty(), "{}: {wrong:?}", path.display());
    }
}

#[test]
fn the_recipe_is_read_and_its_inconsistencies_are_told() {
    let folder = Path::new(SHARED).join("recipes");
    if !folder.is_dir() {
        println!("skipped: there are no recipes at `{}`", folder.display());
        return;
    }
    let playground = real::installed();
    let paths: Vec<PathBuf> = RECIPES.iter().map(|(name, _)| folder.join(name)).collect();
    for ((path, found), (_, expected)) in check(&playground, &paths).into_iter().zip(RECIPES) {
        let told = found.iter().filter(|found| !found.is_incidental());
        let told: Vec<String> = told.map(Found::to_string).collect();
        assert_eq!(told.join(" "), expected, "{}", path.display());
    }
}

/// One diagnostic.
#[derive(Debug)]
struct Found(Value);

impl Found {
    fn code(&self) -> &str {
        self.0["code"].as_str().unwrap()
    }

    /// Severity and code.
    fn kind(&self) -> (String, String) {
        (self.0["severity"].as_str().unwrap().to_owned(), self.code().to_owned())
    }

    /// Whether it is a note, or depends on the files of this machine.
    fn is_incidental(&self) -> bool {
        self.0["severity"] == "note" || self.code() == "file-missing"
    }

    /// Whether it blames the language of `config`, not a setting of an installed pass.
    fn is_about_language(&self, config: &Value) -> bool {
        let is_wrong = self.0["severity"] != "note" && LANGUAGE.contains(&self.code());
        // What a source allows is its own affair, too.
        let is_of_source =
            self.0["pointer"].as_str().unwrap().ends_with("/load_dataset_config/split");
        let mut keys = self.0["pointer"].as_str().unwrap().split('/').skip(1);
        let is_pass = keys.next() == Some("passes");
        let pass = is_pass.then(|| &config["passes"][keys.next().unwrap_or_default()]);
        let kind = pass.and_then(|pass| pass["type"].as_str()).unwrap_or_default();
        is_wrong && !is_of_source && !INSTALLED.contains(&kind.to_lowercase().as_str())
    }
}

/// `code@line`.
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.code(), self.0["line"])
    }
}

/// What is found in each of `configs`; the program ends well, whatever it finds.
fn check(playground: &Playground, configs: &[PathBuf]) -> Vec<(PathBuf, Vec<Found>)> {
    let mut command = playground.command(&["check", "--format", "json"]);
    let output = command.args(configs).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 11)), "{}: {err}", output.status);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let files = said["files"].as_array().unwrap();
    let found = files.iter().map(|file| file["diagnostics"].as_array().unwrap());
    let found = found.map(|found| found.iter().cloned().map(Found).collect());
    configs.iter().cloned().zip(found).collect()
}

/// The public configs, sorted; says so when they are not there.
fn corpus() -> Option<Vec<PathBuf>> {
    let folder = Path::new(SHARED).join("corpus/olive-recipes");
    let Ok(entries) = fs::read_dir(&folder) else {
        println!("skipped: there is no corpus of public configs at `{}`", folder.display());
        return None;
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut configs: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    configs.sort();
    Some(configs)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Applies `change` to the model, every system and every pass.
fn each_section(mut config: Value, change: impl Fn(&mut Map<String, Value>)) -> Value {
    let mut change = |section: &mut Value| {
        if let Some(section) = section.as_object_mut() {
            change(section);
        }
    };
    for (key, section) in config.as_object_mut().unwrap() {
        match key.as_str() {
            "input_model" => change(section),
            "systems" | "passes" if section.is_object() => {
                section.as_object_mut().unwrap().values_mut().for_each(&mut change);
            }
            _ => {}
        }
    }
    config
}

fn nest(section: &mut Map<String, Value>) {
    if section.contains_key("config") {
        return;
    }
    let (outer, inner): (Map<_, _>, Map<_, _>) = std::mem::take(section)
        .into_iter()
        .partition(|(key, _)| BESIDE_CONFIG.contains(&key.as_str()));
    *section = outer;
    section.insert("config".into(), inner.into());
}

fn flatten(section: &mut Map<String, Value>) {
    let Some(Value::Object(inner)) = section.get("config").cloned() else { return };
    section.shift_remove("config");
    section.extend(inner);
}

fn set_type(section: &mut Map<String, Value>, change: impl Fn(&str) -> String) {
    if let Some(Value::String(kind)) = section.get_mut("type") {
        *kind = change(kind);
    }
}

fn engine_at_root(mut config: Value) -> Value {
    let root = config.as_object_mut().unwrap();
    if let Some(Value::Object(engine)) = root.shift_remove("engine") {
        root.extend(engine);
    }
    config
}

fn engine_of_its_own(config: Value) -> Value {
    let Value::Object(root) = config else { return config };
    let is_section = |key: &str| SECTIONS.contains(&key) || key == "systems";
    let (mut root, settings): (Map<_, _>, Map<_, _>) =
        root.into_iter().partition(|(key, _)| is_section(key));
    let engine = root.entry("engine").or_insert(json!({}));
    if let Some(engine) = engine.as_object_mut() {
        engine.extend(settings);
    }
    root.into()
}
