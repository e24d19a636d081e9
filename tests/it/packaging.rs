//! Packages of a result: when they are made, what packagers get, and what is left when one fails.

use serde_json::{Value, json};

use crate::playground::Playground;
use crate::real;

/// A workflow of one pass with these packages.
fn packed(playground: &Playground, packages: &Value) {
    playground.workflow(json!({
        "passes": {"first": {"type": "Toy"}},
        "packaging_config": packages
    }));
}

#[test]
fn a_package_lies_beside_the_result() {
    let playground = Playground::new();
    packed(&playground, &json!({"type": "toycrate"}));
    let said = playground.run();
    said.check(0, &["nailed shut", "OutputModels.crate` is made"]);
    let list = playground.read("out/OutputModels.crate/list.txt");
    assert_eq!(
        list,
        "HfModel of [Toy] with []\n  ballast: 0 bytes\n  config.json: 2 bytes\n  weights: 12 bytes\n"
    );
    assert!(playground.exists("out/weights"));
    assert!(!playground.exists("out/.olive-package"));
}

#[test]
fn a_package_is_made_once_and_anew_when_it_would_be_another() {
    let playground = Playground::new();
    playground.write("note.txt", "careful");
    let crate_of = |name: &str| json!({"type": "ToyCrate", "name": name, "note": "note.txt"});
    packed(&playground, &json!([crate_of("a"), crate_of("b")]));
    playground.run().check(0, &["a.crate` is made", "b.crate` is made"]);
    playground
        .run()
        .check(0, &["package `a.crate` is as it was", "package `b.crate` is as it was"]);

    playground.write("note.txt", "fragile");
    playground.run().check(0, &["a.crate` is made"]);
    assert_eq!(playground.read("out/a.crate/note"), "fragile");
    std::fs::remove_file(playground.path("out/a.crate/list.txt")).unwrap();
    playground.run().check(0, &["a.crate` is made", "package `b.crate` is as it was"]);

    packed(&playground, &json!([crate_of("b")]));
    playground.run().check(0, &["package `b.crate` is as it was"]);
    assert!(!playground.exists("out/a.crate") && playground.exists("out/b.crate/list.txt"));
    packed(&playground, &json!(null));
    playground.run().check(0, &[]);
    assert!(!playground.exists("out/b.crate"));
}

#[test]
fn what_a_user_has_put_into_a_package_stays() {
    let playground = Playground::new();
    packed(&playground, &json!({"type": "ToyCrate"}));
    playground.run().check(0, &["OutputModels.crate` is made"]);
    playground.write("out/OutputModels.crate/list.txt", "a list of my own");
    playground.run().check(0, &["package `OutputModels.crate` is as it was"]);
    assert_eq!(playground.read("out/OutputModels.crate/list.txt"), "a list of my own");

    playground.write("out/OutputModels.crate/mine/note", "mine");
    packed(&playground, &json!(null));
    playground.run().check(0, &[]);
    assert_eq!(playground.names("out/OutputModels.crate"), ["mine"]);
    packed(&playground, &json!({"type": "ToyCrate"}));
    playground.run().check(20, &["is in the way"]);
    assert_eq!(playground.read("out/OutputModels.crate/mine/note"), "mine");
}

#[test]
fn large_weights_are_packed_wherever_they_lie() {
    let playground = Playground::new();
    // Larger than what is copied into the output; of an ONNX model it is lent to it.
    let first = json!({"type": "Toy", "ballast_bytes": 2 << 20});
    for passes in [json!({"first": first}), json!({"first": first, "pack": {"type": "ToyPack"}})] {
        playground.workflow(json!({
            "passes": passes, "packaging_config": {"type": "ToyCrate"}
        }));
        playground.run().check(0, &["OutputModels.crate` is made"]);
        let list = playground.read("out/OutputModels.crate/list.txt");
        assert!(list.contains("\n  ballast: 2097152 bytes\n"), "{list}");
    }
}

