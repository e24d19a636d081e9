//! What goes wrong ends a training with the reason, and loses nothing.

use std::cell::Cell;
use std::error::Error as _;
use std::fs;
use std::path::Path;
#[cfg(target_os = "linux")]
use std::process::Command;

use olive_kit_adapters::Adapters;
use olive_kit_testing::file_names;
use olive_kit_train::{
    Checkpoints, Outputs, Resume, TrainError, TrainingData, TrainingSettings, checkpoint, train,
};

use crate::toy::{self, Heard, Toy};

fn run(
    toy: &mut Toy,
    adapters: &mut Adapters,
    checkpoints: Option<Checkpoints<'_>>,
) -> Result<Heard, TrainError> {
    let (train_data, eval) = (toy::sequences(20, 1), toy::sequences(6, 2));
    let data = TrainingData { train: &train_data, eval: &eval };
    let outputs = Outputs { checkpoints, events: None };
    let mut heard = Heard::default();
    train(toy, adapters, data, &toy::settings(), &outputs, &mut heard)?;
    Ok(heard)
}

#[test]
fn numbers_that_are_none_keep_the_batch_and_the_adapter_before() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints {
        dir: dir.path(),
        write_adapter: &toy::write,
        resume: Resume::No,
        accepts_changes: false,
        model: "toy",
    };
    // The second micro-batch of step 6.
    let mut toy = Toy { fails_at: Some(12), ..Toy::default() };
    let mut adapters = toy::adapters();
    let error = run(&mut toy, &mut adapters, Some(checkpoints)).unwrap_err();
    let TrainError::NotFinite { what: "loss", value, step: 6, blocks, saved } = &error else {
        panic!("{error}");
    };
    assert!(value.is_nan() && blocks.len() == 2);
    let path = saved.as_ref().unwrap();
    assert_eq!(path, &dir.path().join("failed-batch-6.json"));
    let message = error.to_string();
    let expected =
        format!("the loss of step 6 is NaN, computed on blocks {}, {}", blocks[0], blocks[1]);
    assert!(message.starts_with(&expected) && message.contains("failed-batch-6.json"), "{message}");
    let batch: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let data = toy::sequences(20, 1);
    assert_eq!(batch["batches"][0]["blocks"], serde_json::json!(blocks));
    let tokens: Vec<_> = blocks.iter().flat_map(|&block| data[block].input_ids.clone()).collect();
    assert_eq!(batch["batches"][0]["input_ids"][0], serde_json::json!(tokens));
    assert_eq!(batch["batches"][0]["labels"][0][1], serde_json::json!(tokens[1]));
    assert_eq!(file_names(dir.path()), ["checkpoint-4", "checkpoint-5", "failed-batch-6.json"]);
    let before = tempfile::tempdir().unwrap();
    toy::write(&adapters, before.path()).unwrap();
    let read = |dir: &Path| fs::read(dir.join("adapter_model.safetensors")).unwrap();
    assert_eq!(read(before.path()), read(&dir.path().join("checkpoint-5")));
}

#[test]
fn a_gradient_that_overflows_is_named() {
    let mut adapters = toy::adapters();
    adapters.parameters[1].values.fill(1e30);
    let message = run(&mut Toy::default(), &mut adapters, None).unwrap_err().to_string();
    assert!(message.contains("of step 1 is") && message.contains("blocks "), "{message}");
}

#[test]
fn a_full_disk_keeps_the_last_good_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let written = Cell::new(0);
    let full_at_the_second = |adapters: &Adapters, dir: &Path| {
        written.set(written.get() + 1);
        toy::write(adapters, dir)?;
        match written.get() {
            1 => Ok(()),
            _ => Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into()),
        }
    };
    let checkpoints = Checkpoints {
        dir: dir.path(),
        write_adapter: &full_at_the_second,
        resume: Resume::No,
        accepts_changes: false,
        model: "toy",
    };
    let result = run(&mut Toy::default(), &mut toy::adapters(), Some(checkpoints));
    check_full(dir.path(), &result.unwrap_err());
}

