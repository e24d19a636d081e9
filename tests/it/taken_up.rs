//! Jobs of a host that was killed: what the next run makes of them.
#![cfg(unix)]

use std::fs;

use serde_json::{Value, json};

use crate::playground::{PATIENCE, Playground, signal, wait_for, wait_for_end_of};

/// A playground whose host was killed while the first of `passes` waits on `system`; and the worker
/// of that.
fn left(system: &str, passes: &Value) -> (Playground, String) {
    let playground = Playground::new();
    playground.workflow(json!({
        "systems": {"there": {"type": system}},
        "engine": {"host": "there"},
        "passes": passes
    }));
    let running = playground.start();
    let worker = running.worker.clone();
    signal("KILL", &running.host());
    running.end();
    (playground, worker)
}

fn one() -> Value {
    json!({"first": {"type": "Toy", "behavior": "wait", "wait_for": "go"}})
}

fn two() -> Value {
    json!({
        "first": {"type": "Toy", "behavior": "wait", "wait_for": "go"},
        "second": {"type": "Toy", "ballast_bytes": 10}
    })
}

/// Waits until the job that was left has ended.
fn wait_for_the_job(playground: &Playground) {
    let has_ended = || {
        let works = playground.names("cache/v1/work").into_iter();
        works.into_iter().any(|work| playground.exists(&format!("cache/v1/work/{work}/job/code")))
    };
    wait_for("the end of the job", PATIENCE, has_ended);
}

/// Changes a part of `olive.json`.
fn change(playground: &Playground, change: impl FnOnce(&mut Value)) {
    let mut workflow: Value = serde_json::from_str(&playground.read("olive.json")).unwrap();
    change(&mut workflow);
    playground.write("olive.json", &workflow.to_string());
}

fn nothing_is_left(playground: &Playground, num_steps: usize) {
    assert_eq!(playground.names("cache/v1/steps").len(), num_steps);
    assert_eq!(playground.names("cache/v1/work"), Vec::<String>::new());
}

#[test]
fn a_job_that_runs_is_followed_to_its_end() {
    let (playground, worker) = left("ToyShell", &one());
    let again = playground.start();
    assert_eq!(again.worker, worker);
    playground.go();
    again.whole().check(0, &["of an earlier run", "first (Toy): done"]);
    nothing_is_left(&playground, 1);
    assert_eq!(playground.read("out/weights"), "some weights");
}

#[test]
fn a_job_that_nothing_is_heard_of_is_followed_by_the_next_run() {
    let playground = Playground::new();
    playground.workflow(json!({
        "systems": {"there": {"type": "ToyShell"}},
        "engine": {"host": "there"},
        "passes": one()
    }));
    let running = playground.start();
    let worker = running.worker.clone();
    let work = playground.names("cache/v1/work").remove(0);
    let away = format!("cache/v1/work/{work}/job/away");
    playground.write(&away, "");
    running.end().check(20, &["the shell does not answer", "run again to follow it"]);
    fs::remove_file(playground.path(&away)).unwrap();
    let again = playground.start();
    assert_eq!(again.worker, worker);
    playground.go();
    again.whole().check(0, &["of an earlier run", "first (Toy): done"]);
    nothing_is_left(&playground, 1);
}

#[test]
fn a_job_that_nothing_is_heard_of_twice_is_given_up() {
    let (playground, worker) = left("ToyShell", &one());
    let work = playground.names("cache/v1/work").remove(0);
    playground.write(&format!("cache/v1/work/{work}/job/away"), "");
    playground.run().check(20, &["the shell does not answer", "the job is given up"]);
    wait_for_end_of(&worker);
    nothing_is_left(&playground, 0);
}

#[test]
fn what_a_job_has_made_is_taken() {
    let (playground, _) = left("ToyShell", &one());
    playground.go();
    wait_for_the_job(&playground);
    // A second attempt would wait for it.
    fs::remove_file(playground.path("go")).unwrap();
    playground.run().check(0, &["of an earlier run", "first (Toy): done"]);
    nothing_is_left(&playground, 1);
}

