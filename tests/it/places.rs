//! Sources, which make references local, and systems, which run steps elsewhere.

use serde_json::{Value, json};

use crate::playground::{Playground, signal, wait_for_end_of};

/// A workflow on a model from the shelf.
fn from_shelf(item: &str) -> Value {
    json!({
        "input_model": {
            "type": "HfModel",
            "model_path": {"type": "ToyShelf", "shelf": "shelf", "item": item}
        },
        "data_configs": [{
            "name": "tones",
            "type": "HuggingfaceContainer",
            "load_dataset_config": {
                "data_name": "json",
                "data_files": [{"type": "toyshelf", "shelf": "shelf", "item": "tones.json"}]
            }
        }],
        "passes": {"first": {"type": "Toy", "train_data_config": "tones"}}
    })
}

fn with_shelf() -> Playground {
    let playground = Playground::new();
    playground.write("shelf/phi/config.json", "{}");
    playground.write("shelf/phi/weights", "from the shelf");
    playground.write("shelf/tones.json", r#"[{"phrase": "hello", "tone": "joy"}]"#);
    playground
}

#[test]
fn a_source_makes_models_and_data_local() {
    let playground = with_shelf();
    playground.workflow(from_shelf("phi"));
    playground.run().check(0, &["fetch input model (ToyShelf)", "fetch data `tones` (ToyShelf)"]);
    assert_eq!(playground.read("out/weights"), "from the shelf");
    assert!(playground.read("out/data").contains("tones.json"));
    // The second time nothing is fetched, and nothing is made.
    let steps = playground.names("cache/v1/steps");
    playground.run().check(0, &[]);
    assert_eq!(playground.names("cache/v1/steps"), steps);
}

#[test]
fn what_changes_on_the_shelf_is_fetched_again() {
    let playground = with_shelf();
    playground.workflow(from_shelf("phi"));
    playground.run().check(0, &[]);
    playground.write("shelf/phi/weights", "newer");
    playground.run().check(0, &[]);
    assert_eq!(playground.read("out/weights"), "newer");
}

#[test]
fn what_a_source_does_not_have_ends_the_run() {
    let playground = with_shelf();
    playground.workflow(from_shelf("llama"));
    let parts = ["`fetch input model (ToyShelf)` failed: the shelf has no `llama`"];
    playground.run().check(20, &parts);
    assert!(!playground.exists("out"));
}

#[test]
fn a_reference_is_checked_like_any_setting() {
    let playground = with_shelf();
    let mut workflow = from_shelf("phi");
    workflow["input_model"]["model_path"]["itme"] = "phi".into();
    playground.workflow(workflow);
    playground.olive(&["check", "@/olive.json"]).check(11, &["unknown key `itme`", "`item`"]);
    let mut workflow = from_shelf("phi");
    workflow["input_model"]["model_path"]["type"] = "ToyShelve".into();
    playground.workflow(workflow);
    playground.olive(&["check", "@/olive.json"]).check(11, &["did you mean `ToyShelf`?"]);
}

/// A workflow whose pass runs on the toy system.
fn on_shell(settings: Value, pass: Value) -> Value {
    let mut system = json!({"type": "ToyShell"});
    system.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    json!({"systems": {"shell": system}, "engine": {"host": "shell"}, "passes": {"first": pass}})
}

#[test]
fn a_system_runs_steps_elsewhere() {
    let playground = Playground::new();
    playground.workflow(on_shell(json!({"greeting": "welcome"}), json!({"type": "Toy"})));
    playground.run().check(0, &["job `", "on `shell`", "first (Toy)"]);
    assert_eq!(playground.read("out/weights"), "some weights");
    // What the worker tells comes through: log lines and figures.
    let key = playground.names("cache/v1/steps").remove(0);
    let record = playground.read(&format!("cache/v1/steps/{key}/step.json"));
    assert!(record.contains("on `shell`") && record.contains("\"loss\""), "{record}");
    assert_eq!(playground.names("cache/v1/work"), Vec::<String>::new());
}

#[test]
fn a_step_elsewhere_has_the_threads_that_its_system_says() {
    let playground = Playground::new();
    playground.workflow(on_shell(json!({"threads": 5}), json!({"type": "Toy"})));
    let run = ["run", "@/olive.json", "--threads", "3"];
    playground.olive(&run).check(0, &["workers of 5 threads"]);
}

#[test]
fn a_plan_says_which_steps_run_elsewhere() {
    let playground = Playground::new();
    let mut workflow = on_shell(json!({}), json!({"type": "Toy"}));
    workflow["engine"] = json!({});
    workflow["passes"]["second"] = json!({"type": "Toy", "host": "shell"});
    playground.workflow(workflow);
    let said = playground.olive(&["plan", "--config", "@/olive.json"]);
    said.check(0, &[]);
    let is_elsewhere = |line: &str| line.contains("  on `shell`");
    let lines: Vec<_> = said.out.lines().map(is_elsewhere).collect();
    assert_eq!(lines, [false, true, false], "{}", said.out);
    let said = playground.olive(&["plan", "--config", "@/olive.json", "--json"]);
    let plan: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(plan["steps"][0].get("system"), None);
    assert_eq!(plan["steps"][1]["system"], "shell");
}

#[test]
fn where_a_step_runs_is_not_part_of_its_key() {
    let playground = Playground::new();
    playground.passes(&json!({"first": {"type": "Toy"}}));
    playground.run().check(0, &[]);
    playground.workflow(on_shell(json!({}), json!({"type": "Toy"})));
    playground.run().check(0, &["reused"]);
}

#[test]
fn failures_elsewhere_are_failures_of_the_step() {
    for (settings, pass, part) in [
        (json!({}), json!({"type": "Toy", "behavior": "fail"}), "failed: the toy failed"),
        (json!({}), json!({"type": "Toy", "behavior": "abort"}), "and no answer"),
        (json!({"is_closed": true}), json!({"type": "Toy"}), "failed: the shell is closed"),
        (json!({"loses_jobs": true}), json!({"type": "Toy"}), "was lost: the shell forgot it"),
    ] {
        let playground = Playground::new();
        playground.workflow(on_shell(settings, pass));
        playground.run().check(20, &["`first (Toy)`", part]);
        assert_eq!(playground.names("cache/v1/steps"), Vec::<String>::new());
        assert_eq!(playground.names("cache/v1/work"), Vec::<String>::new());
    }
}

#[test]
fn a_flood_of_lines_elsewhere_is_cut_and_counted() {
    let playground = Playground::new();
    let greeting = "welcome\n".repeat(10_001);
    playground.workflow(on_shell(json!({"greeting": greeting}), json!({"type": "Toy"})));
    playground.run().check(0, &["first (Toy)", "further lines"]);
    let footprint = playground.read("out/footprint.json");
    assert!(footprint.len() < 1 << 20, "{} bytes", footprint.len());
}

#[cfg(unix)]
#[test]
fn a_job_elsewhere_is_cancelled() {
    let playground = Playground::new();
    let wait = json!({"type": "Toy", "behavior": "wait", "wait_for": "go"});
    playground.workflow(on_shell(json!({}), wait));
    let running = playground.start();
    let worker = running.worker.clone();
    signal("INT", &running.host());
    running.end().check(30, &[]);
    wait_for_end_of(&worker);
    assert_eq!(playground.names("cache/v1/work"), Vec::<String>::new());
}

#[test]
fn settings_of_a_system_are_checked() {
    let playground = Playground::new();
    playground.workflow(on_shell(json!({"greting": "hi"}), json!({"type": "Toy"})));
    let parts = ["unknown key `greting`", "`greeting`"];
    playground.olive(&["check", "@/olive.json"]).check(11, &parts);
}

#[test]
fn a_probe_tells_of_each_system() {
    let playground = Playground::new();
    let probe = |settings: Value| {
        playground.workflow(on_shell(settings, json!({"type": "Toy"})));
        playground.olive(&["systems", "probe", "@/olive.json"])
    };
    probe(json!({})).check(0, &["`shell` (ToyShell): nothing is in the way"]);
    let parts = ["error[closed]: the shell is closed", "`shell` (ToyShell): no step can run there"];
    probe(json!({"is_closed": true})).check(11, &parts);
    probe(json!({"greting": "hi"})).check(11, &["unknown key `greting`"]);
    playground.passes(&json!({"first": {"type": "Toy"}}));
    let probed = playground.olive(&["systems", "probe", "@/olive.json"]);
    probed.check(0, &["no system is named: every step runs on this machine"]);
    playground.olive(&["systems", "probe", "@/nothing.json"]).check(10, &[]);
}
