//! When the loop logs, evaluates, saves and ends.

use std::path::PathBuf;

use olive_kit_train::{
    Checkpoints, Duration, EarlyStopping, Interval, LogEntry, Order, Outputs, PlateauSettings,
    Resume, Saving, ScheduleKind, Sequence, StepPlan, TrainError, Trained, TrainingData,
    TrainingSettings, train,
};

use crate::toy::{self, Heard, Toy};

/// What is heard of a training with checkpoints, and how it ended.
fn run(settings: &TrainingSettings) -> (Heard, Trained) {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints {
        dir: dir.path(),
        write_adapter: &toy::write,
        resume: Resume::No,
        accepts_changes: false,
        model: "toy",
    };
    let outputs = Outputs { checkpoints: Some(checkpoints), events: None };
    let mut heard = Heard::default();
    let trained = with(settings, &outputs, &mut heard).unwrap();
    let mut kept: Vec<_> = olive_kit_train::checkpoint::list(dir.path());
    heard.saved.retain(|name| kept.iter().any(|(_, path)| path.ends_with(name)));
    kept.clear();
    (heard, trained)
}

fn with(
    settings: &TrainingSettings,
    outputs: &Outputs<'_>,
    heard: &mut Heard,
) -> Result<Trained, TrainError> {
    let (train_data, eval) = (toy::sequences(20, 1), toy::sequences(6, 2));
    let data = TrainingData { train: &train_data, eval: &eval };
    train(&mut Toy::default(), &mut toy::adapters(), data, settings, outputs, heard)
}

fn evaluated(heard: &Heard) -> Vec<usize> {
    heard.evaluations.iter().map(|evaluation| evaluation.step).collect()
}

fn logged(heard: &Heard) -> Vec<usize> {
    let steps = heard.entries.iter().filter_map(|entry| match entry {
        LogEntry::Train { step, .. } => Some(*step),
        LogEntry::Eval { .. } => None,
    });
    steps.collect()
}

#[test]
fn intervals_count_steps_shares_of_them_or_epochs() {
    let check = |interval: Interval, expected: &[usize]| {
        let settings = TrainingSettings {
            duration: Duration::Epochs(2.4),
            evaluation: interval,
            logging: interval,
            logging_first_step: false,
            ..toy::settings()
        };
        let (heard, trained) = run(&settings);
        assert_eq!((trained.steps, heard.steps.len()), (12, 12));
        assert_eq!((evaluated(&heard), logged(&heard)), (expected.to_vec(), expected.to_vec()));
    };
    check(Interval::Never, &[]);
    check(Interval::Steps(5), &[5, 10]);
    check(Interval::Share(0.3), &[4, 8, 12]);
    check(Interval::Epoch, &[5, 10, 12]);
}

#[test]
fn entries_hold_the_mean_loss_since_the_last() {
    let (heard, trained) = run(&toy::settings());
    assert_eq!(logged(&heard), [1, 2, 4, 6, 8, 10, 12]);
    let losses: Vec<_> = heard.steps.iter().map(|report| report.loss).collect();
    for entry in &heard.entries {
        if let LogEntry::Train { loss, step, learning_rate, grad_norm, epoch } = *entry {
            let start = if step <= 2 { step - 1 } else { step - 2 };
            let mean = losses[start..step].iter().sum::<f64>() / (step - start) as f64;
            assert!((loss - mean).abs() < 1e-12);
            let report = &heard.steps[step - 1];
            assert_eq!((learning_rate, grad_norm), (report.learning_rate, report.grad_norm));
            assert_eq!(epoch, step as f64 / 5.0);
        }
    }
    assert!((trained.loss - losses.iter().sum::<f64>() / 12.0).abs() < 1e-12);
    assert!(losses[11] < losses[0] - 0.1, "it learns: {losses:?}");
    let start = &heard.starts[0];
    assert_eq!((start.total_steps, start.steps_per_epoch, start.steps_done), (12, 5, 0));
    assert_eq!(start.num_values, 128);
}

#[test]
fn evaluation_may_wait_or_come_before_the_first_step() {
    let settings = TrainingSettings { eval_delay: 5.0, eval_on_start: true, ..toy::settings() };
    let (heard, trained) = run(&settings);
    assert_eq!(evaluated(&heard), [0, 6, 9, 12]);
    assert!(!heard.evaluations[0].is_best, "that before the first step decides nothing");
    let later = heard.evaluations[1..].iter().map(|evaluation| evaluation.loss);
    let least = later.fold(f64::INFINITY, f64::min);
    assert_eq!(trained.best.unwrap().loss, least);
    assert_eq!(heard.steps[5].eval_loss, Some(heard.evaluations[1].loss));
    assert_eq!(heard.steps[6].eval_loss, None);
    assert_eq!(heard.steps[11].best_eval_loss, Some(least));
    let by_epoch =
        TrainingSettings { evaluation: Interval::Epoch, eval_delay: 2.0, ..toy::settings() };
    assert_eq!(evaluated(&run(&by_epoch).0), [10, 12]);
}

