//! Steps as jobs of a real Slurm cluster: two nodes, which are both this machine.

mod cluster;
mod chains;
mod arrays;

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::elsewhere::{is_as_made_by, pausing};
use crate::playground::{PATIENCE, Playground, Running, Said, signal, wait_for, wait_for_end_of};
use crate::ranks;
use crate::real;
use crate::training::adapter;
use cluster::Cluster;

#[test]
fn the_recipe_on_a_cluster_makes_what_it_makes_here() {
    let Some(cluster) = Cluster::find() else { return };
    let playground = real::playground();
    let mut workflow = real::unmeasured();
    workflow["systems"] = json!({"cluster": cluster.system(&playground, &json!({}))});
    workflow["engine"]["host"] = "cluster".into();
    real::write(&playground, workflow);
    let parts = ["lora (LoRA): done", "merge (MergeAdapterWeights): done", "on `cluster`"];
    cluster.run(&playground).check(0, &parts);
    assert_eq!(playground.names("shared/jobs"), Vec::<String>::new());
    is_as_made_by(1, &playground);
}

#[test]
fn trials_of_a_search_run_on_both_nodes_at_once() {
    let Some(cluster) = Cluster::find() else { return };
    // Each takes a whole node, and waits until the other has one.
    let setup =
        ["touch ../$SLURMD_NODENAME", "until [ $(ls .. | grep -c '^n') = 2 ]; do sleep 0.1; done"];
    let playground =
        cluster.playground(&json!({"cpus": 2, "setup": setup}), &json!({"type": "Toy"}));
    let mut workflow: Value = serde_json::from_str(&playground.read("olive.json")).unwrap();
    workflow["passes"] = json!({"choose": [
        {"type": "Toy", "ballast_bytes": 30}, {"type": "Toy", "ballast_bytes": 10},
        {"type": "Toy", "ballast_bytes": 20}, {"type": "Toy", "ballast_bytes": 40}
    ]});
    let size = json!({"name": "size", "type": "size_on_disk", "sub_types": [{"name": "bytes"}]});
    workflow["evaluators"] = json!({"size": {"metrics": [size]}});
    workflow["engine"]["evaluator"] = "size".into();
    // One job, for which no second node starts another.
    workflow["engine"]["evaluate_input_model"] = false.into();
    workflow["engine"]["search_strategy"] = json!({"sampler": "sequential", "parallel_trials": 2});
    real::write(&playground, workflow);
    // Jobs have processors of their own.
    cluster.olive(&playground, &["run", "@/olive.json", "--threads", "1"]).check(0, &[]);
    let footprint: Value = serde_json::from_str(&playground.read("out/run.json")).unwrap();
    assert_eq!(footprint["search"]["trials"].as_array().unwrap().len(), 4);
    let names = playground.names("shared/jobs");
    assert_eq!(names, ["n1", "n2"]);
}

#[test]
fn two_ranks_on_two_nodes_end_with_the_bytes_of_two_processes_here() {
    let Some(cluster) = Cluster::find() else { return };
    let args = json!({"max_steps": 4, "logging_steps": 1});
    let here = ranks::training(&json!({"type": "ToyShell", "ranks": 2}), 2, &args);
    here.olive(&["run", "--config", "@/olive.json", "--threads", "1"]).check(0, &["rank 0 of 2"]);
    let there = ranks::training(&json!({}), 2, &args);
    there.install("olive_plugin_slurm", "olive_plugin_slurm");
    let mut config: Value = serde_json::from_str(&there.read("olive.json")).unwrap();
    let both = json!({"nodes": 2, "ranks": 2, "setup": ["scontrol show hostnames >../../nodes"]});
    config["systems"]["system"] = cluster.system(&there, &both);
    there.workflow(config);
    cluster.run(&there).check(0, &["rank 0 of 2", "on `system`"]);
    assert_eq!(there.read("shared/nodes"), "n1\nn2\n");
    assert_eq!(adapter(&there), adapter(&here));
}

#[test]
fn a_job_is_cancelled_and_leaves_its_checkpoint() {
    let Some(cluster) = Cluster::find() else { return };
    let playground = cluster.playground(&json!({}), &pausing());
    let running = cluster.start(&playground);
    let worker = running.worker.clone();
    signal("INT", &running.host());
    running.end().check(30, &["first (Toy): cancelled"]);
    wait_for_end_of(&worker);
    cluster.wait_until_idle();
    assert_eq!(playground.names("shared/jobs"), Vec::<String>::new());
    playground.go();
    cluster.run(&playground).check(0, &["resumed after step 3"]);
}

