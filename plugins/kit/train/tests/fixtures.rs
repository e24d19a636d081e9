//! Training of the tiny fixtures against what torch and PEFT computed of them.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

use std::path::Path;
use std::thread;
use std::time::Duration as Time;

use olive_kit_adapters::{AdapterConfig, Adapters, checkpoint_rows};
use olive_kit_checkpoint::Checkpoint;
use olive_kit_collective::{Backend, Meeting, Place, join};
use olive_kit_decoder::{Storage, Transformer};
use olive_kit_testing::engines::reference;
use olive_kit_testing::fixture;
use olive_kit_train::{
    AdamW, Checkpoints, Duration, Interval, Observer, OptimizerSettings, Order, Outputs, Resume,
    Saving, ScheduleKind, Sequence, StepReport, TrainError, TrainingData, TrainingSettings, Warmup,
    train, train_in,
};

const MODELS: [&str; 3] = ["tiny-phi3", "tiny-phi3-longrope", "tiny-llama"];

/// Largest difference of a loss or norm after some steps, in parts of it.
const CLOSE: f64 = 2e-5;
/// Largest norm of a trained factor's difference, in parts of the norm of what training changed.
const TRAINED: f64 = 1e-3;

fn transformer(model: &str) -> Transformer {
    let checkpoint = Checkpoint::open(fixture(model)).unwrap();
    Transformer::load(&checkpoint, Storage::default()).unwrap()
}

/// The numbers of one reference tensor.
fn expected(model: &str, name: &str) -> Vec<f64> {
    reference(model).f32s(name).into_iter().map(f64::from).collect()
}

/// The reference batch as its two sequences.
fn sequences(model: &str) -> Vec<Sequence> {
    let reference = reference(model);
    let (ids, mask) = (reference.tokens("input_ids"), reference.i64s("attention_mask"));
    let labels = reference.i64s("labels");
    let rows = ids.chunks(24).zip(mask.chunks(24)).zip(labels.chunks(24));
    rows.map(|((ids, mask), labels)| {
        let is_label = |(label, id): (&i64, &u32)| *label == i64::from(*id);
        assert!(labels.iter().zip(ids).all(|both| is_label(both) || *both.0 < 0));
        Sequence {
            input_ids: ids.to_vec(),
            attention_mask: Some(mask.iter().map(|&mask| mask == 1).collect()),
            label_mask: Some(labels.iter().zip(ids).map(is_label).collect()),
            segments: None,
        }
    })
    .collect()
}

/// The settings of the reference training.
fn settings() -> TrainingSettings {
    TrainingSettings {
        seed: 1,
        data_seed: 2,
        train_batch_size: 2,
        eval_batch_size: 2,
        gradient_accumulation_steps: 1,
        drop_last: false,
        gradient_checkpointing: false,
        duration: Duration::Steps(5),
        learning_rate: 1e-3,
        schedule: ScheduleKind::Constant,
        warmup: Warmup::Steps(0),
        optimizer: OptimizerSettings::AdamW(AdamW::default()),
        weight_decay: 0.0,
        max_grad_norm: 0.3,
        label_smoothing: 0.0,
        neftune_alpha: 0.0,
        order: Order::Random,
        evaluation: Interval::Never,
        eval_delay: 0.0,
        eval_on_start: false,
        logging: Interval::Never,
        logging_first_step: false,
        saving: Saving::Every(Interval::Never),
        save_total_limit: None,
        load_best_at_end: false,
        greater_is_better: false,
        early_stopping: None,
        pad_token_id: 3,
    }
}

fn fixed_adapter(model: &str) -> Adapters {
    adapter(model, "adapter")
}

fn adapter(model: &str, folder: &str) -> Adapters {
    let decoder = Checkpoint::describe(fixture(model)).unwrap().decoder;
    Adapters::open(&fixture(model).join(folder), &decoder).unwrap()
}

/// New adapters on the layer after attention.
fn new_adapters(model: &str, rank: usize, dropout: f64, seed: u64) -> Adapters {
    let checkpoint = Checkpoint::open(fixture(model)).unwrap();
    let config = AdapterConfig::lora(rank, 2.0 * rank as f64, dropout, &["o_proj"]);
    let targets = config.resolve(checkpoint.decoder()).unwrap();
    let rows = checkpoint_rows(&checkpoint);
    Adapters::new(&config, checkpoint.decoder(), &targets, seed, rows).unwrap()
}

#[derive(Default)]
struct Reports {
    reports: Vec<StepReport>,
    cancel_after: Option<usize>,
}

impl Observer for Reports {
    fn step(&mut self, report: &StepReport) {
        self.reports.push(*report);
    }

    fn is_cancelled(&self) -> bool {
        self.cancel_after == Some(self.reports.len())
    }
}

