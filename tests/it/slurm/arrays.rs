//! Trials of a search, submitted as one array.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::cluster::Cluster;
use crate::playground::{PATIENCE, Playground, Running, signal, wait_for};
use crate::real;

/// Twelve trials of one pass, three at a time, with `setup` on the nodes.
fn playground(cluster: &Cluster, setup: &Value, pass: &Value) -> Playground {
    let playground = cluster.playground(&json!({"setup": setup}), &json!({"type": "Toy"}));
    let mut workflow: Value = serde_json::from_str(&playground.read("olive.json")).unwrap();
    let variants = (1..=12).map(|number| {
        let mut variant = pass.clone();
        variant["ballast_bytes"] = (number * 10).into();
        variant
    });
    workflow["passes"] = json!({"choose": variants.collect::<Vec<_>>()});
    let size = json!({"name": "size", "type": "size_on_disk", "sub_types": [{"name": "bytes"}]});
    workflow["evaluators"] = json!({"size": {"metrics": [size]}});
    workflow["engine"]["evaluator"] = "size".into();
    workflow["engine"]["evaluate_input_model"] = false.into();
    workflow["engine"]["search_strategy"] = json!({"sampler": "sequential", "parallel_trials": 3});
    real::write(&playground, workflow);
    playground
}

/// Words of each line that jobs have written to `name`.
fn told(playground: &Playground, name: &str) -> Vec<Vec<String>> {
    let text = playground.read(name);
    let words =
        |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    text.lines().map(words).collect()
}

#[test]
fn twelve_trials_are_one_array_over_both_nodes_with_three_at_a_time() {
    let Some(cluster) = Cluster::find() else { return };
    // The first three wait for each other: two have room on a node.
    let setup = json!([
        "mkdir -p ../../begun; touch ../../begun/$SLURM_JOB_ID",
        "until [ $(ls ../../begun | wc -l) -ge 3 ]; do sleep 0.1; done",
        "array=$SLURM_ARRAY_JOB_ID",
        "[ -z \"$array\" ] || running=$(squeue --noheader --states=R --jobs=$array | wc -l)",
        "[ -z \"$array\" ] || \
         echo $array $SLURM_ARRAY_TASK_ID $SLURMD_NODENAME $running >>../../members"
    ]);
    let playground = playground(&cluster, &setup, &json!({"type": "Toy"}));
    cluster.run(&playground).check(0, &[]);
    let footprint: Value = serde_json::from_str(&playground.read("out/run.json")).unwrap();
    let trials = footprint["search"]["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 12);
    let members = told(&playground, "shared/members");
    let first = &members[0][0];
    let of_first: Vec<_> = members.iter().filter(|words| words[0] == *first).collect();
    let distinct = |place: usize| -> BTreeSet<&str> {
        of_first.iter().map(|words| words[place].as_str()).collect()
    };
    assert_eq!(distinct(1).len(), 12, "{members:?}");
    assert_eq!(distinct(2), BTreeSet::from(["n1", "n2"]));
    let most = of_first.iter().map(|words| words[3].parse::<usize>().unwrap()).max();
    assert!(most <= Some(3), "{members:?}");
    assert_eq!(playground.names("shared/jobs"), Vec::<String>::new());
    assert_eq!(playground.names("cache/v1/steps").len(), 24);
}

#[test]
fn a_stop_ends_every_member_of_an_array() {
    let Some(cluster) = Cluster::find() else { return };
    let wait = json!({"type": "Toy", "behavior": "wait", "wait_for": "go"});
    let playground = playground(&cluster, &json!([]), &wait);
    let mut command = cluster.command(&playground, &["run", "@/olive.json"]);
    let running = Running::of(&mut command);
    let members = |state: &str| {
        let states = format!("--states={state}");
        cluster.ask("squeue", &["--noheader", "--array", "--format=%i", &states]).lines().count()
    };
    wait_for("the first three members", PATIENCE, || members("R") == 3);
    assert_eq!(members("PD"), 9);
    signal("INT", &running.host());
    running.end().check(30, &[]);
    cluster.wait_until_idle();
    assert_eq!(cluster.ask("squeue", &["--noheader"]), "");
    assert_eq!(playground.names("shared/jobs"), Vec::<String>::new());
}

#[test]
fn a_member_whose_node_fails_is_started_again_and_the_others_go_on() {
    let Some(cluster) = Cluster::find() else { return };
    let wait = json!({"type": "Toy", "behavior": "wait", "wait_for": "go"});
    let playground =
        playground(&cluster, &json!(["touch ../../begun-$SLURM_RESTART_COUNT"]), &wait);
    let mut command = cluster.command(&playground, &["run", "@/olive.json"]);
    let running = Running::of(&mut command);
    wait_for("a member of the array on the first node", PATIENCE, || {
        let running = ["--noheader", "--states=R", "--nodelist=n1", "--format=%i"];
        cluster.ask("squeue", &running).contains('_')
    });
    cluster.ask("scontrol", &["update", "NodeName=n1", "State=DOWN", "Reason=test"]);
    playground.go();
    running.end().check(0, &[]);
    let names = playground.names("shared");
    assert!(names.iter().any(|name| name == "begun-1"), "{names:?}");
    assert!(fs::read_to_string(playground.path("out/run.json")).unwrap().contains("\"trials\""));
}