#[test]
fn a_step_whose_node_fails_is_started_again_and_ends_with_the_same_bytes() {
    let Some(cluster) = Cluster::find() else { return };
    let playground = cluster.playground(&json!({}), &pausing());
    let mut running = cluster.start(&playground);
    let node = cluster.ask("squeue", &["--noheader", "--format=%N"]);
    let node = format!("NodeName={}", node.trim());
    cluster.ask("scontrol", &["update", &node, "State=DOWN", "Reason=test"]);
    running.line_with("its node failed or was taken for another job");
    running.line_with("resumed after step 3");
    running.end().check(0, &["first (Toy): done"]);
    is_as_made_by(1, &playground);
}

#[test]
fn a_controller_that_is_started_again_is_waited_for() {
    let Some(cluster) = Cluster::find() else { return };
    let wait = json!({"type": "Toy", "behavior": "wait", "wait_for": "go"});
    let playground = cluster.playground(&json!({}), &wait);
    let mut running = cluster.start(&playground);
    // Silence is told where it begins: on a busy machine it may have begun already.
    let heard = || {
        let jobs = playground.names("shared/jobs").into_iter();
        let known = jobs.map(|job| playground.path("shared/jobs").join(job).join("known"));
        known.flat_map(fs::read_to_string).any(|known| known.contains("\"silent_since_ms\":null"))
    };
    wait_for("an answer of the controller", PATIENCE, heard);
    cluster.stop_controller();
    running.line_with("does not answer `scontrol`");
    cluster.start_controller();
    playground.go();
    running.end().check(0, &["first (Toy): done"]);
}

#[test]
fn a_job_of_a_host_that_was_killed_is_followed_to_its_end() {
    let Some(cluster) = Cluster::find() else { return };
    let playground = cluster.playground(&json!({}), &pausing());
    let running = cluster.start(&playground);
    let worker = running.worker.clone();
    signal("KILL", &running.host());
    running.end();
    let again = cluster.start(&playground);
    assert_eq!(again.worker, worker);
    assert_eq!(playground.names("shared/jobs").len(), 1);
    playground.go();
    again.whole().check(0, &["of an earlier run", "first (Toy): done"]);
    assert_eq!(playground.names("shared/jobs"), Vec::<String>::new());
    is_as_made_by(1, &playground);
}

#[test]
fn a_job_of_a_host_that_was_killed_ends_when_its_step_has_other_settings() {
    let Some(cluster) = Cluster::find() else { return };
    let playground = cluster.playground(&json!({}), &pausing());
    let running = cluster.start(&playground);
    let worker = running.worker.clone();
    signal("KILL", &running.host());
    running.end();
    let mut workflow: Value = serde_json::from_str(&playground.read("olive.json")).unwrap();
    workflow["systems"]["cluster"]["mem"] = "500M".into();
    real::write(&playground, workflow);
    cluster.run(&playground).check(0, &["ends job", "resumed after step 3"]);
    wait_for_end_of(&worker);
    assert_eq!(playground.names("shared/jobs"), Vec::<String>::new());
}

#[test]
fn what_ends_a_job_from_outside_is_one_sentence() {
    let Some(cluster) = Cluster::find() else { return };
    // Fills memory before the worker starts.
    let hog = json!(["x=$(head -c 400000000 /dev/zero | tr '\\0' a)", "sleep 60"]);
    let rows = [
        (json!({"mem": "50M", "setup": hog}), "it used more memory than it may (50M): raise `mem`"),
        (
            json!({"setup": ["true", "module_of_nobody"]}),
            "line 2 of `setup` failed: module_of_nobody",
        ),
        (json!({"setup": ["scancel $SLURM_JOB_ID; sleep 60"]}), "it was cancelled"),
        (json!({"partition": "nowhere"}), "invalid partition specified: nowhere"),
        (json!({"mem": "1T"}), "Requested node configuration is not available"),
    ];
    for (settings, expected) in rows {
        let playground = cluster.playground(&settings, &json!({"type": "Toy"}));
        cluster.run(&playground).check(20, &["`first (Toy)` failed", expected]);
        assert_eq!(playground.names("shared/jobs"), Vec::<String>::new());
        assert_eq!(playground.names("cache/v1/steps"), Vec::<String>::new());
    }
}

#[test]
fn a_step_that_reaches_its_time_limit_goes_on_from_its_checkpoint() {
    let Some(cluster) = Cluster::find() else { return };
    let playground = cluster.playground(&json!({"time": "1"}), &pausing());
    cluster.run(&playground).check(20, &["its time limit (00:01:00) was reached: raise `time`"]);
    playground.go();
    cluster.run(&playground).check(0, &["resumed after step 3", "first (Toy): done"]);
}

