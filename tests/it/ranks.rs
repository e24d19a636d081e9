//! Several workers that train together, started by a system that can.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::playground::{Playground, Said, signal};
use crate::training::{adapter, playground, workflow};

/// The toy system with so many workers.
fn shell(ranks: usize) -> Value {
    json!({"type": "ToyShell", "ranks": ranks})
}

/// A training on `system` with micro-batches of `batch`.
pub(crate) fn training(system: &Value, batch: usize, args: &Value) -> Playground {
    let playground = playground("tiny-llama");
    playground.install("olive_toy_plugin", "olive_plugin_toy");
    let mut training_args = json!({
        "per_device_train_batch_size": batch, "gradient_checkpointing": false,
        "lr_scheduler_type": "cosine"
    });
    training_args.as_object_mut().unwrap().extend(args.as_object().unwrap().clone());
    let pass = json!({
        "type": "LoRA", "r": 8, "alpha": 16, "lora_dropout": 0.0, "host": "system",
        "target_modules": "all-linear", "train_data_config": "tone",
        "training_args": training_args
    });
    workflow(&playground, &json!({"tune": pass}));
    let mut config: Value = serde_json::from_str(&playground.read("olive.json")).unwrap();
    config["systems"] = json!({"system": system});
    playground.workflow(config);
    playground
}

/// The losses that a run told, by step.
fn losses(said: &Said) -> Vec<(String, f64)> {
    let line = |line: &str| {
        let (step, rest) = line.split_once("step ")?.1.split_once(": loss ")?;
        Some((step.to_owned(), rest.split_once(',')?.0.parse().ok()?))
    };
    said.err.lines().filter_map(line).collect()
}

#[test]
fn two_ranks_train_as_one_with_micro_batches_twice_as_large() {
    let args = json!({"max_steps": 8, "logging_steps": 1});
    let (two, one) = (training(&shell(2), 4, &args), training(&shell(1), 8, &args));
    let (two, one) = (two.run(), one.run());
    two.check(0, &["rank 0 of 2", "8 steps of 8 blocks"]);
    one.check(0, &["8 steps of 8 blocks"]);
    let (two, one) = (losses(&two), losses(&one));
    assert_eq!((two.len(), one.len()), (8, 8));
    for ((step, two), (other, one)) in two.iter().zip(&one) {
        assert_eq!(step, other);
        assert!((two / one - 1.0).abs() <= 1e-4, "step {step}: {two} and {one}");
    }
}

#[test]
fn a_backend_that_the_plugin_was_built_without_is_refused_before_anything_is_trained() {
    let args = json!({"max_steps": 1, "ddp_backend": "mpi"});
    let refused = training(&shell(2), 4, &args).run();
    refused.check(11, &["this build of the plugin has no MPI", "write `gloo`", "olive.json:"]);
    let args = json!({"max_steps": 1, "ddp_backend": "hccl"});
    let refused = training(&shell(2), 4, &args).run();
    refused.check(11, &["it is for accelerators that no pass trains on"]);
    // One process asks nobody.
    training(&shell(1), 4, &json!({"max_steps": 1, "ddp_backend": "nccl"})).run().check(0, &[]);
    let args = json!({"max_steps": 1, "ddp_backend": "gloo"});
    training(&shell(2), 4, &args).run().check(0, &["rank 0 of 2"]);
}

#[test]
fn a_pass_that_knows_no_ranks_is_computed_by_one_worker() {
    let playground = Playground::new();
    playground.workflow(json!({
        "systems": {"shell": shell(3)},
        "engine": {"host": "shell"},
        "passes": {"first": {"type": "Toy"}}
    }));
    playground.run().check(0, &["first (Toy)"]);
    assert_eq!(playground.read("out/weights"), "some weights");
}

#[test]
fn how_many_ranks_train_is_part_of_the_key() {
    let args = json!({"max_steps": 2});
    let playground = training(&shell(1), 2, &args);
    let key = |ranks: usize| {
        let mut config: Value = serde_json::from_str(&playground.read("olive.json")).unwrap();
        config["systems"]["system"]["ranks"] = ranks.into();
        playground.workflow(config);
        let said = playground.olive(&["plan", "--config", "@/olive.json", "--json"]);
        let plan: Value = serde_json::from_str(&said.out).unwrap();
        plan["steps"][0]["key"].as_str().unwrap().to_owned()
    };
    assert_ne!(key(1), key(2));
    assert_ne!(key(2), key(4));
}

/// The file called `name` somewhere below `folder`.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    entries.map(|entry| entry.path()).find_map(|path| {
        let is_it = path.file_name().is_some_and(|it| it == name);
        if is_it { Some(path) } else { find(&path, name) }
    })
}

#[test]
fn a_rank_that_is_killed_is_named_and_the_next_run_goes_on() {
    let args = json!({"max_steps": 24, "logging_steps": 2, "save_steps": 4});
    let whole = training(&shell(2), 8, &args);
    whole.run().check(0, &[]);
    let killed = training(&shell(2), 8, &args);
    let mut running = killed.spawn();
    running.line_with("step 6 of 24");
    let pid = find(&killed.path("cache/v1/work"), "pid.1").unwrap();
    signal("KILL", fs::read_to_string(pid).unwrap().trim());
    running.end().check(20, &["rank 1 of 2 is gone", "run again: training goes on after step "]);
    killed.run().check(0, &["training goes on after step "]);
    assert_eq!(adapter(&killed), adapter(&whole));
}

#[test]
fn a_rank_that_hangs_is_waited_for_no_longer_than_the_training_says() {
    let args = json!({"max_steps": 60, "logging_steps": 2, "ddp_timeout": 3});
    let playground = training(&shell(2), 8, &args);
    let mut running = playground.spawn();
    running.line_with("step 4 of 60");
    let pid = fs::read_to_string(find(&playground.path("cache/v1/work"), "pid.1").unwrap());
    let pid = pid.unwrap();
    signal("STOP", pid.trim());
    let said = running.end();
    signal("KILL", pid.trim());
    said.check(20, &["rank 1 of 2 has been silent for 3 s", "another `ddp_timeout`"]);
}
