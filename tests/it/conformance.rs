//! `olive plugin test`: our own plugins keep the contract, and whoever breaks it is told how.

use std::collections::BTreeSet;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::playground::{Playground, Said, built, built_if_any};

/// Plugins whose passes the rules speak of.
const BUILT_IN: [&str; 3] =
    ["olive_plugin_lora", "olive_plugin_merge", "olive_plugin_model_builder"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn library(name: &str) -> String {
    built(&format!("{DLL_PREFIX}{name}{DLL_SUFFIX}")).display().to_string()
}

/// What came of trying a plugin: verdict, name and detail of each check.
struct Tried {
    code: Option<i32>,
    checks: Vec<[String; 3]>,
}

impl Tried {
    fn of(args: &[&str]) -> Self {
        Self::by(&Playground::bare(), args, &[])
    }

    fn by(playground: &Playground, args: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = playground.command(&[&["plugin", "test", "--json"], args].concat());
        let said = Said::from(command.envs(variables.iter().copied()).output().unwrap());
        let lines = said.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let lines: Vec<Value> = lines.collect();
        let summary = lines.last().map(|line| line["summary"].clone()).unwrap_or_default();
        assert!(summary.is_object(), "out:\n{}\nerr:\n{}", said.out, said.err);
        let text = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
        let check = |line: &Value| ["verdict", "check", "detail"].map(|key| text(line, key));
        let checks: Vec<_> = lines[..lines.len() - 1].iter().map(check).collect();
        let count = |verdict: &str| checks.iter().filter(|check| check[0] == verdict).count();
        assert_eq!(summary["passed"], count("ok"));
        assert_eq!(summary["failed"], count("failed"));
        assert_eq!(summary["skipped"], count("skipped"));
        Self { code: said.code, checks }
    }

    /// Checks that nothing failed, and that at least these checks passed.
    fn check_kept(&self, passed: &[&str]) {
        let failed: Vec<_> = self.checks.iter().filter(|check| check[0] == "failed").collect();
        assert!(failed.is_empty(), "{failed:#?}");
        assert_eq!(self.code, Some(0));
        let found = self.that("ok");
        for check in passed {
            assert!(found.contains(check), "`{check}` did not pass: {:#?}", self.checks);
        }
    }

    /// Names of the checks that went like this.
    fn that(&self, verdict: &str) -> BTreeSet<&str> {
        let like = self.checks.iter().filter(|check| check[0] == verdict);
        like.map(|check| check[1].as_str()).collect()
    }

    /// What was said about the check called `name`.
    fn detail(&self, name: &str) -> &str {
        let check = self.checks.iter().find(|check| check[1] == name);
        &check.unwrap_or_else(|| panic!("no check `{name}`: {:#?}", self.checks))[2]
    }
}

/// Tries a built-in plugin with its cases: nothing may fail, and these checks must have passed.
fn check_built_in(name: &str, passed: &[&str]) {
    let library = library(&format!("olive_plugin_{}", name.replace('-', "_")));
    let cases = root().join("plugins").join(name).join("conformance.json");
    Tried::of(&[&library, "--cases", cases.to_str().unwrap()]).check_kept(passed);
}

#[test]
fn the_lora_plugin_keeps_the_contract() {
    let passed =
        ["LoRA/llama/missing-files", "LoRA/llama/cancel-midway", "LoRA/unknown-module/runs"];
    check_built_in("lora", &passed);
}

#[test]
fn the_merge_plugin_keeps_the_contract() {
    let passed = ["MergeAdapterWeights/llama/same-with-one-thread"];
    check_built_in("merge", &passed);
}

#[test]
fn the_model_builder_keeps_the_contract() {
    check_built_in("model-builder", &["ModelBuilder/int4/cut-files", "ModelBuilder/fp32/runs"]);
}

#[test]
fn the_plugin_for_graphs_keeps_the_contract() {
    let passed = ["GraphSurgeries/names/cut-files", "OnnxPeepholeOptimizer/default/same-twice"];
    check_built_in("onnx", &passed);
}

#[test]
fn the_plugin_for_packed_checkpoints_keeps_the_contract() {
    let passed = ["Gptq/llama/same-with-one-thread", "Rtn/tied/cut-files", "Awq/no-data/runs"];
    check_built_in("quantize", &passed);
}

#[test]
fn the_import_plugin_keeps_the_contract() {
    let passed = [
        "ImportGguf/llama/cut-files",
        "ImportGguf/phi3-half/same-twice",
        "ConvertHfToGGUF/to-gguf/same-twice",
    ];
    check_built_in("import", &passed);
}

#[test]
fn the_packagers_keep_the_contract() {
    let passed = [
        "Zipfile/onnx/same-twice",
        "Dockerfile/server/missing-files",
        "ModelPackage/variant/paths",
    ];
    check_built_in("package", &passed);
}

#[test]
fn the_hub_plugin_keeps_the_contract() {
    let cases =
        ["HuggingFaceModel/model-without-token/runs", "HuggingFaceDataset/data-without-token/runs"];
    check_built_in("hub", &cases);
}

#[test]
fn the_system_for_clusters_keeps_the_contract() {
    check_built_in("slurm", &["Slurm/documented", "Slurm/marks"]);
}

#[test]
fn the_systems_of_environments_keep_the_contract() {
    let passed = [
        "Docker/documented",
        "Docker/marks",
        "Docker/own-option/runs",
        "PythonEnvironment/documented",
        "PythonEnvironment/no-interpreter/runs",
    ];
    check_built_in("environments", &passed);
}

#[test]
fn the_azureml_plugin_keeps_the_contract() {
    let cases = [
        "azureml_datastore/no-workspace/runs",
        "azureml_model/option/runs",
        "azureml_registry_model/no-credential/runs",
        "azureml_job_output/no-workspace/runs",
        "aml compute/documented",
    ];
    check_built_in("azureml", &cases);
}

#[test]
fn the_evaluator_of_checkpoints_keeps_the_contract() {
    let passed = ["CheckpointEvaluator/all/answer", "CheckpointGenerator/plain/text"];
    check_built_in("evaluate", &passed);
}

#[test]
fn the_onnx_runtime_plugin_keeps_the_contract() {
    if std::env::var_os("OLIVE_ONNXRUNTIME_LIB").is_none() {
        println!("skipped: OLIVE_ONNXRUNTIME_LIB names no ONNX Runtime library");
        return;
    }
    let passed = ["OnnxRuntimeEvaluator/all/answer", "OnnxRuntimeGenerator/plain/text"];
    check_built_in("onnxruntime", &passed);
}

/// Tries a built-in component with its cases, beside these libraries: nothing may fail, and these
/// checks must have passed.
fn check_component(name: &str, libraries: &[&str], passed: &[&str]) {
    let file = format!("olive_plugin_{}.wasm", name.replace('-', "_"));
    let Some(component) = built_if_any(&file) else {
        println!("skipped: the component `{name}` is not built: cargo xtask wasm");
        return;
    };
    let cases = root().join("plugins").join(name).join("conformance.json");
    let args = [component.to_str().unwrap(), "--cases", cases.to_str().unwrap()];
    let playground = Playground::bare();
    for library in libraries {
        playground.install(library, library);
    }
    Tried::by(&playground, &args, &[]).check_kept(passed);
}

#[test]
fn the_built_in_rules_keep_the_contract() {
    let promises = ["rules-tried", "limits", "switched-off"];
    let promises = promises.map(|promise| format!("olive_plugin_rules/{promise}"));
    check_component("rules", &BUILT_IN, &promises.each_ref().map(String::as_str));
}

#[test]
fn the_built_in_graph_pass_keeps_the_contract() {
    let passed =
        ["EditGraphIO/limits", "EditGraphIO/renamed/runs", "EditGraphIO/unknown-input/runs"];
    check_component("graph-io", &["olive_plugin_onnx"], &passed);
}

#[test]
fn the_example_of_a_process_plugin_keeps_the_contract() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3");
        return;
    }
    let folder = root().join("examples/process-plugin");
    Tried::of(&[folder.to_str().unwrap()]).check_kept(&[]);
}

