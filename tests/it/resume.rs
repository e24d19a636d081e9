//! Runs that are stopped, by a signal or by the user, and the runs after them.

use serde_json::{Value, json};

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
    waiting.end().check(30, &["[2/2] second (Toy): cancelled", "`second (Toy)` was stopped"]);
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

/// A training that waits at its third step of five.
fn pausing_training(playground: &Playground, settings: Value) {
    let mut pass = json!({
        "type": "Toy", "behavior": "train", "steps": 5, "pause_at": 3, "wait_for": "go"
    });
    pass.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    playground.passes(&json!({ "first": pass }));
}

/// The only checkpoint that is left.
fn checkpoint(playground: &Playground) -> String {
    let keys = playground.names("cache/v1/checkpoints");
    assert_eq!(keys.len(), 1);
    playground.read(&format!("cache/v1/checkpoints/{}/files/step", keys[0]))
}

#[test]
fn a_stopped_training_leaves_a_checkpoint_that_the_next_run_goes_on_from() {
    for stop in ["INT", "TERM"] {
        let playground = Playground::new();
        pausing_training(&playground, json!({}));
        let waiting = playground.start();
        signal(stop, &waiting.host());
        waiting.end().check(30, &["first (Toy): cancelled"]);
        assert_eq!(checkpoint(&playground), "3");
        playground.run().check(0, &["resumed after step 3", "first (Toy): done"]);
        assert_eq!(playground.names("cache/v1/checkpoints"), Vec::<String>::new());
    }
}

#[test]
fn a_step_that_leaves_no_checkpoint_leaves_no_folder_for_them() {
    let playground = Playground::new();
    playground.passes(&json!({"first": {"type": "Toy", "behavior": "fail"}}));
    playground.run().check(20, &["the toy failed"]);
    assert_eq!(playground.names("cache/v1/checkpoints"), Vec::<String>::new());
}

#[test]
fn checkpoints_are_listed_and_removed_by_themselves() {
    let playground = Playground::new();
    pausing_training(&playground, json!({}));
    let waiting = playground.start();
    signal("TERM", &waiting.host());
    waiting.end().check(30, &[]);
    let cache = |args: &[&str]| playground.olive(&[&["cache"], args].concat());
    let dir = ["--cache-dir", "@/cache"];
    cache(&[&["list"], &dir[..]].concat()).check(0, &["Toy  (unfinished)", "1 unfinished"]);
    playground.olive(&["plan", "@/olive.json"]).check(0, &["first (Toy)", "begun"]);
    cache(&[&["list", "--json"], &dir[..]].concat()).check(0, &[r#""is_complete":false"#]);
    cache(&[&["clean", "--checkpoints"], &dir[..]].concat()).check(0, &["removed 1 unfinished"]);
    assert_eq!(playground.names("cache/v1/checkpoints"), Vec::<String>::new());
}

#[test]
fn a_signal_to_every_process_of_a_job_is_a_checkpoint_too() {
    let playground = Playground::new();
    pausing_training(&playground, json!({}));
    let waiting = playground.start();
    signal("TERM", &waiting.worker);
    signal("TERM", &waiting.host());
    waiting.end().check(30, &["first (Toy): cancelled"]);
    assert_eq!(checkpoint(&playground), "3");
}

#[test]
fn a_step_that_does_not_stop_in_time_is_killed() {
    let playground = Playground::new();
    pausing_training(&playground, json!({"stop_ms": 600_000}));
    let waiting = playground.start_with(&[("OLIVE_STOP_SECONDS", "1")]);
    let worker = waiting.worker.clone();
    signal("TERM", &waiting.host());
    waiting.end().check(30, &["first (Toy): cancelled"]);
    wait_for_end_of(&worker);
    assert_eq!(playground.names("cache/v1/checkpoints"), Vec::<String>::new());
}

#[test]
fn a_second_signal_ends_host_and_worker_at_once() {
    let playground = Playground::new();
    pausing_training(&playground, json!({"stop_ms": 600_000}));
    let waiting = playground.start();
    let worker = waiting.worker.clone();
    for _ in 0..2 {
        signal("TERM", &waiting.host());
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert_eq!(waiting.end().code, Some(30));
    wait_for_end_of(&worker);
}

#[test]
fn a_killed_host_leaves_the_checkpoint_of_its_step() {
    let playground = Playground::new();
    pausing_training(&playground, json!({"saves": true}));
    let waiting = playground.start();
    let worker = waiting.worker.clone();
    signal("KILL", &waiting.host());
    assert_eq!(waiting.end().code, None);
    wait_for_end_of(&worker);
    assert_eq!(checkpoint(&playground), "3");
    playground.go();
    playground.run().check(0, &["resumed after step 3", "first (Toy): done"]);
}

/// Whether `report.html` has the loss at step 1, before the stop, and at step 5, after it.
fn curve_of_report(playground: &Playground) -> (bool, bool) {
    let page = playground.read("out/report.html");
    (page.contains("<title>step 1, loss "), page.contains("<title>step 5, loss "))
}

#[test]
fn the_report_has_the_whole_curve_of_resumed_and_of_reused_trainings() {
    let playground = Playground::new();
    pausing_training(&playground, json!({}));
    let waiting = playground.start();
    signal("TERM", &waiting.host());
    waiting.end().check(30, &[]);
    playground.run().check(0, &["first (Toy): done"]);
    assert_eq!(curve_of_report(&playground), (true, true));
    std::fs::remove_dir_all(playground.path("out")).unwrap();
    playground.run().check(0, &["first (Toy): reused"]);
    assert_eq!(curve_of_report(&playground), (true, true));
}
