//! Runs that go well, and what they leave.

use serde_json::{Value, json};

use crate::playground::Playground;

/// Two passes and an evaluator.
fn measured(playground: &Playground) {
    playground.workflow(json!({
        "data_configs": [{
            "name": "train",
            "load_dataset_config": {"data_name": "json", "data_files": "data.json"}
        }],
        "evaluators": {"common": {"metrics": [{
            "name": "tone",
            "type": "accuracy",
            "data_config": "train",
            "sub_types": [{"name": "exact_match"}]
        }]}},
        "evaluator": "common",
        "passes": {
            "first": {"type": "toy", "train_data_config": "train"},
            "second": {"type": "Toy", "score": 0.5}
        }
    }));
}

#[test]
fn a_run_makes_measures_and_reports() {
    let playground = Playground::new();
    measured(&playground);
    let said = playground.run();
    said.check(0, &["[5/5] evaluate second: done", "result: ", "first                 100.0 %"]);

    assert_eq!(playground.read("out/weights"), "some weights");
    let model: Value = serde_json::from_str(&playground.read("out/model_config.json")).unwrap();
    assert_eq!(model["type"], "HfModel");
    let folder = playground.path("out").canonicalize().unwrap();
    assert_eq!(model["config"]["model_path"], folder.to_str().unwrap());
    let metrics: Value = serde_json::from_str(&playground.read("out/metrics.json")).unwrap();
    assert_eq!(metrics["tone-exact_match"]["value"], 0.5);
    for file in ["footprint.json", "run_history.txt", "report.html", "input_model_metrics.json"] {
        assert!(playground.exists(&format!("out/{file}")), "{file}");
    }
}

#[test]
fn every_build_of_a_file_is_run_and_shares_what_was_done() {
    let playground = Playground::new();
    let passes = json!({"first": {"type": "Toy"}, "pack": {"type": "ToyPack"}});
    playground.workflow(json!({
        "passes": passes,
        "builds": {
            "plain": {"pipeline": ["first"]},
            "packed": {"pipeline": ["first", "pack"], "output_dir": "elsewhere"}
        }
    }));
    let said = playground.run();
    said.check(0, &["workflow `default_workflow/plain`", "workflow `default_workflow/packed`"]);
    assert_eq!(said.err.matches("first (Toy): reused").count(), 1, "{}", said.err);
    for file in ["out/plain/report.html", "elsewhere/report.html"] {
        assert!(playground.exists(file), "{file}");
    }

    // The chains of former days are builds.
    playground.workflow(json!({"passes": passes, "pass_flows": [["first"], ["first", "pack"]]}));
    playground.run().check(0, &["`pass_flows` is an old spelling"]);
    assert!(playground.exists("out/first/report.html"));
    assert!(playground.exists("out/first-pack/report.html"));
    playground.olive(&["plan", "-c", "@/olive.json"]).check(0, &["out/first-pack"]);
}

#[test]
fn a_build_that_fails_does_not_keep_the_others_from_running() {
    let playground = Playground::new();
    playground.workflow(json!({
        "passes": {"bad": {"type": "Toy", "behavior": "fail"}, "good": {"type": "Toy"}},
        "builds": {"one": {"pipeline": ["bad"]}, "two": {"pipeline": ["good"]}}
    }));
    playground.run().check(20, &["`bad (Toy)` failed"]);
    assert!(!playground.exists("out/one") && playground.exists("out/two/report.html"));
}

#[test]
fn a_repeated_run_does_nothing_and_says_so() {
    let playground = Playground::new();
    measured(&playground);
    playground.run().check(0, &[]);
    let report = playground.read("out/report.html");
    playground.write("out/config.json", "{\"edited\": true}");
    playground.run().check(0, &["nothing to do: all 5 steps were done before"]);
    assert_eq!(playground.read("out/report.html"), report);
    assert_eq!(playground.read("out/config.json"), "{\"edited\": true}");
}

#[test]
fn a_lost_output_folder_comes_back_without_work() {
    let playground = Playground::new();
    measured(&playground);
    playground.run().check(0, &[]);
    std::fs::remove_dir_all(playground.path("out")).unwrap();
    playground.run().check(0, &["nothing to do"]);
    assert_eq!(playground.read("out/weights"), "some weights");
    assert!(playground.exists("out/report.html"));
}

#[test]
fn only_what_is_changed_and_what_follows_runs_again() {
    let playground = Playground::new();
    playground.passes(&json!({"first": {"type": "Toy"}, "second": {"type": "Toy", "score": 0.5}}));
    playground.run().check(0, &[]);
    playground.passes(&json!({"other": {"type": "Toy"}, "second": {"type": "Toy", "score": 0.7}}));
    playground.run().check(0, &["[1/2] other (Toy): reused", "[2/2] second (Toy): done"]);
    assert_eq!(playground.read("out/score"), "0.7");
    playground.write("base/weights", "other weights");
    playground.run().check(0, &["[1/2] other (Toy): done"]);
}

#[test]
fn files_of_an_earlier_result_do_not_stay() {
    let playground = Playground::new();
    playground.passes(&json!({"pack": {"type": "ToyPack"}}));
    playground.write("out/notes.txt", "mine");
    playground.run().check(0, &[]);
    assert!(playground.exists("out/model.onnx"));
    playground.passes(&json!({"copy": {"type": "Toy"}}));
    playground.run().check(0, &[]);
    assert!(!playground.exists("out/model.onnx"));
    assert_eq!(playground.read("out/notes.txt"), "mine");
}