#[test]
fn a_worker_that_crashes_is_told_with_its_last_words() {
    let Some(cluster) = Cluster::find() else { return };
    let crash = json!({"type": "Toy", "behavior": "abort"});
    let setup = json!({"setup": ["echo ready to crash >&2"]});
    let playground = cluster.playground(&setup, &crash);
    cluster.run(&playground).check(20, &["ended with exit code 134", "ready to crash"]);
}

#[test]
fn a_probe_says_what_it_found_and_what_is_missing() {
    let Some(cluster) = Cluster::find() else { return };
    let probe = |settings: &Value| {
        let playground = cluster.playground(settings, &json!({"type": "Toy"}));
        cluster.olive(&playground, &["systems", "probe", "@/olive.json"])
    };
    let found = ["slurm-wlm", "is shared with node n", "`cluster` (Slurm): nothing is in the way"];
    probe(&json!({})).check(0, &found);
    // The same path is another folder for each process.
    let private = probe(&json!({"work_dir": "/proc/self/cwd/shared"}));
    private.check(11, &["error[not-shared]", "is not shared with node n", "no step can run there"]);
    let refused = probe(&json!({"partition": "nowhere"}));
    refused.check(11, &["error[slurm-refused]", "invalid partition specified: nowhere", "^^^"]);
}

#[test]
fn the_system_keeps_the_contract_with_jobs() {
    let Some(cluster) = Cluster::find() else { return };
    let playground = cluster.playground(&json!({}), &json!({"type": "Toy"}));
    let config = json!({"work_dir": "shared", "cpus": 1, "mem": "1G"});
    let case = json!({"name": "nodes", "system": "Slurm", "config": config});
    playground.write("cases.json", &json!({"cases": [case]}).to_string());
    let library = playground.library("olive_plugin_slurm");
    let args = ["plugin", "test", &library, "--cases", "@/cases.json"];
    let said = cluster.olive(&playground, &args);
    let checks = ["runs", "logs", "files", "cancels", "rehearses", "batches", "chains"];
    let checks = checks.map(|check| format!("ok       Slurm/nodes/{check}"));
    said.check(0, &checks.each_ref().map(String::as_str));
}

#[test]
fn commands_that_are_missing_are_one_error() {
    let playground = Playground::new();
    playground.install("olive_plugin_slurm", "olive_plugin_slurm");
    let cluster = json!({"type": "Slurm", "work_dir": "shared"});
    playground.workflow(json!({
        "systems": {"cluster": cluster, "here": {"type": "LocalSystem"}},
        "engine": {"host": "cluster"},
        "passes": {"first": {"type": "Toy"}}
    }));
    let run = |args: &[&str]| {
        let mut command = playground.command(args);
        Said::from(command.env("PATH", playground.path("bin")).output().unwrap())
    };
    let missing = "no `sbatch`, no `scontrol`, no `scancel` in `PATH`";
    let probed = run(&["systems", "probe", "@/olive.json"]);
    probed.check(11, &[missing, "`here` (LocalSystem): this machine", "login node"]);
    let told = run(&["systems", "probe", "@/olive.json", "--json"]);
    told.check(11, &["\"slurm-missing\"", "\"/systems/cluster\""]);
    let ran = run(&["run", "@/olive.json"]);
    ran.check(20, &[missing]);
}

#[test]
fn secrets_of_the_environment_do_not_reach_the_cluster() {
    let Some(cluster) = Cluster::find() else { return };
    let copy = json!({"setup": ["env >../../seen", "cat script in >>../../seen"]});
    let playground = cluster.playground(&copy, &json!({"type": "Toy"}));
    let mut command = cluster.command(&playground, &["run", "@/olive.json"]);
    command.env("HF_TOKEN", "hf_secret").env("OTHER_KEY", "hf_secret");
    Running::of(&mut command).end().check(0, &[]);
    let seen = playground.read("shared/seen");
    assert!(seen.contains("SLURM_JOB_ID=") && !seen.contains("hf_secret"), "{seen}");
    let names: BTreeSet<&str> = seen.lines().filter_map(|line| line.split('=').next()).collect();
    assert!(names.contains("PATH") && names.contains("HOME"));
}

#[test]
fn the_config_of_the_page_is_sound() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/systems.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, rest) = page.split_once("```json\n").unwrap();
    let playground = real::playground();
    playground.write("olive.json", rest.split_once("```").unwrap().0);
    playground.olive(&["check", "--strict", "@/olive.json"]).check(0, &["nothing is wrong"]);
}
