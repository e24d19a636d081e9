//! A training that was stopped and resumed ends with the bytes of one that was not.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use olive_kit_testing::file_names;
use olive_kit_train::{
    AdamW, Checkpoints, Duration, EarlyStopping, Interval, Lion, OptimizerSettings, Order, Outputs,
    PlateauSettings, Resume, Saving, ScheduleKind, Sgd, TrainError, Trained, TrainingData,
    TrainingSettings, train,
};

use crate::toy::{self, Heard, Toy};

fn checkpoints<'a>(dir: &'a Path, resume: Resume<'a>) -> Checkpoints<'a> {
    Checkpoints { dir, write_adapter: &toy::write, resume, accepts_changes: false, model: "toy" }
}

fn run(
    checkpoints: Checkpoints<'_>,
    settings: &TrainingSettings,
    heard: &mut Heard,
) -> Result<Trained, TrainError> {
    let (train_data, eval) = (toy::sequences(20, 1), toy::sequences(6, 2));
    let data = TrainingData { train: &train_data, eval: &eval };
    let outputs = Outputs { checkpoints: Some(checkpoints), events: None };
    train(&mut Toy::default(), &mut toy::adapters(), data, settings, &outputs, heard)
}

/// Every file of a checkpoint.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap())
        })
        .collect()
}

/// Stops at every so many questions whether to stop, resumes, and compares the last checkpoint.
fn check_resumes(settings: &TrainingSettings, every: usize) {
    let straight = tempfile::tempdir().unwrap();
    let trained = run(checkpoints(straight.path(), Resume::No), settings, &mut Heard::default());
    let trained = trained.unwrap();
    let last = format!("checkpoint-{}", trained.steps);
    let expected = files(&straight.path().join(&last));
    assert_eq!(expected.len(), 4);
    let mut stopped = 0;
    for cancels_at in (1..).step_by(every) {
        let dir = tempfile::tempdir().unwrap();
        let mut heard = Heard { cancels_at: Some(cancels_at), ..Heard::default() };
        match run(checkpoints(dir.path(), Resume::No), settings, &mut heard) {
            Err(TrainError::Cancelled { saved }) => {
                let steps = heard.steps.len();
                assert!(saved.is_some() || steps == 0, "cancelled at {cancels_at}");
            }
            Ok(_) => break,
            Err(error) => panic!("{error}"),
        }
        stopped += 1;
        let mut heard = Heard::default();
        let resumed = run(checkpoints(dir.path(), Resume::Newest), settings, &mut heard).unwrap();
        assert_eq!(resumed, trained, "stopped at {cancels_at}");
        assert_eq!(files(&dir.path().join(&last)), expected, "stopped at {cancels_at}");
    }
    assert!(stopped * every > 20, "{stopped}");
}

#[test]
fn every_moment_is_a_good_one_to_stop() {
    check_resumes(&toy::settings(), 1);
}

#[test]
fn every_optimizer_goes_on_where_it_was() {
    let sgd = Sgd { momentum: 0.9, ..Sgd::default() };
    for optimizer in [
        OptimizerSettings::Sgd(sgd),
        OptimizerSettings::Lion(Lion::default()),
        OptimizerSettings::Adafactor(olive_kit_train::Adafactor::default()),
        OptimizerSettings::RmsProp(olive_kit_train::RmsProp {
            centered: true,
            ..Default::default()
        }),
        OptimizerSettings::Adagrad(olive_kit_train::Adagrad { lr_decay: 0.1, epsilon: 1e-10 }),
        OptimizerSettings::AdamW8Bit(AdamW::default()),
    ] {
        check_resumes(&TrainingSettings { optimizer, ..toy::settings() }, 10);
    }
}

#[test]
fn what_evaluations_decide_goes_on_too() {
    let plateau = PlateauSettings { patience: 0, threshold: 0.05, ..PlateauSettings::default() };
    let settings = TrainingSettings {
        schedule: ScheduleKind::ReduceOnPlateau(plateau),
        evaluation: Interval::Steps(2),
        early_stopping: Some(EarlyStopping { patience: 3, threshold: 0.05 }),
        load_best_at_end: true,
        eval_on_start: true,
        order: Order::ByLength,
        duration: Duration::Epochs(2.5),
        saving: Saving::Every(Interval::Steps(1)),
        ..toy::settings()
    };
    check_resumes(&settings, 3);
}