#[test]
fn a_job_that_has_ended_badly_is_begun_anew() {
    let (playground, worker) = left("ToyShell", &one());
    signal("KILL", &worker);
    wait_for_the_job(&playground);
    playground.go();
    let told = ["the earlier run has left no result", "exit code 137", "first (Toy): done"];
    let said = playground.run();
    said.check(0, &told);
    assert_eq!(said.err.matches("the shell tells a bad end").count(), 1, "{}", said.err);
    nothing_is_left(&playground, 1);
}

#[test]
fn a_chain_that_has_ended_badly_is_begun_anew() {
    let (playground, worker) = left("ToyQueue", &two());
    signal("KILL", &worker);
    wait_for_the_job(&playground);
    playground.go();
    let told = ["the earlier run has left no result", "first (Toy): done", "second (Toy): done"];
    playground.run().check(0, &told);
    nothing_is_left(&playground, 2);
}

#[test]
fn a_job_that_cannot_be_ended_keeps_its_step_to_itself() {
    let (playground, worker) = left("ToyShell", &one());
    let work = playground.names("cache/v1/work");
    let pid = format!("cache/v1/work/{}/job/pid", work[0]);
    let number = playground.read(&pid);
    fs::remove_file(playground.path(&pid)).unwrap();
    let greet = |workflow: &mut Value| workflow["systems"]["there"]["greeting"] = "hello".into();
    change(&playground, greet);
    playground.run().check(20, &["may still run, and cannot be ended"]);
    assert_eq!(playground.names("cache/v1/work"), work);
    playground.write(&pid, &number);
    playground.go();
    playground.run().check(0, &["ends job", "first (Toy): done"]);
    wait_for_end_of(&worker);
    nothing_is_left(&playground, 1);
}

#[test]
fn a_job_of_another_machine_is_left_alone() {
    let (playground, worker) = left("ToyShell", &one());
    let work = playground.names("cache/v1/work");
    let abroad = format!("cache/v1/work/{}/job/abroad", work[0]);
    playground.write(&abroad, "");
    playground.run().check(20, &["the job is on another machine"]);
    assert_eq!(playground.names("cache/v1/work"), work);
    fs::remove_file(playground.path(&abroad)).unwrap();
    let again = playground.start();
    assert_eq!(again.worker, worker);
    playground.go();
    again.whole().check(0, &["of an earlier run", "first (Toy): done"]);
    nothing_is_left(&playground, 1);
}

#[test]
fn a_job_that_is_not_wanted_as_it_is_ends() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 2] = [
        ("other settings", |workflow| workflow["systems"]["there"]["greeting"] = "hello".into()),
        ("here", |workflow| {
            workflow["engine"].as_object_mut().unwrap().remove("host");
            workflow.as_object_mut().unwrap().remove("systems");
        }),
    ];
    for (name, to) in changes {
        let (playground, worker) = left("ToyShell", &one());
        change(&playground, to);
        playground.go();
        let said = playground.run();
        said.check(0, &["ends job", "first (Toy): done"]);
        assert!(!said.err.contains("goes on with job"), "{name}: {}", said.err);
        wait_for_end_of(&worker);
        nothing_is_left(&playground, 1);
    }
}

#[test]
fn a_chain_that_is_wanted_here_ends_there() {
    let (playground, worker) = left("ToyQueue", &two());
    assert_eq!(playground.names("cache/v1/work").len(), 2);
    change(&playground, |workflow| {
        workflow["engine"].as_object_mut().unwrap().remove("host");
    });
    let again = playground.start();
    wait_for_end_of(&worker);
    assert_eq!(playground.names("cache/v1/work").len(), 1);
    playground.go();
    again.whole().check(0, &["ends job", "first (Toy): done", "second (Toy): done"]);
    nothing_is_left(&playground, 2);
}

#[test]
fn settings_of_a_job_are_for_its_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (playground, worker) = left("ToyShell", &one());
    let work = &playground.names("cache/v1/work")[0];
    let note = playground.path("cache/v1/work").join(work).join("elsewhere.json");
    assert_eq!(fs::metadata(note).unwrap().permissions().mode() & 0o777, 0o600);
    playground.go();
    wait_for_end_of(&worker);
}