#[test]
fn data_configs_travel_with_absolute_paths_and_count_by_content() {
    let playground = Playground::new();
    measured(&playground);
    playground.run().check(0, &[]);
    let expected = format!("[{:?}]", playground.path("data.json").to_str().unwrap());
    assert_eq!(playground.read("out/data"), expected);
    playground.write("data.json", "[]");
    playground.run().check(0, &["[2/5] first (Toy): done"]);
}

#[test]
fn a_step_that_costs_quality_is_a_warning_with_the_way_out() {
    let playground = Playground::new();
    measured(&playground);
    playground.run().check(
        0,
        &[
            "warning[quality-loss]: `second` (Toy) lowered tone-exact_match from 100.0 % to 50.0 %",
            "try `score` 1.0",
        ],
    );
    assert!(playground.read("out/report.html").contains("by 50.0 points"));
}

#[test]
fn model_and_output_of_the_command_line_win() {
    let playground = Playground::new();
    playground.passes(&json!({"first": {"type": "Toy"}}));
    playground.write("mine/config.json", "{}");
    playground.write("mine/weights", "my weights");
    let args = ["run", "--run-config", "@/olive.json", "-m", "@/mine", "-o", "@/elsewhere"];
    playground.olive(&args).check(0, &[]);
    assert_eq!(playground.read("elsewhere/weights"), "my weights");
    assert!(!playground.exists("out"));
    // The result of a run is a model to start from.
    let args = ["run", "--config", "@/olive.json", "-m", "@/elsewhere"];
    playground.olive(&args).check(0, &[]);
    assert_eq!(playground.read("out/weights"), "my weights");
}

#[test]
fn json_is_one_object_a_line() {
    let playground = Playground::new();
    measured(&playground);
    let said = playground.olive(&["run", "--config", "@/olive.json", "--json"]);
    said.check(0, &[]);
    let events: Vec<Value> =
        said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!((names[0], names[names.len() - 1]), ("run_started", "run_ended"));
    assert!(names.contains(&"progress") && names.contains(&"step_ended"), "{names:?}");
    assert_eq!(events.last().unwrap()["is_complete"], true);
}

#[test]
fn what_a_plugin_prints_is_not_taken_for_an_answer() {
    let playground = Playground::new();
    playground.passes(&json!({"first": {"type": "Toy", "behavior": "print"}}));
    playground.run().check(0, &["[1/1] first (Toy): done"]);
}

/// The workflow of [`measured`] with a goal for its figure.
fn with_goal(playground: &Playground, goal: &Value) {
    measured(playground);
    let mut workflow: Value = serde_json::from_str(&playground.read("olive.json")).unwrap();
    let figure = "/evaluators/common/metrics/0/sub_types/0";
    workflow.pointer_mut(figure).unwrap()["goal"] = goal.clone();
    playground.write("olive.json", &workflow.to_string());
}

#[test]
fn a_goal_that_is_missed_ends_the_run_with_21_and_leaves_the_result() {
    let playground = Playground::new();
    // Without the input model's figure, a threshold alone.
    with_goal(&playground, &json!({"type": "threshold", "value": 0.6}));
    playground
        .olive(&["plan", "--config", "@/olive.json"])
        .check(0, &["goal: `threshold` 0.6 for `tone-exact_match` of `second`"]);
    playground.run().check(
        21,
        &[
            "goal missed: `tone-exact_match` of `second` is 50.0 %, but at least 60.0 % is wanted",
            "error[goal-missed]",
            "result: ",
        ],
    );
    assert_eq!(playground.read("out/weights"), "some weights");
    assert!(playground.read("out/report.html").contains("<span class=\"badge bad\">missed</span>"));
    // The figures are known; a goal is no reason to measure again.
    with_goal(&playground, &json!({"type": "threshold", "value": 0.5}));
    playground.run().check(0, &["nothing to do", "goal met: `tone-exact_match` of `second` is"]);
}

#[test]
fn goals_that_are_measured_from_the_input_model_have_it_measured() {
    let playground = Playground::new();
    with_goal(&playground, &json!({"type": "max-degradation", "value": 0.5}));
    let workflow = playground.read("olive.json");
    let mut workflow: Value = serde_json::from_str(&workflow).unwrap();
    workflow["evaluate_input_model"] = false.into();
    playground.write("olive.json", &workflow.to_string());
    playground.run().check(
        0,
        &[
            "[1/5] evaluate input model",
            "at least 50.0 % (`max-degradation` 0.5, the input model has 100.0 %) is wanted",
        ],
    );
}

#[test]
fn a_pass_with_an_evaluator_of_its_own_is_held_to_its_goals() {
    let playground = Playground::new();
    with_goal(&playground, &json!({"type": "percent-min-improvement", "value": 10}));
    let mut workflow: Value = serde_json::from_str(&playground.read("olive.json")).unwrap();
    workflow["passes"]["first"]["evaluator"] = "common".into();
    workflow.as_object_mut().unwrap().remove("evaluator");
    playground.write("olive.json", &workflow.to_string());
    playground.run().check(
        21,
        &[
            "`tone-exact_match` of `first` is 100.0 %, but at least 110.0 %",
            "(`percent-min-improvement` 10, the input model has 100.0 %) is wanted",
        ],
    );
}