/// Trains on copies of the fixture's sequences; every report but the time.
fn train_on(
    model: &str,
    adapters: &mut Adapters,
    train_sequences: &[Sequence],
    settings: &TrainingSettings,
) -> Result<Vec<StepReport>, TrainError> {
    let mut reports = Reports::default();
    let eval = &sequences(model)[..1];
    let data = TrainingData { train: train_sequences, eval };
    let mut transformer = transformer(model);
    train(&mut transformer, adapters, data, settings, &Outputs::default(), &mut reports)?;
    Ok(reports.reports.into_iter().map(|report| StepReport { seconds: 0.0, ..report }).collect())
}

/// The same by two ranks, each with its own engine and half of every step.
fn train_in_ranks(model: &str, settings: &TrainingSettings) -> [(Vec<StepReport>, Adapters); 2] {
    let dir = tempfile::tempdir().unwrap();
    let wait = Time::from_mins(1);
    let meeting = Meeting { dir: dir.path().to_owned(), hosts: Vec::new(), wait };
    let run = |rank| {
        let mut group = join(Backend::Tcp, Place { rank, ranks: 2 }, &meeting, wait).unwrap();
        let (mut adapters, mut reports) = (fixed_adapter(model), Reports::default());
        let train = sequences(model);
        let data = TrainingData { train: &train, eval: &[] };
        let (mut engine, outputs) = (transformer(model), Outputs::default());
        train_in(&mut *group, &mut engine, &mut adapters, data, settings, &outputs, &mut reports)
            .unwrap();
        (reports.reports, adapters)
    };
    thread::scope(|scope| {
        let run = &run;
        [0, 1].map(|rank| scope.spawn(move || run(rank))).map(|thread| thread.join().unwrap())
    })
}

fn check_close(what: &str, found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() <= CLOSE, "{what}: {found} {expected}");
}

/// Five steps from the fixed adapter, and the adapter they end with.
fn check_training(model: &str, name: &str, settings: &TrainingSettings) {
    let mut adapters = fixed_adapter(model);
    let reports = train_on(model, &mut adapters, &sequences(model), settings).unwrap();
    check_trained(model, name, &reports, &adapters);
}

