//! Steps that were handed over before the model they work on was made.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::playground::{PATIENCE, Playground, Said, signal, wait_for, wait_for_end_of};

/// What a worker says that does the toy pass `pass` after a job which wrote `before`.
fn worker(playground: &Playground, pass: &Value, before: &str) -> Said {
    for folder in ["work/output", "work/scratch"] {
        let folder = playground.path(folder);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
    }
    playground.write("before", before);
    let library = format!("bin/plugins/{DLL_PREFIX}olive_plugin_toy{DLL_SUFFIX}");
    let request = json!({
        "kind": "pass", "name": "Toy", "config": pass, "threads": 1,
        "input": {"type": "HfModel", "model_path": playground.path("nowhere")},
        "output_dir": playground.path("work/output"),
        "scratch_dir": playground.path("work/scratch")
    });
    let plugin = playground.path(&library);
    let call = json!({"protocol": "1.0", "call": "run", "plugin": plugin, "request": request});
    let mut command = playground.command(&["worker", "--chained"]);
    command.env("OLIVE_MODEL_FROM", playground.path("before"));
    let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = streams.spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{call}\n").as_bytes()).unwrap();
    Said::from(child.wait_with_output().unwrap())
}

/// The last message of a job that has made the model in `base`.
fn done(playground: &Playground) -> String {
    let model = json!({"type": "HfModel", "model_path": playground.path("base")});
    json!({"event": "done", "answer": {"kind": "model", "value": model}}).to_string() + "\n"
}

#[test]
fn a_chained_worker_works_on_the_model_of_the_job_before() {
    let playground = Playground::new();
    let before = format!("some noise\n{}", done(&playground));
    worker(&playground, &json!({}), &before).check(0, &["\"event\":\"done\""]);
    assert_eq!(playground.read("work/output/weights"), "some weights");
    assert_eq!(playground.names("work/scratch"), Vec::<String>::new());
}

#[test]
fn a_chained_worker_whose_step_fails_ends_with_exit_code_1() {
    let playground = Playground::new();
    let done = done(&playground);
    let failed = "{\"event\": \"failed\", \"error\": {\"code\": \"x\", \"message\": \"no\"}}\n";
    for (pass, before, told) in [
        (json!({"behavior": "fail"}), &*done, "the toy failed"),
        // It looks at its model before it works on it.
        (json!({"behavior": "refuse"}), &*done, "this pass refuses this model"),
        (json!({}), failed, "the step before it has made no model"),
        (json!({}), "", "the step before it has made no model"),
    ] {
        worker(&playground, &pass, before).check(1, &["\"event\":\"failed\"", told]);
        assert!(!playground.exists("work/output/ballast"));
    }
}

/// A playground whose passes run on a system that takes chains.
fn queued(passes: &Value) -> Playground {
    let playground = Playground::new();
    playground.workflow(json!({
        "systems": {"queue": {"type": "ToyQueue"}},
        "engine": {"host": "queue"},
        "passes": passes
    }));
    playground
}

/// Three passes of which the first waits for `go`.
fn waiting(ballast_bytes: u64) -> Value {
    json!({
        "first": {"type": "Toy", "behavior": "wait", "wait_for": "go"},
        "second": {"type": "Toy", "ballast_bytes": 10},
        "third": {"type": "Toy", "ballast_bytes": ballast_bytes}
    })
}

const DONE: [&str; 3] = ["first (Toy): done", "second (Toy): done", "third (Toy): done"];

/// Checks that all steps are in the store, and nothing else is left.
fn all_are_kept(playground: &Playground, num_steps: usize) {
    assert_eq!(playground.names("cache/v1/steps").len(), num_steps);
    assert_eq!(playground.names("cache/v1/work"), Vec::<String>::new());
    let files = playground.names("out");
    assert!(files.contains(&"weights".to_owned()), "{files:?}");
}

#[test]
fn a_chain_is_handed_over_whole_and_done_step_by_step() {
    let playground = queued(&waiting(20));
    playground.go();
    playground.run().check(0, &DONE);
    all_are_kept(&playground, 3);
    assert_eq!(fs::metadata(playground.path("out/ballast")).unwrap().len(), 20);
    let reused = ["first (Toy): reused", "third (Toy): reused"];
    playground.run().check(0, &reused);
}

#[cfg(unix)]
#[test]
fn a_chain_goes_on_without_its_host_and_is_taken_up() {
    let playground = queued(&waiting(20));
    let running = playground.start();
    let worker = running.worker.clone();
    signal("KILL", &running.host());
    running.end();
    let again = playground.start();
    assert_eq!(again.worker, worker);
    playground.go();
    again.end().check(0, &DONE);
    all_are_kept(&playground, 3);
}

#[cfg(unix)]
#[test]
fn what_a_chain_has_made_without_its_host_is_found() {
    let playground = queued(&waiting(20));
    let running = playground.start();
    signal("KILL", &running.host());
    running.end();
    playground.go();
    let ends = || {
        let works = playground.names("cache/v1/work").into_iter();
        works.filter(|work| playground.exists(&format!("cache/v1/work/{work}/job/code"))).count()
    };
    wait_for("the end of all jobs", PATIENCE, || ends() == 3);
    assert_eq!(playground.names("cache/v1/steps"), Vec::<String>::new());
    playground.run().check(0, &DONE);
    all_are_kept(&playground, 3);
}

#[test]
fn a_step_of_a_chain_that_fails_ends_it_and_what_was_before_is_kept() {
    let playground = queued(&json!({
        "first": {"type": "Toy"},
        "second": {"type": "Toy", "behavior": "fail"},
        "third": {"type": "Toy"}
    }));
    let said = playground.run();
    said.check(20, &["first (Toy): done", "`second (Toy)` failed", "the toy failed"]);
    assert!(!said.err.contains("third (Toy): "), "{}", said.err);
    assert_eq!(playground.names("cache/v1/steps").len(), 1);
    assert_eq!(playground.names("cache/v1/work"), Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn a_stop_ends_a_chain() {
    let playground = queued(&waiting(20));
    let running = playground.start();
    let worker = running.worker.clone();
    signal("INT", &running.host());
    running.end().check(30, &["first (Toy): cancelled"]);
    wait_for_end_of(&worker);
    assert_eq!(playground.names("cache/v1/work"), Vec::<String>::new());
    assert_eq!(playground.names("cache/v1/steps"), Vec::<String>::new());
}
