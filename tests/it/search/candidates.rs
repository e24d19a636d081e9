//! Models that a search places beside its result.

use std::fs;

use serde_json::{Value, json};

use super::{accuracy, data, scores, searched};
use crate::playground::Playground;

#[test]
fn the_next_best_models_lie_beside_the_result() {
    let passes = json!({"choose": scores(&[0.2, 0.9, 0.7, 0.8])});
    let playground = searched(&passes, &json!({"output_model_num": 3}));
    let said = playground.run();
    said.check(0, &["variant 4 is candidate 2, variant 3 is candidate 3", "out/candidates/2"]);
    let score = |folder: &str| playground.read(&format!("{folder}/score"));
    assert_eq!(["out", "out/candidates/2", "out/candidates/3"].map(score), ["0.9", "0.8", "0.7"]);
    let read = |name: &str| serde_json::from_str::<Value>(&playground.read(name)).unwrap();
    let run = read("out/run.json");
    assert_eq!(run["search"]["chosen"], json!([2, 4, 3]));
    let folder = |rank: usize, trial: usize| json!({"rank": rank, "trial": trial, "folder": format!("candidates/{rank}")});
    assert_eq!(run["search"]["candidates"], json!([folder(2, 4), folder(3, 3)]));
    let metrics = read("out/candidates/2/metrics.json");
    assert_eq!(metrics["tone-exact_match"]["value"], 0.8);
    let model = read("out/candidates/2/model_config.json");
    assert!(model["config"]["model_path"].as_str().unwrap().ends_with("out/candidates/2"));
    assert_eq!(read("out/output_footprint.json").as_object().unwrap().len(), 3);
    // Each is a model for the next run.
    let folder = playground.path("out/candidates/3").display().to_string();
    let again = playground.olive(&["run", "-c", "@/olive.json", "-m", &folder, "-o", "@/next"]);
    again.check(0, &[]);
}

#[test]
fn candidates_of_an_earlier_run_go_and_what_the_user_put_there_stays() {
    let search = |playground: &Playground, count: usize| {
        let metrics = json!([accuracy(&json!({"priority": 1}))]);
        playground.workflow(json!({
            "data_configs": data(),
            "evaluators": {"quality": {"metrics": metrics}},
            "evaluator": "quality",
            "passes": {"choose": scores(&[0.2, 0.9, 0.7, 0.8])},
            "search_strategy": {"output_model_num": count}
        }));
        playground.run().check(0, &["nothing to do"]);
    };
    let playground = searched(
        &json!({"choose": scores(&[0.2, 0.9, 0.7, 0.8])}),
        &json!({"output_model_num": 4}),
    );
    playground.run().check(0, &[]);
    assert_eq!(playground.names("out/candidates"), ["2", "3", "4"]);
    playground.write("out/candidates/3/notes.txt", "mine");
    search(&playground, 2);
    assert_eq!(playground.names("out/candidates"), ["2", "3"]);
    assert_eq!(playground.names("out/candidates/3"), ["notes.txt"]);
    // A kill while another result goes in leaves the list of what may be there.
    search(&playground, 4);
    let marker = playground.path("out/.olive-result.json");
    fs::rename(marker, playground.path("out/.olive-placing.json")).unwrap();
    search(&playground, 1);
    assert_eq!(playground.names("out/candidates"), ["3"]);
    assert_eq!(playground.read("out/candidates/3/notes.txt"), "mine");
    assert!(!playground.exists("out/.olive-placing.json"));
    assert_eq!(playground.read("out/score"), "0.9");
}