fn check_full(dir: &Path, error: &TrainError) {
    let message = error.to_string();
    let (failed, last) = (dir.join("checkpoint-8"), dir.join("checkpoint-4"));
    let expected = format!(
        "cannot write the checkpoint `{}`; `{}` is whole",
        failed.display(),
        last.display()
    );
    assert_eq!(message, expected);
    let causes = std::iter::successors(error.source(), |&error| error.source());
    let causes: Vec<_> = causes.map(ToString::to_string).collect();
    assert!(
        causes
            .iter()
            .any(|cause| cause.contains("no storage space") || cause.contains("No space left")),
        "{causes:?}"
    );
    assert_eq!(file_names(dir), ["checkpoint-4"], "nothing half-written is left");
    assert_eq!(checkpoint::list(dir), [(4, last)]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_system_that_runs_full_keeps_the_last_good_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let Some(_mounted) = Mounted::new(dir.path()) else {
        println!("skipped: mounting a small file system needs root");
        return;
    };
    // One checkpoint fits, two do not.
    let padded = |adapters: &Adapters, dir: &Path| {
        toy::write(adapters, dir)?;
        Ok(fs::write(dir.join("README.md"), vec![b'x'; 8 << 10])?)
    };
    let checkpoints = Checkpoints {
        dir: dir.path(),
        write_adapter: &padded,
        resume: Resume::No,
        accepts_changes: false,
        model: "toy",
    };
    let result = run(&mut Toy::default(), &mut toy::adapters(), Some(checkpoints));
    check_full(dir.path(), &result.unwrap_err());
}

/// A file system of 40 KiB, until it is dropped.
#[cfg(target_os = "linux")]
struct Mounted<'a>(&'a Path);

#[cfg(target_os = "linux")]
impl<'a> Mounted<'a> {
    fn new(dir: &'a Path) -> Option<Self> {
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=40k", "tmpfs"])
            .arg(dir)
            .output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self(dir))
    }
}

#[cfg(target_os = "linux")]
impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _unmounted = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let inside = file.join("checkpoints");
    let checkpoints = Checkpoints {
        dir: &inside,
        write_adapter: &toy::write,
        resume: Resume::No,
        accepts_changes: false,
        model: "toy",
    };
    let error = run(&mut Toy::default(), &mut toy::adapters(), Some(checkpoints)).unwrap_err();
    assert!(error.to_string().contains("checkpoints`"), "{error}");
}

#[test]
fn nothing_to_train_on_is_named() {
    let refused = |train_data: &[_], eval: &[_], adapters: &mut Adapters| {
        let data = TrainingData { train: train_data, eval };
        let settings = toy::settings();
        let outputs = Outputs::default();
        let result =
            train(&mut Toy::default(), adapters, data, &settings, &outputs, &mut Heard::default());
        result.unwrap_err().to_string()
    };
    let (some, mut adapters) = (toy::sequences(4, 1), toy::adapters());
    assert_eq!(refused(&[], &[], &mut adapters), "there are no sequences to train on");
    assert_eq!(refused(&some, &[], &mut Adapters::none()), "there are no parameters to train");
    let mut unlabeled = some.clone();
    for one in &mut unlabeled {
        one.label_mask = Some(vec![false; one.len()]);
    }
    let message = refused(&unlabeled[..1], &[], &mut adapters);
    assert_eq!(message, "step 1 has no label: every position of block 0 is ignored");
    let message = refused(&some, &unlabeled, &mut adapters);
    assert_eq!(message, "the evaluation data has no label");
}

#[test]
fn a_training_without_folders_leaves_the_adapters_of_the_last_step() {
    let (train_data, mut adapters) = (toy::sequences(20, 1), toy::adapters());
    let data = TrainingData { train: &train_data, eval: &[] };
    let settings =
        TrainingSettings { logging: olive_kit_train::Interval::Never, ..toy::settings() };
    let mut heard = Heard { cancels_at: Some(5), ..Heard::default() };
    let result =
        train(&mut Toy::default(), &mut adapters, data, &settings, &Outputs::default(), &mut heard);
    assert!(matches!(result, Err(TrainError::Cancelled { saved: None })), "{result:?}");
    assert_eq!(heard.steps.len(), 2);
    assert_ne!(adapters.parameters, toy::adapters().parameters);
}
