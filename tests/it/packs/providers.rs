//! An execution provider that others ship, wrapped as a pack: installed, listed, used, removed.
//!
//! `cargo xtask test` fetches OpenVINO's provider and ONNX Runtime; without them, and on systems
//! that OpenVINO is not for, the test says so and passes. OpenVINO's provider offers no device on
//! processors of other makers than Intel. There the pack loads it through `olive-any-processor`,
//! which says that they are Intel's.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::maker::TARGET;
use crate::playground::{Playground, Said, built};

const PROVIDER: &str = "OpenVINOExecutionProvider";
const PACK: &str = "olive/ep-openvino";

/// Largest relative difference of perplexities: where a processor has bf16, OpenVINO computes in it.
const CLOSE: f64 = 0.02;

#[test]
fn a_provider_in_a_pack_measures_what_the_processor_measures() {
    let Some(playground) = playground() else { return };
    build(&playground);
    let expected = measure(&playground, "CPUExecutionProvider");

    write(&playground, PROVIDER);
    let none_has = format!("no installed pack has the execution provider `{PROVIDER}`");
    check(&playground).check(0, &["warning[plugin-missing]", &none_has]);
    let search = format!("olive plugin search {PROVIDER}");
    playground.run().check(13, &["error[execution-provider]", &none_has, &search]);

    install(&playground);
    playground.olive(&["plugin", "list"]).check(0, &[PACK, PROVIDER]);
    let said = check(&playground);
    said.check(0, &[]);
    assert!(!said.out.contains(PROVIDER) && !said.err.contains(PROVIDER), "{}", said.err);
    let found = measure(&playground, PROVIDER);
    assert!((found / expected - 1.0).abs() < CLOSE, "{found}, not {expected}");

    playground.olive(&["plugin", "remove", PACK]).check(0, &[PACK]);
    let said = playground.olive(&["plugin", "list"]);
    assert!(!said.out.contains(PROVIDER), "{}", said.out);
    playground.run().check(13, &[&none_has]);
}

/// A playground with a model, and the provider's pack in `wrapped`; none where the test cannot be.
fn playground() -> Option<Playground> {
    let variable = |name: &str| {
        let value = std::env::var_os(name).map(PathBuf::from);
        if value.is_none() {
            println!("skipped: {name} is not set: run `cargo xtask test`");
        }
        value
    };
    variable("OLIVE_ONNXRUNTIME_LIB")?;
    let wrapped = variable("OLIVE_TEST_OPENVINO")?;
    let playground = Playground::bare();
    for plugin in ["olive_plugin_onnxruntime", "olive_plugin_model_builder"] {
        playground.install(plugin, plugin);
    }
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/tiny-phi3");
    copy(Path::new(model), &playground.path("model"));
    copy(&wrapped, &playground.path("wrapped"));
    let is_intel = fs::read_to_string("/proc/cpuinfo").is_ok_and(|it| it.contains("GenuineIntel"));
    if !is_intel {
        let Some(()) = mask(&playground) else {
            println!("skipped: OpenVINO offers this processor no device");
            return None;
        };
    }
    playground.write(
        "test.json",
        r#"[{"phrase": "I won", "tone": "joy"}, {"phrase": "Who is there", "tone": "fear"}]"#,
    );
    Some(playground)
}

/// Lets the pack load OpenVINO through the library that says whose the processor is.
fn mask(playground: &Playground) -> Option<()> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let name = format!("{DLL_PREFIX}olive_any_processor{DLL_SUFFIX}");
    let folder = playground.path("wrapped/dist").join(TARGET).join("openvino");
    fs::copy(built(&name), folder.join(&name)).unwrap();
    let mut recipe: Value =
        serde_json::from_str(&playground.read("wrapped/olive-pack.json")).unwrap();
    recipe["execution_providers"][0]["entry"][TARGET] = json!(format!("openvino/{name}"));
    playground.write("wrapped/olive-pack.json", &recipe.to_string());
    Some(())
}

/// Packs, signs, trusts and installs what is in `wrapped`.
fn install(playground: &Playground) {
    playground.olive(&["plugin", "key", "new", "--no-password", "@/test.key"]).check(0, &[]);
    let said = playground.olive(&[
        "plugin",
        "pack",
        "@/wrapped",
        "--out",
        "@/packs",
        "--key",
        "@/test.key",
    ]);
    said.check(0, &[PACK, PROVIDER]);
    playground.olive(&["plugin", "trust", "add", "olive", "@/test.pub"]).check(0, &[]);
    playground
        .olive(&["plugin", "install", "@/packs/olive-ep-openvino-1.8.1.pack"])
        .check(0, &[PACK]);
}

/// The perplexity of the model, measured with `provider`.
fn measure(playground: &Playground, provider: &str) -> f64 {
    write(playground, provider);
    let said = playground.run();
    said.check(0, &[]);
    if provider == PROVIDER {
        said.check(0, &[&format!("{provider} computes ")]);
    }
    let args = ["evaluate", "--config", "@/olive.json", "--model", "@/onnx", "--json"];
    let said = playground.olive(&args);
    said.check(0, &[]);
    let metrics: Value = serde_json::from_str(&said.out).unwrap();
    metrics["tone-perplexity"]["value"].as_f64().unwrap()
}

/// Builds a tiny model in `onnx`.
fn build(playground: &Playground) {
    let workflow = json!({
        "input_model": {"type": "HfModel", "model_path": "model"},
        "passes": {"builder": {"type": "ModelBuilder", "precision": "fp32"}},
        "engine": {"output_dir": "onnx", "cache_dir": "cache"}
    });
    playground.write("olive.json", &workflow.to_string());
    playground.run().check(0, &[]);
}

/// Writes a workflow that measures what was built with `provider`.
fn write(playground: &Playground, provider: &str) {
    let workflow = json!({
        "input_model": {"type": "ONNXModel", "model_path": "onnx"},
        "systems": {"here": {
            "type": "LocalSystem",
            "accelerators": [{"device": "cpu", "execution_providers": [provider]}]
        }},
        "data_configs": [{
            "name": "test",
            "load_dataset_config": {"data_name": "json", "data_files": "test.json"},
            "pre_process_data_config": {"text_template": "{phrase}: {tone}", "max_seq_len": 32}
        }],
        "evaluators": {"tone": {"metrics": [{
            "name": "tone",
            "type": "accuracy",
            "sub_types": [{"name": "perplexity"}],
            "data_config": "test"
        }]}},
        "engine": {
            "target": "here",
            "evaluator": "tone",
            "log_severity_level": 1,
            "output_dir": "out",
            "cache_dir": "cache"
        }
    });
    playground.write("olive.json", &format!("{workflow:#}"));
}

fn check(playground: &Playground) -> Said {
    playground.olive(&["check", "@/olive.json"])
}

/// Copies a folder with all below it, as links where that can be.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else if path.extension().is_some_and(|end| end == "json")
            || fs::hard_link(&path, &to).is_err()
        {
            fs::copy(&path, &to).unwrap();
        }
    }
}
