//! A training that is killed again and again ends with the bytes of one that was not.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio, abort};
use std::{env, fs};

use olive_kit_adapters::Adapters;
use olive_kit_train::{
    Checkpoints, Interval, Observer, Outputs, Resume, Saving, StepReport, TrainingData,
    TrainingSettings, train,
};

use crate::toy::{self, Toy};

/// Folder of the checkpoints, for the child.
const FOLDER: &str = "OLIVE_TRAIN_FOLDER";
/// The moment at which the child dies, counted from 1.
const DIES_AT: &str = "OLIVE_TRAIN_DIES_AT";

/// Counts moments: before each batch, and before and after each adapter is written.
struct Moments {
    passed: Cell<usize>,
    dies_at: usize,
}

impl Moments {
    fn pass(&self) {
        self.passed.set(self.passed.get() + 1);
        if self.passed.get() == self.dies_at {
            abort();
        }
    }
}

impl Observer for &Moments {
    fn step(&mut self, _: &StepReport) {}

    fn is_cancelled(&self) -> bool {
        self.pass();
        false
    }
}

fn run(dir: &Path, dies_at: usize) {
    let moments = Moments { passed: Cell::new(0), dies_at };
    let write = |adapters: &Adapters, dir: &Path| {
        moments.pass();
        toy::write(adapters, dir)?;
        moments.pass();
        Ok(())
    };
    let checkpoints = Checkpoints {
        dir,
        write_adapter: &write,
        resume: Resume::Newest,
        accepts_changes: false,
        model: "toy",
    };
    let settings = TrainingSettings {
        saving: Saving::Every(Interval::Steps(1)),
        save_total_limit: Some(2),
        ..toy::settings()
    };
    let (train_data, eval) = (toy::sequences(20, 1), toy::sequences(6, 2));
    let data = TrainingData { train: &train_data, eval: &eval };
    let outputs = Outputs { checkpoints: Some(checkpoints), events: None };
    let (mut toy, mut adapters) = (Toy::default(), toy::adapters());
    train(&mut toy, &mut adapters, data, &settings, &outputs, &mut &moments).unwrap();
}

#[test]
#[ignore = "a child of the next test"]
fn trains_until_it_dies() {
    let number = |name| env::var(name).unwrap().parse().unwrap();
    run(&PathBuf::from(env::var_os(FOLDER).unwrap()), number(DIES_AT));
}

#[test]
fn killed_again_and_again_it_ends_with_the_same_bytes() {
    let (straight, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run(straight.path(), usize::MAX);
    let mut kills = 0;
    // Seven to thirteen moments hold at least one whole step, so each child gets further.
    while !child(killed.path(), 7 + kills * 5 % 7) {
        kills += 1;
        assert!(kills < 30, "it gets nowhere");
    }
    assert!(kills >= 5, "{kills}");
    for file in ["adapter_model.safetensors", "optimizer.safetensors", "trainer_state.json"] {
        let read = |dir: &Path| fs::read(dir.join("checkpoint-12").join(file)).unwrap();
        assert!(read(straight.path()) == read(killed.path()), "{file}");
    }
}

/// Trains in a process of its own, and whether that came to its end.
fn child(dir: &Path, dies_at: usize) -> bool {
    let status = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "kills::trains_until_it_dies"])
        .env(FOLDER, dir)
        .env(DIES_AT, dies_at.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.unwrap().success()
}
