//! Reports of runs and searches: made again, told in every form, and looked at in a browser.

mod chromium;
mod look;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::playground::{Playground, signal};

/// A search of the built-in plugins, as `run.json` has it.
fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/report/search.json")
}

/// A search with a shared pass, goals, and every way for a trial to end.
fn searched() -> Playground {
    let playground = Playground::new();
    playground.write("base/score", "0.5");
    let figure = |name: &str, priority: u32, limit: f64| {
        json!([{
            "name": name, "priority": priority, "goal": {"type": "threshold", "value": limit}
        }])
    };
    playground.workflow(json!({
        "data_configs": [{
            "name": "test",
            "load_dataset_config": {"data_name": "json", "data_files": "data.json"}
        }],
        "evaluators": {"quality": {"metrics": [
            {
                "name": "size", "type": "size_on_disk",
                "sub_types": figure("bytes", 1, 5000.0)
            },
            {
                "name": "tone", "type": "accuracy", "data_config": "test",
                "sub_types": figure("exact_match", 2, 0.6)
            }
        ]}},
        "evaluator": "quality",
        "passes": {
            "shared": {"type": "Toy", "ballast_bytes": 10},
            "choose": [
                {"type": "Toy", "score": 0.9, "ballast_bytes": 900},
                {"type": "Toy", "score": 0.8, "ballast_bytes": 300},
                {"type": "Toy", "score": 0.7, "ballast_bytes": 200},
                {"type": "Toy", "score": 0.4, "ballast_bytes": 100},
                {"type": "Toy", "score": 0.9, "ballast_bytes": 9000},
                {"type": "Toy", "behavior": "refuse"},
                {"type": "Toy", "behavior": "fail"}
            ]
        },
        "search_strategy": {"sampler": "sequential"}
    }));
    playground
}

#[test]
fn a_search_is_told_in_every_form() {
    let playground = searched();
    let page = || playground.read("out/report.html");
    playground.run().check(0, &["Variant 3 (`choose=Toy#3`) is the result.", "Looked at 7 of 7"]);
    let first = page();
    for part in ["<h2>Trade-off</h2>", "<h2>Lineage</h2>", "<h2>Timeline</h2>", "Run it again"] {
        assert!(first.contains(part), "{part}");
    }
    playground.write("out/report.html", "spoiled");
    playground.olive(&["report", "@/out"]).check(0, &["report: ", "out/report.html"]);
    assert_eq!(page(), first);
    let told = |format: &str| {
        let said = playground.olive(&["report", "@/out", "--format", format]);
        said.check(0, &[]);
        said.out
    };
    assert_eq!(told("html"), first);
    assert_eq!(told("json"), playground.read("out/run.json"));
    let rows = told("csv");
    assert!(rows.starts_with("variant,stage,outcome,"), "{rows}");
    assert_eq!(rows.lines().count(), 8, "{rows}");
    assert!(rows.contains("\r\n3,,measured,,true,true,true,Toy#3,"), "{rows}");
    let tables = told("md");
    for part in ["| 3 | result | Toy#3 |", "failed: ", "olive run --config ", "## Environment"] {
        assert!(tables.contains(part), "{part}\n{tables}");
    }
    playground.olive(&["report", "@/out/run.json", "-o", "@/elsewhere.html"]).check(0, &[]);
    assert_eq!(playground.read("elsewhere.html"), first);
}

#[test]
fn a_report_says_how_the_run_was_started() {
    let playground = Playground::new();
    playground.passes(&json!({"first": {"type": "Toy"}}));
    playground.olive(&["run", "--config", "@/olive.json", "--threads", "1"]).check(0, &[]);
    let run: Value = serde_json::from_str(&playground.read("out/run.json")).unwrap();
    let origin = &run["origin"];
    assert_eq!(origin["arguments"][3], "--threads");
    assert_eq!(origin["config"], playground.read("olive.json"));
    assert_eq!(origin["inputs"][0]["role"], "input model");
    assert_eq!(origin["inputs"][0]["digest"].as_str().unwrap().len(), 64);
    assert!(origin["machine"]["num_processors"].as_u64().unwrap() > 0);
}

#[test]
fn a_run_without_a_result_is_told_too() {
    let playground = Playground::new();
    playground.passes(&json!({"first": {"type": "Toy", "behavior": "fail"}}));
    playground.run().check(20, &[]);
    let folder = "@/cache/v1/last_run";
    let said = playground.olive(&["report", folder, "--format", "md"]);
    said.check(0, &["`first (Toy)` failed: "]);
    playground.olive(&["report", folder]).check(0, &["last_run/report.html"]);
}

#[test]
fn what_tells_no_run_is_named() {
    let playground = Playground::new();
    let neither = "neither `run.json` nor `footprint.json` is there";
    playground.olive(&["report", "@/base"]).check(10, &[neither, "v1/last_run"]);
    playground.olive(&["report", "@/nowhere"]).check(10, &["there is no run in `", neither]);
    playground.write("base/run.json", "{\"workflow_id\": 3}");
    playground.olive(&["report", "@/base"]).check(10, &["does not tell a run: "]);
}

#[test]
fn what_was_told_before_stays_readable() {
    let playground = Playground::new();
    let file = fixture().display().to_string();
    let said = playground.olive(&["report", &file, "--format", "csv"]);
    said.check(0, &["\r\n9,,measured,,true,true,true,int4,64,1,218657,"]);
    assert_eq!(said.out.lines().count(), 13, "{}", said.out);
}

#[test]
fn a_footprint_in_olives_form_tells_its_models() {
    let playground = searched();
    playground.run().check(0, &[]);
    fs::remove_file(playground.path("out/run.json")).unwrap();
    let said = playground.olive(&["report", "@/out", "--format", "csv"]);
    said.check(0, &["model,pass,duration_sec,tone-exact_match,size"]);
    assert_eq!(said.out.lines().count(), 9, "{}", said.out);
}

#[test]
fn a_stopped_search_keeps_what_it_found() {
    let playground = searched();
    let wait = json!({"type": "Toy", "behavior": "wait", "wait_for": "go"});
    let mut workflow: Value = serde_json::from_str(&playground.read("olive.json")).unwrap();
    workflow["passes"]["choose"] = json!([{"type": "Toy", "score": 0.9}, wait]);
    playground.workflow(workflow);
    let running = playground.start();
    signal("TERM", &running.host());
    running.end().check(30, &[]);
    let said = playground.olive(&["report", "@/cache/v1/last_run", "--format", "md"]);
    said.check(0, &["the search was cancelled"]);
}