#[test]
fn a_careless_plugin_is_told_what_it_breaks() {
    // Not confined, so that what strays is seen on every system.
    let free = [("OLIVE_CONFINE", "off")];
    let tried = Tried::by(&Playground::bare(), &[&library("olive_careless_plugin")], &free);
    assert_eq!(tried.code, Some(12));
    let mut expected = BTreeSet::from([
        "Undescribed/documented".to_owned(),
        "Undescribed/closed".to_owned(),
        "Undescribed/specimen/unknown-setting".to_owned(),
        "Misdescribed/defaults".to_owned(),
        "Misdescribed/marks".to_owned(),
        "Misdescribed/examples".to_owned(),
        "Scattering/marks".to_owned(),
    ]);
    for (name, check) in [
        ("Random", "same-twice"),
        ("Threaded", "same-with-one-thread"),
        ("Littering", "stays-inside"),
        ("Touching", "input-untouched"),
        ("Backwards", "progress"),
        ("Chatty", "volume"),
        ("Deaf", "cancel-at-once"),
        ("Deaf", "cancel-midway"),
        ("Elsewhere", "paths"),
        ("Scattering", "paths"),
        ("Mislabeled", "answer"),
        ("Fragile", "missing-model"),
        ("Fragile", "missing-files"),
        ("Fragile", "cut-files"),
        ("Forgetful", "resumes-after-stop"),
        ("Forgetful", "resumes-after-kill"),
    ] {
        expected.insert(format!("{name}/example-0/{check}"));
    }
    let expected: BTreeSet<&str> = expected.iter().map(String::as_str).collect();
    assert_eq!(tried.that("failed"), expected, "{:#?}", tried.checks);
    for (check, part) in [
        ("Undescribed/documented", "`note` has no description"),
        ("Undescribed/documented", "`longwinded` has"),
        ("Misdescribed/defaults", "`share`"),
        ("Misdescribed/marks", "`x-olive-magic` at the root: no such mark is known"),
        ("Misdescribed/marks", "`/nowhere` is no setting"),
        ("Scattering/marks", "`x-olive-renamed-from` at /properties/note: it is not read of a"),
        ("Scattering/example-0/paths", "is not all that lies right in the output folder"),
        ("Random/example-0/same-twice", "`config.json` differs"),
        ("Littering/example-0/stays-inside", "`home/.careless` was made"),
        ("Touching/example-0/input-untouched", "`input/model/config.json` was changed"),
        ("Backwards/example-0/progress", "went back from 2 to 1 of 3"),
        ("Forgetful/example-0/resumes-after-stop", "`note` differs"),
        ("Fragile/example-0/missing-files", "`model.safetensors`: the plugin panicked: no weights"),
    ] {
        assert!(tried.detail(check).contains(part), "{check}: {}", tried.detail(check));
    }
}