#[test]
fn an_earlier_checkpoint_leads_to_the_same_end() {
    let dir = tempfile::tempdir().unwrap();
    run(checkpoints(dir.path(), Resume::No), &toy::settings(), &mut Heard::default()).unwrap();
    let expected = files(&dir.path().join("checkpoint-12"));
    let earlier = dir.path().join("checkpoint-4");
    let mut heard = Heard::default();
    let from = checkpoints(dir.path(), Resume::From(&earlier));
    run(from, &toy::settings(), &mut heard).unwrap();
    assert_eq!((heard.starts[0].steps_done, heard.steps.len()), (4, 8));
    assert_eq!(files(&dir.path().join("checkpoint-12")), expected);
    let mut heard = Heard::default();
    run(checkpoints(dir.path(), Resume::Newest), &toy::settings(), &mut heard).unwrap();
    assert_eq!(heard.steps.len(), 0, "nothing is left to do");
}

#[test]
fn checkpoints_of_other_trainings_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    run(checkpoints(dir.path(), Resume::No), &toy::settings(), &mut Heard::default()).unwrap();
    let path = dir.path().join("checkpoint-8");
    let refused = |checkpoints: Checkpoints<'_>, settings: &TrainingSettings, expected: &str| {
        let error = run(checkpoints, settings, &mut Heard::default()).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with("cannot resume from `"), "{message}");
        assert!(message.contains(expected), "{message}");
    };
    let from = checkpoints(dir.path(), Resume::From(&path));
    let other = TrainingSettings { learning_rate: 0.1, ..toy::settings() };
    refused(from, &other, "checkpoint-8`: its `learning_rate` is 0.05, that of this training 0.1");
    refused(Checkpoints { model: "gpt", ..from }, &toy::settings(), "its model is another");
    let accepted = Checkpoints { accepts_changes: true, ..from };
    run(accepted, &other, &mut Heard::default()).unwrap();
    let harmless = TrainingSettings {
        logging: Interval::Epoch,
        eval_batch_size: 1,
        gradient_checkpointing: false,
        ..toy::settings()
    };
    run(from, &harmless, &mut Heard::default()).unwrap();
    let quantized = OptimizerSettings::Lion(Lion::default());
    let other = TrainingSettings { optimizer: quantized, ..toy::settings() };
    refused(from, &other, "its `optimizer` is");
    fs::write(path.join("optimizer.safetensors"), "cut").unwrap();
    refused(from, &toy::settings(), "`optimizer.safetensors` is not whole");
    fs::write(path.join("trainer_state.json"), "{}").unwrap();
    refused(from, &toy::settings(), "`trainer_state.json` is not one that this trainer wrote");
    fs::remove_file(path.join("trainer_state.json")).unwrap();
    refused(from, &toy::settings(), "cannot read `trainer_state.json`");
}

#[test]
fn a_damaged_checkpoint_is_passed_over_with_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    run(checkpoints(dir.path(), Resume::No), &toy::settings(), &mut Heard::default()).unwrap();
    let expected = files(&dir.path().join("checkpoint-12"));
    fs::write(dir.path().join("checkpoint-12/adapter_model.safetensors"), "cut").unwrap();
    let mut heard = Heard::default();
    run(checkpoints(dir.path(), Resume::Newest), &toy::settings(), &mut heard).unwrap();
    assert_eq!(heard.starts[0].resumed_from, Some(dir.path().join("checkpoint-8")));
    assert!(heard.warnings[0].contains("checkpoint-12"), "{:?}", heard.warnings);
    assert_eq!(files(&dir.path().join("checkpoint-12")), expected);
    for step in [4, 8, 12] {
        fs::remove_file(dir.path().join(format!("checkpoint-{step}/optimizer.safetensors")))
            .unwrap();
    }
    let result =
        run(checkpoints(dir.path(), Resume::Newest), &toy::settings(), &mut Heard::default());
    let message = result.unwrap_err().to_string();
    assert!(message.contains("checkpoint-12`: cannot read `optimizer.safetensors`"), "{message}");
}

#[test]
fn what_a_killed_run_left_is_taken_away_or_put_back() {
    let dir = tempfile::tempdir().unwrap();
    run(checkpoints(dir.path(), Resume::No), &toy::settings(), &mut Heard::default()).unwrap();
    let place = |name: &str| dir.path().join(name);
    // Killed while writing step 13, while removing step 8, and while replacing step 12.
    fs::create_dir(place(".partial-checkpoint-13")).unwrap();
    fs::rename(place("checkpoint-8"), place(".gone-checkpoint-8")).unwrap();
    fs::rename(place("checkpoint-12"), place(".old-checkpoint-12")).unwrap();
    let mut heard = Heard::default();
    run(checkpoints(dir.path(), Resume::Newest), &toy::settings(), &mut heard).unwrap();
    assert_eq!(heard.starts[0].steps_done, 12);
    assert_eq!(file_names(dir.path()), ["checkpoint-12", "checkpoint-4"]);
}