fn check_trained(model: &str, name: &str, reports: &[StepReport], adapters: &Adapters) {
    let expected = |what: &str| expected(model, &format!("train.{name}.{what}"));
    let (losses, norms, rates) = (expected("losses"), expected("grad_norms"), expected("lrs"));
    assert_eq!(reports.len(), 5);
    for (index, report) in reports.iter().enumerate() {
        check_close("loss", report.loss, losses[index]);
        check_close("norm", report.grad_norm, norms[index]);
        check_close("rate", report.learning_rate, rates[index]);
    }
    let start = fixed_adapter(model);
    let expected = adapter(model, &format!("adapter-after5-{name}"));
    let mut worst = 0.0_f64;
    for ((found, start), expected) in
        adapters.parameters.iter().zip(&start.parameters).zip(&expected.parameters)
    {
        assert_eq!(found.name, expected.name);
        let moved = distance(&start.values, &expected.values);
        worst = worst.max(distance(&found.values, &expected.values) / moved);
    }
    assert!(worst <= TRAINED, "{model} {name}: {worst}");
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn five_steps_are_those_of_torch() {
    for model in MODELS {
        let constant = settings();
        let linear = TrainingSettings { schedule: ScheduleKind::Linear, ..settings() };
        check_training(model, "constant", &constant);
        check_training(model, "linear", &linear);
    }
}

#[test]
fn two_ranks_train_as_torch_does_on_the_batches_of_both() {
    let halves = TrainingSettings { train_batch_size: 1, ..settings() };
    let [(reports, adapters), (_, others)] = train_in_ranks("tiny-llama", &halves);
    check_trained("tiny-llama", "constant", &reports, &adapters);
    assert!(adapters.parameters == others.parameters, "both ranks hold the same bytes");
}

#[test]
fn accumulated_and_recomputed_steps_are_the_same_steps() {
    let accumulated = TrainingSettings {
        train_batch_size: 1,
        gradient_accumulation_steps: 2,
        gradient_checkpointing: true,
        order: Order::ByLength,
        ..settings()
    };
    check_training("tiny-phi3", "constant", &accumulated);
}

#[test]
fn same_seed_same_bytes() {
    let sequences = [sequences("tiny-phi3"), sequences("tiny-phi3")].concat();
    let sequences = [sequences.clone(), sequences].concat();
    let run = |seed: u64| {
        let mut adapters = new_adapters("tiny-phi3", 4, 0.1, seed);
        let settings = TrainingSettings {
            seed,
            gradient_accumulation_steps: 3,
            duration: Duration::Epochs(1.5),
            evaluation: Interval::Epoch,
            ..settings()
        };
        let reports = train_on("tiny-phi3", &mut adapters, &sequences, &settings).unwrap();
        (reports, adapters.parameters)
    };
    let (first, again, other) = (run(7), run(7), run(8));
    assert!(first == again);
    assert_ne!(first.0, other.0);
    let (reports, _) = first;
    assert!(reports.iter().all(|report| report.loss.is_finite()));
    let evaluated: Vec<_> = reports.iter().map(|report| report.eval_loss.is_some()).collect();
    assert_eq!(evaluated, [false, true, true], "eight sequences are two steps of at most six");
}

#[test]
fn a_training_that_was_stopped_ends_with_the_same_bytes() {
    let sequences = [sequences("tiny-llama"), sequences("tiny-llama")].concat();
    let settings = TrainingSettings {
        train_batch_size: 1,
        gradient_accumulation_steps: 3,
        duration: Duration::Steps(8),
        neftune_alpha: 5.0,
        label_smoothing: 0.1,
        optimizer: OptimizerSettings::AdamW8Bit(AdamW::default()),
        ..settings()
    };
    // Rank 64 makes parameters large enough for 8 bits.
    let config = AdapterConfig::lora(64, 128.0, 0.1, &["o_proj"]);
    let write = |adapters: &Adapters, dir: &Path| Ok(adapters.write(dir, &config)?);
    let run = |dir: &Path, cancel_after: Option<usize>| {
        let mut adapters = new_adapters("tiny-llama", 64, 0.1, 5);
        let checkpoints = Checkpoints {
            dir,
            write_adapter: &write,
            resume: Resume::Newest,
            accepts_changes: false,
            model: "tiny-llama",
        };
        let outputs = Outputs { checkpoints: Some(checkpoints), events: None };
        let data = TrainingData { train: &sequences, eval: &[] };
        let mut reports = Reports { cancel_after, ..Reports::default() };
        let mut transformer = transformer("tiny-llama");
        let result =
            train(&mut transformer, &mut adapters, data, &settings, &outputs, &mut reports);
        (result, adapters.parameters)
    };
    let folder = || tempfile::tempdir().unwrap();
    let (straight, parameters) = run(folder().path(), None);
    let straight = straight.unwrap();
    let stopped = folder();
    for _ in 0..2 {
        let (result, _) = run(stopped.path(), Some(3));
        assert!(matches!(result, Err(TrainError::Cancelled { saved: Some(_) })), "{result:?}");
    }
    let (resumed, resumed_parameters) = run(stopped.path(), None);
    assert_eq!(resumed.unwrap(), straight);
    assert!(resumed_parameters == parameters);
    let decoder = transformer("tiny-llama").decoder().clone();
    let read = Adapters::open(&stopped.path().join("checkpoint-6"), &decoder);
    assert_eq!(read.unwrap().layers.len(), 2, "a checkpoint is an adapter");
}

#[test]
fn new_adapters_start_with_the_loss_of_the_model() {
    let mut adapters = new_adapters("tiny-llama", 16, 0.0, 3);
    assert_eq!(adapters.num_values(), 2 * 16 * (64 + 64));
    let reports = train_on("tiny-llama", &mut adapters, &sequences("tiny-llama"), &settings());
    check_close("loss", reports.unwrap()[0].loss, expected("tiny-llama", "loss")[0]);
}

#[test]
fn evaluation_is_the_mean_over_labels() {
    let settings = TrainingSettings {
        duration: Duration::Steps(3),
        learning_rate: 0.0,
        evaluation: Interval::Steps(2),
        ..settings()
    };
    let data = sequences("tiny-phi3");
    let mut reports = Reports::default();
    let data = TrainingData { train: &data[..1], eval: &data };
    let (mut model, mut adapters) = (transformer("tiny-phi3"), fixed_adapter("tiny-phi3"));
    for eval_batch_size in [1, 2] {
        let settings = TrainingSettings { eval_batch_size, ..settings.clone() };
        let outputs = Outputs::default();
        train(&mut model, &mut adapters, data, &settings, &outputs, &mut reports).unwrap();
    }
    assert_eq!(reports.reports.len(), 6);
    for (index, report) in reports.reports.iter().enumerate() {
        assert_eq!(report.eval_loss.is_some(), index % 3 == 1, "step {}", report.step);
        if let Some(loss) = report.eval_loss {
            check_close("evaluation", loss, expected("tiny-phi3", "lora.loss")[0]);
        }
    }
}

#[test]
fn a_training_stops_when_asked() {
    let mut reports = Reports { cancel_after: Some(2), ..Reports::default() };
    let sequences = sequences("tiny-phi3");
    let data = TrainingData { train: &sequences, eval: &[] };
    let (mut model, mut adapters) = (transformer("tiny-phi3"), fixed_adapter("tiny-phi3"));
    let outputs = Outputs::default();
    let result = train(&mut model, &mut adapters, data, &settings(), &outputs, &mut reports);
    assert!(matches!(result, Err(TrainError::Cancelled { saved: None })), "{result:?}");
    assert_eq!(reports.reports.len(), 2);
}

#[test]
fn numbers_that_are_none_name_their_step() {
    let settings = TrainingSettings { learning_rate: 1e30, ..settings() };
    let mut adapters = fixed_adapter("tiny-phi3");
    let result = train_on("tiny-phi3", &mut adapters, &sequences("tiny-phi3"), &settings);
    let message = result.unwrap_err().to_string();
    assert!(message.contains("of step 2 is") && message.contains("blocks "), "{message}");
}
