//! Trainings that are ended, and go on.

use std::fs;
use std::path::Path;

use olive_plugin_api::PluginError;
use olive_plugin_api::testing::Recorder;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{request, request_of, run};

#[test]
fn a_step_stops_when_asked() {
    let output = tempfile::tempdir().unwrap();
    let events = Recorder::cancelled();
    let error = run(&request("tiny-phi3", &output), &events).unwrap_err();
    assert_eq!(error.code, PluginError::CANCELLED);
    assert!(!output.path().join("adapter").exists());
}

#[test]
fn a_training_that_goes_on_ends_with_the_same_bytes() {
    for pass in ["LoRA", "LoftQ"] {
        let whole = tempfile::tempdir().unwrap();
        run(&kept(pass, &whole, None), &Recorder::default()).unwrap();
        let kept_dir = tempfile::tempdir().unwrap();
        let stopped = tempfile::tempdir().unwrap();
        // Lines and steps so far: some steps were done, not all.
        let events = Recorder::stopping_after(if pass == "LoftQ" { 32 } else { 9 });
        let error = run(&kept(pass, &stopped, Some(&kept_dir)), &events).unwrap_err();
        assert_eq!(error.code, PluginError::CANCELLED);
        let mut checkpoints = fs::read_dir(kept_dir.path()).unwrap();
        let name = checkpoints.next().unwrap().unwrap().file_name();
        let step = name.to_str().unwrap().strip_prefix("checkpoint-").unwrap();
        assert!(checkpoints.next().is_none(), "{pass}");
        let help = format!("run again: training goes on after step {step}");
        assert_eq!(error.help, Some(help), "{pass}");
        let (output, events) = (tempfile::tempdir().unwrap(), Recorder::default());
        run(&kept(pass, &output, Some(&kept_dir)), &events).unwrap();
        assert!(events.logs().iter().any(|line| line.contains("goes on after step")), "{pass}");
        assert!(adapter(&whole) == adapter(&output), "{pass}");
    }
}

#[test]
fn a_training_starts_anew_when_asked() {
    let kept_dir = tempfile::tempdir().unwrap();
    let stopped = tempfile::tempdir().unwrap();
    let events = Recorder::stopping_after(9);
    run(&kept("LoRA", &stopped, Some(&kept_dir)), &events).unwrap_err();
    let (output, events) = (tempfile::tempdir().unwrap(), Recorder::default());
    let mut request = kept("LoRA", &output, Some(&kept_dir));
    request["config"]["training_args"]["resume_from_checkpoint"] = json!(false);
    run(&request, &events).unwrap();
    assert!(!events.logs().iter().any(|line| line.contains("goes on after step")));
}

#[test]
fn a_folder_that_is_no_checkpoint_is_named() {
    let output = tempfile::tempdir().unwrap();
    let kept_dir = tempfile::tempdir().unwrap();
    let mut request = kept("LoRA", &output, Some(&kept_dir));
    request["config"]["training_args"]["resume_from_checkpoint"] = json!(output.path());
    let error = run(&request, &Recorder::default()).unwrap_err();
    assert_eq!(error.code, "resume");
    assert!(error.help.unwrap().contains("resume_from_checkpoint"));
}

#[test]
fn the_best_evaluation_is_the_result() {
    let (output, events) = (tempfile::tempdir().unwrap(), Recorder::default());
    let mut request = request("tiny-phi3", &output);
    request["config"]["eval_dataset_size"] = json!(0.25);
    let args = request["config"]["training_args"].as_object_mut().unwrap();
    let values = json!({
        "learning_rate": 0.3, "eval_steps": 1, "save_strategy": "best",
        "load_best_model_at_end": true, "early_stopping_patience": 2, "max_steps": 40
    });
    args.extend(values.as_object().unwrap().clone());
    run(&request, &events).unwrap();
    let losses: Vec<_> = events.figures().iter().map(|figures| figures["eval_loss"]).collect();
    assert!(losses.len() < 40, "{losses:?}");
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let said = format!("best evaluation loss {best:.4}");
    let logs = events.logs();
    assert!(
        logs.iter().any(|line| line.starts_with(&said) && line.ends_with("which is the result")),
        "{said} {logs:?}"
    );
    assert!(logs.iter().any(|line| line.starts_with("training ended early")), "{logs:?}");
}

#[test]
fn event_files_are_written_when_asked() {
    for (report_to, is_written) in [
        (json!(null), false),
        (json!("none"), false),
        (json!("all"), true),
        (json!(["tensorboard"]), true),
    ] {
        let output = tempfile::tempdir().unwrap();
        let mut request = request("tiny-phi3", &output);
        request["config"]["training_args"]["report_to"] = report_to;
        run(&request, &Recorder::default()).unwrap();
        let runs = fs::read_dir(output.path().join("runs"));
        let count = runs.map_or(0, |entries| {
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.filter(|name| name.contains("tfevents")).count()
        });
        assert_eq!(count, usize::from(is_written));
    }
}

/// Eight steps with a checkpoint after every second one.
fn kept(pass: &str, output: &TempDir, checkpoints: Option<&TempDir>) -> Value {
    let mut request = request_of(pass, "tiny-llama3", output);
    request["config"]["training_args"]["save_steps"] = json!(2);
    if let Some(checkpoints) = checkpoints {
        request["checkpoint_dir"] = json!(checkpoints.path());
    }
    request
}

fn adapter(output: &TempDir) -> Vec<u8> {
    let path: &Path = output.path();
    fs::read(path.join("adapter/adapter_model.safetensors")).unwrap()
}