#[test]
fn checkpoints_are_kept_by_number_and_the_best_always() {
    let check = |change: &dyn Fn(&mut TrainingSettings), expected: &[usize]| {
        let mut settings = TrainingSettings { learning_rate: 0.3, ..toy::settings() };
        change(&mut settings);
        let expected: Vec<_> = expected.iter().map(|step| format!("checkpoint-{step}")).collect();
        assert_eq!(run(&settings).0.saved, expected);
    };
    check(&|_| {}, &[4, 8, 12]);
    check(&|s| s.saving = Saving::Every(Interval::Never), &[]);
    check(&|s| s.saving = Saving::Every(Interval::Epoch), &[5, 10, 12]);
    check(&|s| s.saving = Saving::Every(Interval::Steps(5)), &[5, 10, 12]);
    check(&|s| s.save_total_limit = Some(2), &[8, 12]);
    // A loss that is the larger the better makes the first one the best.
    let worst_is_best = |s: &mut TrainingSettings| {
        s.greater_is_better = true;
        s.evaluation = Interval::Steps(4);
        s.learning_rate = 0.05;
    };
    check(&|s| (worst_is_best(s), s.save_total_limit = Some(1)).0, &[4, 12]);
    check(&|s| (worst_is_best(s), s.saving = Saving::Best).0, &[4]);
}

#[test]
fn the_best_values_are_taken_back() {
    let settings = TrainingSettings {
        learning_rate: 0.4,
        schedule: ScheduleKind::Constant,
        label_smoothing: 0.0,
        load_best_at_end: true,
        duration: Duration::Steps(60),
        evaluation: Interval::Steps(1),
        saving: Saving::Every(Interval::Never),
        ..toy::settings()
    };
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints {
        dir: dir.path(),
        write_adapter: &toy::write,
        resume: Resume::No,
        accepts_changes: false,
        model: "toy",
    };
    let outputs = Outputs { checkpoints: Some(checkpoints), events: None };
    let (data, eval) = (toy::sequences(20, 1), toy::sequences(6, 2));
    let data = TrainingData { train: &data, eval: &eval };
    let (mut adapters, mut heard) = (toy::adapters(), Heard::default());
    let trained =
        train(&mut Toy::default(), &mut adapters, data, &settings, &outputs, &mut heard).unwrap();
    let best = trained.best.unwrap();
    assert!(best.is_loaded && best.step < 60, "the last step is no test: {best:?}");
    // An evaluation of what is left gives the best loss again.
    let again = TrainingSettings {
        duration: Duration::Steps(1),
        eval_on_start: true,
        load_best_at_end: false,
        ..settings
    };
    let mut heard = Heard::default();
    train(&mut Toy::default(), &mut adapters, data, &again, &Outputs::default(), &mut heard)
        .unwrap();
    assert_eq!(heard.evaluations[0].loss, best.loss);
}

#[test]
fn training_ends_when_evaluations_get_no_better() {
    let settings = TrainingSettings {
        learning_rate: 0.0,
        evaluation: Interval::Steps(1),
        early_stopping: Some(EarlyStopping { patience: 3, threshold: 0.0 }),
        ..toy::settings()
    };
    let (heard, trained) = run(&settings);
    assert!(trained.stopped_early);
    assert_eq!((trained.steps, heard.steps.len()), (4, 4), "the first is better than none");
    let never = TrainingSettings { learning_rate: 0.05, ..settings.clone() };
    assert!(!run(&never).1.stopped_early);
    let stopping = EarlyStopping { patience: 3, threshold: 1.0 };
    let demanding = TrainingSettings { early_stopping: Some(stopping), ..never };
    assert_eq!(run(&demanding).1.steps, 4, "no evaluation is better by 1");
}

#[test]
fn a_plateau_lowers_the_rate() {
    let plateau = PlateauSettings { patience: 1, threshold: 10.0, ..PlateauSettings::default() };
    let settings = TrainingSettings {
        schedule: ScheduleKind::ReduceOnPlateau(plateau),
        evaluation: Interval::Steps(2),
        ..toy::settings()
    };
    let rates: Vec<_> = run(&settings).0.steps.iter().map(|report| report.learning_rate).collect();
    assert!((rates[5] - 0.05).abs() < 1e-12 && (rates[6] - 0.005).abs() < 1e-12, "{rates:?}");
}

