//! Passes that follow each other, submitted all at once.

use serde_json::{Value, json};

use super::cluster::Cluster;
use crate::elsewhere::is_as_made_by;
use crate::playground::{PATIENCE, Playground, Running, signal, wait_for, wait_for_end_of};
use crate::real;

/// A playground whose passes run on the cluster, one after the other.
fn playground(cluster: &Cluster, passes: &[Value]) -> Playground {
    let playground = cluster.playground(&json!({}), &passes[0]);
    let mut workflow: Value = serde_json::from_str(&playground.read("olive.json")).unwrap();
    for (name, pass) in ["first", "second", "third"].iter().zip(passes) {
        workflow["passes"][name] = pass.clone();
    }
    real::write(&playground, workflow);
    playground
}

/// Three passes of which the first waits for `go`.
fn waiting() -> [Value; 3] {
    [
        json!({"type": "Toy", "behavior": "wait", "wait_for": "go"}),
        json!({"type": "Toy", "ballast_bytes": 10}),
        json!({"type": "Toy", "ballast_bytes": 20}),
    ]
}

/// Why jobs wait, a word for each that does.
fn reasons(cluster: &Cluster) -> Vec<String> {
    let told = cluster.ask("squeue", &["--noheader", "--states=PENDING", "--format=%r"]);
    told.lines().map(|line| line.trim().to_owned()).collect()
}

/// Starts the run, until its first job waits for `go` and the others for that.
fn start(cluster: &Cluster, playground: &Playground) -> Running {
    let running = cluster.start(playground);
    assert_eq!(reasons(cluster), ["Dependency", "Dependency"]);
    running
}

#[test]
fn a_chain_makes_what_its_passes_make_here() {
    let Some(cluster) = Cluster::find() else { return };
    let playground = playground(&cluster, &waiting());
    let running = start(&cluster, &playground);
    playground.go();
    let done = ["first (Toy): done", "second (Toy): done", "third (Toy): done"];
    running.end().check(0, &done);
    assert_eq!(playground.names("shared/jobs"), Vec::<String>::new());
    assert_eq!(playground.names("cache/v1/work"), Vec::<String>::new());
    assert_eq!(playground.names("cache/v1/steps").len(), 3);
    is_as_made_by(1, &playground);
}

#[test]
fn a_chain_goes_on_without_its_host_and_is_found_done() {
    let Some(cluster) = Cluster::find() else { return };
    let playground = playground(&cluster, &waiting());
    let running = start(&cluster, &playground);
    signal("KILL", &running.host());
    running.end();
    playground.go();
    cluster.wait_until_idle();
    wait_for("the end of the queue", PATIENCE, || {
        cluster.ask("squeue", &["--noheader"]).is_empty()
    });
    assert_eq!(playground.names("shared/jobs").len(), 3);
    assert_eq!(playground.names("cache/v1/steps"), Vec::<String>::new());
    let done = ["first (Toy): done", "second (Toy): done", "third (Toy): done"];
    cluster.run(&playground).check(0, &done);
    assert_eq!(playground.names("shared/jobs"), Vec::<String>::new());
    is_as_made_by(1, &playground);
}

#[test]
fn a_run_that_wants_other_passes_takes_up_those_that_are_still_wanted() {
    let Some(cluster) = Cluster::find() else { return };
    let playground = playground(&cluster, &waiting());
    let running = start(&cluster, &playground);
    let worker = running.worker.clone();
    signal("KILL", &running.host());
    running.end();
    let mut workflow: Value = serde_json::from_str(&playground.read("olive.json")).unwrap();
    workflow["passes"]["third"]["ballast_bytes"] = 30.into();
    real::write(&playground, workflow);
    let again = cluster.start(&playground);
    assert_eq!(again.worker, worker);
    assert_eq!(reasons(&cluster), ["Dependency"]);
    playground.go();
    again.end().check(0, &["first (Toy): done", "third (Toy): done"]);
    assert_eq!(playground.names("shared/jobs"), Vec::<String>::new());
    is_as_made_by(1, &playground);
}

#[test]
fn a_chain_whose_first_step_fails_ends_with_that_step() {
    let Some(cluster) = Cluster::find() else { return };
    let passes = [json!({"type": "Toy", "behavior": "fail"}), json!({"type": "Toy"})];
    let playground = playground(&cluster, &passes);
    let said = cluster.run(&playground);
    said.check(20, &["`first (Toy)` failed", "the toy failed"]);
    assert!(!said.err.contains("second (Toy): "), "{}", said.err);
    assert_eq!(cluster.ask("squeue", &["--noheader"]), "");
    assert_eq!(playground.names("shared/jobs"), Vec::<String>::new());
    assert_eq!(playground.names("cache/v1/steps"), Vec::<String>::new());
}

#[test]
fn what_goes_before_a_step_that_fails_is_kept() {
    let Some(cluster) = Cluster::find() else { return };
    let passes = [json!({"type": "Toy"}), json!({"type": "Toy", "behavior": "fail"})];
    let playground = playground(&cluster, &passes);
    cluster.run(&playground).check(20, &["first (Toy): done", "`second (Toy)` failed"]);
    assert_eq!(playground.names("cache/v1/steps").len(), 1);
    assert_eq!(playground.names("cache/v1/work"), Vec::<String>::new());
}

#[test]
fn a_stop_ends_every_job_of_a_chain() {
    let Some(cluster) = Cluster::find() else { return };
    let playground = playground(&cluster, &waiting());
    let running = start(&cluster, &playground);
    let worker = running.worker.clone();
    signal("INT", &running.host());
    running.end().check(30, &["first (Toy): cancelled"]);
    wait_for_end_of(&worker);
    cluster.wait_until_idle();
    assert_eq!(cluster.ask("squeue", &["--noheader"]), "");
    assert_eq!(playground.names("shared/jobs"), Vec::<String>::new());
}

#[test]
fn measurements_are_members_of_a_chain_too() {
    let Some(cluster) = Cluster::find() else { return };
    let setup = json!({"setup": ["echo after $SLURM_JOB_DEPENDENCY >>../../seen"]});
    let playground = cluster.playground(&setup, &json!({"type": "Toy", "ballast_bytes": 10}));
    let mut workflow: Value = serde_json::from_str(&playground.read("olive.json")).unwrap();
    workflow["passes"]["second"] = json!({"type": "Toy", "ballast_bytes": 20});
    let size = json!({"name": "size", "type": "size_on_disk", "sub_types": [{"name": "bytes"}]});
    workflow["evaluators"] = json!({"size": {"metrics": [size]}});
    workflow["engine"]["evaluator"] = "size".into();
    real::write(&playground, workflow);
    cluster.run(&playground).check(0, &["first (Toy): done", "second (Toy): done"]);
    let seen = playground.read("shared/seen");
    let num_after = seen.lines().filter(|line| line.contains("afterok:")).count();
    assert_eq!((seen.lines().count(), num_after), (5, 4), "{seen}");
    assert_eq!(playground.names("cache/v1/steps").len(), 5);
    let footprint: Value = serde_json::from_str(&playground.read("out/run.json")).unwrap();
    let models = footprint["models"].as_array().unwrap();
    let figures: Vec<f64> =
        models.iter().map(|model| model["metrics"][0]["value"].as_f64().unwrap()).collect();
    assert_eq!(figures.len(), 3);
    assert!(figures[0] < figures[1] && figures[1] < figures[2], "{figures:?}");
}
