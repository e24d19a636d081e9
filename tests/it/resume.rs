//! Runs that are stopped, by a signal or by the user, and the runs after them.

use serde_json::json;

use crate::playground::{Playground, signal, wait_for_end_of};

fn waiting_second(playground: &Playground) {
    playground.passes(&json!({
        "first": {"type": "Toy"},
        "second": {"type": "Toy", "behavior": "wait", "wait_for": "go"}
    }));
}

/// Nothing is there that could be taken for the result, nor a step half done.
fn nothing_is_left(playground: &Playground) {
    assert_eq!(playground.names("out"), Vec::<String>::new());
    assert_eq!(playground.names("cache/v1/steps").len(), 1);
}

fn the_next_run_resumes(playground: &Playground) {
    playground.go();
    playground.run().check(0, &["[1/2] first (Toy): reused", "[2/2] second (Toy): done"]);
    assert_eq!(playground.read("out/weights"), "some weights");
    assert_eq!(playground.names("cache/v1/work"), Vec::<String>::new());
}

#[test]
fn a_killed_worker_is_named_with_its_step_and_the_next_run_resumes() {
    let playground = Playground::new();
    waiting_second(&playground);
    let waiting = playground.start();
    signal("KILL", &waiting.worker);
    waiting.end().check(
        20,
        &[
            "`second (Toy)` failed: the worker of `libolive_plugin_toy.so` was killed by signal 9 (SIGKILL)",
            "run again to resume",
        ],
    );
    nothing_is_left(&playground);
    assert_eq!(playground.names("cache/v1/work"), Vec::<String>::new());
    the_next_run_resumes(&playground);
}

#[test]
fn a_killed_host_leaves_nothing_half_done_and_takes_its_worker_along() {
    let playground = Playground::new();
    waiting_second(&playground);
    let waiting = playground.start();
    let worker = waiting.worker.clone();
    signal("KILL", &waiting.host());
    assert_eq!(waiting.end().code, None);
    wait_for_end_of(&worker);
    nothing_is_left(&playground);
    the_next_run_resumes(&playground);
}

#[test]
fn ctrl_c_cancels_and_the_next_run_resumes() {
    let playground = Playground::new();
    waiting_second(&playground);
    let waiting = playground.start();
    signal("INT", &waiting.host());
    waiting.end().check(30, &["[2/2] second (Toy): cancelled"]);
    nothing_is_left(&playground);
    the_next_run_resumes(&playground);
}

#[test]
fn a_failed_run_leaves_a_report_beside_the_store() {
    let playground = Playground::new();
    playground.passes(&json!({"first": {"type": "Toy", "behavior": "fail"}}));
    playground.run().check(20, &["`first (Toy)` failed: the toy failed", "tell it not to"]);
    assert!(playground.read("cache/v1/last_run/report.html").contains("the toy failed"));
    assert!(playground.read("cache/v1/last_run/footprint.json").contains("toy-failure"));
    assert!(!playground.exists("out"));
}

#[test]
fn two_runs_at_once_share_the_work() {
    let playground = Playground::new();
    playground.passes(&json!({"first": {"type": "Toy", "behavior": "wait", "wait_for": "go"}}));
    let first = playground.start();
    let mut second = playground.spawn();
    second.line_with("another run is doing this step");
    playground.go();
    first.end().check(0, &["first (Toy): done"]);
    second.end().check(0, &["first (Toy): reused"]);
}