/// Runs `olive.json` on what is in `out`, into `second`; gives the names of the model's files there.
fn second_run(playground: &Playground) -> Vec<String> {
    let args = ["run", "--config", "@/olive.json", "-m", "@/out", "-o", "@/second"];
    playground.olive(&args).check(0, &["` is made"]);
    let marker = playground.read("second/.olive-result.json");
    let marker: Value = serde_json::from_str(&marker).unwrap();
    let files = marker["files"].as_array().unwrap().iter();
    files.map(|file| file["path"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_result_is_packed_anew_without_the_report_and_packages_beside_it() {
    let playground = Playground::new();
    packed(&playground, &json!({"type": "ToyCrate"}));
    playground.run().check(0, &[]);
    playground.write("out/.env", "secret");
    assert_eq!(second_run(&playground), ["ballast", "config.json", "weights"]);
    let list = playground.read("second/OutputModels.crate/list.txt");
    assert_eq!(list, playground.read("out/OutputModels.crate/list.txt"));
}

#[test]
fn a_rewritten_graph_takes_along_what_is_the_models_alone() {
    let playground = real::installed();
    let source = real::fixture("builder/tiny-llama-fp32");
    real::copy_files(&source, &playground.path("model"));
    playground.workflow(json!({
        "input_model": {"type": "ONNXModel", "model_path": "model"},
        "passes": {"peephole": {"type": "OnnxPeepholeOptimizer"}},
        "packaging_config": {"type": "Zipfile"}
    }));
    playground.run().check(0, &["OutputModels.zip` is made"]);
    playground.write("out/.env", "secret");
    let first = playground.read("out/.olive-result.json");
    let files = second_run(&playground);
    assert!(files.contains(&"genai_config.json".to_owned()), "{files:?}");
    for file in &files {
        assert!(first.contains(&format!("\"{file}\"")), "{file}");
    }
}

#[test]
fn what_a_killed_run_has_left_is_cleared() {
    let playground = Playground::new();
    packed(&playground, &json!(null));
    playground.write("out/.olive-package/output/OutputModels.crate/list.txt", "half a list");
    playground.run().check(0, &[]);
    assert!(!playground.exists("out/.olive-package"));
}

#[test]
fn a_package_depends_on_no_place() {
    let list = |folder: &str| {
        let playground = Playground::new();
        playground.write(&format!("{folder}/data.json"), "[]");
        let wait_for = format!("{folder}/data.json");
        playground.workflow(json!({
            "passes": {"first": {"type": "Toy", "behavior": "wait", "wait_for": wait_for}},
            "packaging_config": {"type": "ToyCrate", "history": true}
        }));
        playground.run().check(0, &["OutputModels.crate` is made"]);
        (
            playground.read("out/OutputModels.crate/history.json"),
            playground.read("out/.olive-packages.json"),
        )
    };
    let (history, record) = list("here");
    assert!(history.contains(r#""wait_for":"data.json""#), "{history}");
    assert_eq!((history, record), list("there"));
}

#[test]
fn a_packager_that_fails_leaves_the_result_and_nothing_half_done() {
    let playground = Playground::new();
    for (trouble, told) in [
        ("fail", "the crate broke"),
        ("stray", "is not all that it left in its output folder"),
        ("elsewhere", "is not all that it left in its output folder"),
    ] {
        packed(&playground, &json!({"type": "ToyCrate", "config": {"trouble": trouble}}));
        let base = playground.path("base").canonicalize().unwrap();
        let result = format!("result: {}", base.with_file_name("out").display());
        let failure = "`package OutputModels (ToyCrate)` failed";
        playground.run().check(20, &[failure, told, &result]);
        let left = playground.names("out");
        let strange = |name: &&String| name.contains("crate") || name.contains("splinter");
        assert_eq!(left.iter().find(strange), None);
        assert!(!playground.exists("out/.olive-package"));
        assert_eq!(playground.read("out/weights"), "some weights");
    }
    packed(&playground, &json!({"type": "ToyCrate"}));
    playground.run().check(0, &["OutputModels.crate` is made"]);
}

#[test]
fn what_is_in_the_way_of_a_package_stays() {
    let playground = Playground::new();
    playground.write("out/OutputModels.crate", "mine");
    packed(&playground, &json!({"type": "ToyCrate"}));
    playground.run().check(20, &["is in the way", "give the package another `name`"]);
    assert_eq!(playground.read("out/OutputModels.crate"), "mine");
}

#[test]
fn the_models_that_a_search_keeps_are_packed_the_best_first() {
    let playground = Playground::new();
    playground.write("base/score", "0.5");
    let figure = json!({"name": "exact_match", "priority": 1});
    let tone =
        json!({"name": "tone", "type": "accuracy", "data_config": "test", "sub_types": [figure]});
    playground.workflow(json!({
        "data_configs": [{
            "name": "test",
            "load_dataset_config": {"data_name": "json", "data_files": "data.json"}
        }],
        "evaluators": {"quality": {"metrics": [tone]}},
        "evaluator": "quality",
        "passes": {"first": {"type": "Toy", "search_space": {"score": [0.25, 0.75, 0.5]}}},
        "search_strategy": {"sampler": "sequential", "output_model_num": 2},
        "packaging_config": {"type": "ToyCrate"}
    }));
    playground.run().check(0, &["OutputModels.crate` is made"]);
    let list = playground.read("out/OutputModels.crate/list.txt");
    let heads: Vec<&str> = list.lines().filter(|line| line.starts_with("HfModel")).collect();
    assert_eq!(heads, ["HfModel of [Toy] with [0.75]", "HfModel of [Toy] with [0.5]"]);
}

#[test]
fn a_plan_tells_the_packages() {
    let playground = Playground::new();
    packed(&playground, &json!({"type": "ToyCrate", "name": "mine"}));
    playground.olive(&["plan", "-c", "@/olive.json"]).check(0, &["package: `mine` as ToyCrate"]);
    assert!(!playground.exists("out"));
}