#[test]
fn a_source_that_was_broken_off_makes_the_same() {
    let playground = Playground::bare();
    let case = |name: &str, item: &str, expect: &str| {
        let config = json!({"shelf": "shelf", "item": item});
        json!({"name": name, "source": "ToyShelf", "config": config, "expect": expect})
    };
    playground.write("shelf/phi/config.json", "{}");
    playground.write("shelf/phi/deep/weights", "some weights");
    let cases = [case("phi", "phi", "ok"), case("nothing", "phy", "not-on-the-shelf")];
    playground.write("cases.json", &json!({ "cases": cases }).to_string());
    let cases = playground.path("cases.json");
    let library = library("olive_toy_plugin");
    let tried = Tried::by(&playground, &[&library, "--cases", cases.to_str().unwrap()], &[]);
    for check in ["phi/same-twice", "phi/resumes-after-stop", "phi/resumes-after-kill"] {
        let check = format!("ToyShelf/{check}");
        assert!(tried.that("ok").contains(&*check), "{check}: {:#?}", tried.checks);
    }
    for check in ["ToyShelf/nothing/runs", "ToyQueue/specimen/chains"] {
        assert!(tried.that("ok").contains(check), "{check}: {:#?}", tried.checks);
    }
}

#[test]
fn what_is_no_plugin_is_told_with_the_way_out() {
    let playground = Playground::bare();
    playground
        .olive(&["plugin", "test", "@/base"])
        .check(2, &["build it first: olive plugin build"]);
    playground.olive(&["plugin", "test", "@/data.json"]).check(2, &["is neither a library"]);
    let broken = format!("broken{DLL_SUFFIX}");
    playground.write(&broken, "no library");
    playground
        .olive(&["plugin", "test", &format!("@/{broken}")])
        .check(12, &["failed", "described: ", "0 passed, 1 failed, 0 skipped"]);
}