#[test]
fn settings_that_do_not_go_together_are_refused() {
    let check = |change: &dyn Fn(&mut TrainingSettings), expected: &str| {
        let mut settings = toy::settings();
        change(&mut settings);
        let result = with(&settings, &Outputs::default(), &mut Heard::default());
        let message = result.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    check(&|s| s.load_best_at_end = true, "needs a folder for checkpoints");
    let unwatched = |s: &mut TrainingSettings| s.evaluation = Interval::Never;
    check(&|s| (unwatched(s), s.load_best_at_end = true).0, "needs evaluation data");
    check(&|s| (unwatched(s), s.saving = Saving::Best).0, "saving the best checkpoints needs");
    let stopping = Some(EarlyStopping { patience: 1, threshold: 0.0 });
    check(&|s| (unwatched(s), s.early_stopping = stopping).0, "early stopping needs");
    check(
        &|s| s.schedule = ScheduleKind::Polynomial { lr_end: 1.0, power: 1.0 },
        "`lr_end` 1 is not below",
    );
    check(
        &|s| (s.drop_last = true, s.train_batch_size = 32).0,
        "20 sequences do not fill one batch of 32",
    );
}

#[test]
fn steps_are_counted_as_transformers_does() {
    let check = |num_sequences, drop_last, duration, expected: (usize, usize)| {
        let settings = TrainingSettings { duration, drop_last, ..toy::settings() };
        let plan = StepPlan::new(num_sequences, &settings);
        assert_eq!((plan.total_steps, plan.steps_per_epoch), expected);
    };
    check(17, false, Duration::Epochs(3.0), (15, 5));
    check(17, true, Duration::Epochs(3.0), (12, 4));
    check(19, true, Duration::Epochs(0.5), (3, 5));
    check(1, true, Duration::Steps(7), (0, 0));
    let plan = StepPlan::new(17, &toy::settings());
    let epochs: Vec<_> = [0, 1, 4, 5, 7].map(|steps| plan.epochs_done(steps)).into();
    assert_eq!(epochs, [0.0, 2.0 / 9.0, 8.0 / 9.0, 1.0, 1.0 + 4.0 / 9.0]);
}

#[test]
fn batches_hold_what_keeps_the_processor_busy_and_no_padding() {
    let shapes = |settings: &TrainingSettings| {
        let (data, mut toy) = (toy::sequences(20, 1), Toy::default());
        let data = TrainingData { train: &data, eval: &[] };
        let heard = &mut Heard::default();
        train(&mut toy, &mut toy::adapters(), data, settings, &Outputs::default(), heard).unwrap();
        let tokens: usize = heard.steps.iter().map(|report| report.tokens).sum();
        (toy.shapes, tokens)
    };
    let joined = TrainingSettings { gradient_checkpointing: false, ..toy::settings() };
    let (joined, tokens) = shapes(&joined);
    assert_eq!(joined.len(), 12, "the four sequences of a step are few tokens");
    assert_eq!(joined.iter().map(|(rows, seq)| rows * seq).sum::<usize>(), tokens);
    let (apart, _) = shapes(&toy::settings());
    assert_eq!(apart.len(), 24, "checkpointing asks for little memory");
    assert_eq!(apart.iter().map(|(rows, seq)| rows * seq).sum::<usize>(), tokens);
    let grouped =
        TrainingSettings { order: Order::ByLength, neftune_alpha: 5.0, ..toy::settings() };
    let longest = toy::sequences(20, 1).iter().map(Sequence::len).max();
    assert_eq!(Some(shapes(&grouped).0[0].1), longest, "the longest comes first");
}

#[test]
fn a_sequential_order_is_that_of_the_data_in_every_epoch() {
    let settings = TrainingSettings {
        order: Order::Sequential,
        train_batch_size: 1,
        gradient_accumulation_steps: 1,
        duration: Duration::Epochs(2.0),
        ..toy::settings()
    };
    let data = toy::sequences(9, 1);
    let lengths: Vec<_> = data.iter().map(Sequence::len).collect();
    assert!(!lengths.is_sorted(), "an order by length is another one");
    let data = TrainingData { train: &data, eval: &[] };
    let (mut toy, mut heard) = (Toy::default(), Heard::default());
    train(&mut toy, &mut toy::adapters(), data, &settings, &Outputs::default(), &mut heard)
        .unwrap();
    let tokens: Vec<_> = heard.steps.iter().map(|report| report.tokens).collect();
    assert_eq!(tokens, [lengths.as_slice(), &lengths].concat());
}

#[test]
#[ignore = "writes a run for fixtures/read_run.py into the folder OLIVE_TRAIN_RUN"]
fn writes_a_run_to_look_at() {
    let dir = PathBuf::from(std::env::var_os("OLIVE_TRAIN_RUN").unwrap());
    let runs = dir.join("runs");
    let checkpoints = Checkpoints {
        dir: &dir,
        write_adapter: &toy::write,
        resume: Resume::No,
        accepts_changes: false,
        model: "toy",
    };
    let outputs = Outputs { checkpoints: Some(checkpoints), events: Some(&runs) };
    with(&toy::settings(), &outputs, &mut Heard::default()).unwrap();
}
