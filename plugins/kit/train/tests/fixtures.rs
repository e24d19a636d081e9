//! Training of the tiny fixtures against what torch and PEFT computed of them.

#![cfg(any())]
#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

use std::fs;
use std::path::{Path, PathBuf};

use olive_kit_checkpoint::{Adapter, AdapterConfig, Checkpoint, Linear};
use olive_kit_decoder::{Adapters, Transformer};
use olive_kit_train::{
    AdamWSettings, Duration, Evaluation, LoraParameters, LoraSettings, Observer, ScheduleKind,
    Sequence, StepPlan, StepReport, TrainError, TrainingData, TrainingSettings, Warmup, train,
};
use safetensors::SafeTensors;

const MODELS: [&str; 3] = ["tiny-phi3", "tiny-phi3-longrope", "tiny-llama"];

/// Largest difference of a loss or norm after some steps, in parts of it.
const CLOSE: f64 = 2e-5;
/// Largest norm of a trained factor's difference, in parts of the norm of what training changed.
const TRAINED: f64 = 1e-3;

fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/fixtures")).join(name)
}

fn transformer(model: &str) -> Transformer {
    Transformer::load(&Checkpoint::open(fixture(model)).unwrap()).unwrap()
}

/// The numbers of one reference tensor, integers as they are.
fn reference(model: &str, name: &str) -> Vec<f64> {
    let bytes = fs::read(fixture(model).join("ref.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = file.tensor(name).unwrap();
    let data = tensor.data();
    match tensor.dtype() {
        safetensors::Dtype::F32 => {
            data.as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect()
        }
        safetensors::Dtype::F64 => {
            data.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect()
        }
        safetensors::Dtype::I64 => {
            data.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b) as f64).collect()
        }
        other => panic!("{name} is {other:?}"),
    }
}

/// The reference batch as its two sequences.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tokens, stored as whole numbers"
)]
fn sequences(model: &str) -> Vec<Sequence> {
    let read = |name| reference(model, name);
    let (ids, mask, labels) = (read("input_ids"), read("attention_mask"), read("labels"));
    let rows = ids.chunks(24).zip(mask.chunks(24)).zip(labels.chunks(24));
    rows.map(|((ids, mask), labels)| Sequence {
        input_ids: ids.iter().map(|&id| id as u32).collect(),
        attention_mask: Some(mask.iter().map(|&mask| mask > 0.5).collect()),
        labels: labels.iter().map(|&label| label as i64).collect(),
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
        gradient_checkpointing: false,
        duration: Duration::Steps(5),
        learning_rate: 1e-3,
        schedule: ScheduleKind::Constant,
        warmup: Warmup::Steps(0),
        adamw: AdamWSettings { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 },
        max_grad_norm: 0.3,
        group_by_length: false,
        evaluation: Evaluation::Never,
        pad_token_id: 3,
    }
}

fn fixed_adapter(model: &str) -> LoraParameters {
    let adapter = Adapter::open(fixture(model).join("adapter")).unwrap();
    LoraParameters::from_adapters(&Adapters::from_peft(&adapter).unwrap()).unwrap()
}

fn attention_output(model: &Transformer) -> Vec<Linear> {
    let decoder = model.decoder();
    let linears = (0..decoder.num_layers).flat_map(|layer| decoder.linears(layer));
    linears.filter(|linear| linear.name.ends_with("o_proj")).collect()
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

/// Trains on copies of the fixture's sequences; every report but the speed.
fn train_on(
    model: &str,
    parameters: &LoraParameters,
    train_sequences: &[Sequence],
    settings: &TrainingSettings,
) -> Result<Vec<StepReport>, TrainError> {
    let mut reports = Reports::default();
    let eval = &sequences(model)[..1];
    let data = TrainingData { train: train_sequences, eval };
    train(&transformer(model), parameters, data, settings, &mut reports)?;
    Ok(reports.reports.into_iter().map(|r| StepReport { tokens_per_second: 0.0, ..r }).collect())
}

fn check_close(what: &str, found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() <= CLOSE, "{what}: {found} {expected}");
}

/// Five steps from the fixed adapter, and the adapter they end with.
fn check_training(model: &str, name: &str, settings: &TrainingSettings) {
    let parameters = fixed_adapter(model);
    let reports = train_on(model, &parameters, &sequences(model), settings).unwrap();
    let expected = |what: &str| reference(model, &format!("train.{name}.{what}"));
    let (losses, norms, rates) = (expected("losses"), expected("grad_norms"), expected("lrs"));
    assert_eq!(reports.len(), 5);
    for (index, report) in reports.iter().enumerate() {
        check_close("loss", report.loss, losses[index]);
        check_close("norm", report.grad_norm, norms[index]);
        check_close("rate", report.learning_rate, rates[index]);
    }
    let dir = tempfile::tempdir().unwrap();
    let config = AdapterConfig::read(&fixture(model).join("adapter")).unwrap();
    parameters.write(dir.path(), &config).unwrap();
    let trained = Adapter::open(dir.path()).unwrap();
    let start = Adapter::open(fixture(model).join("adapter")).unwrap();
    let after = format!("adapter-after5-{name}");
    let expected = Adapter::open(fixture(model).join(after)).unwrap();
    let mut worst = 0.0_f64;
    for module in expected.modules() {
        let [found, start, expected] =
            [&trained, &start, &expected].map(|adapter| adapter.pair(module).unwrap().unwrap());
        for (found, start, expected) in
            [(found.a, start.a, expected.a), (found.b, start.b, expected.b)]
        {
            let (found, start) = (found.to_f32(), start.to_f32());
            let expected = expected.to_f32();
            worst = worst.max(distance(&found, &expected) / distance(&start, &expected));
        }
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
fn accumulated_and_recomputed_steps_are_the_same_steps() {
    let accumulated = TrainingSettings {
        train_batch_size: 1,
        gradient_accumulation_steps: 2,
        gradient_checkpointing: true,
        group_by_length: true,
        ..settings()
    };
    check_training("tiny-phi3", "constant", &accumulated);
}

#[test]
fn same_seed_same_bytes() {
    let model = transformer("tiny-phi3");
    let sequences = [sequences("tiny-phi3"), sequences("tiny-phi3")].concat();
    let sequences = [sequences.clone(), sequences].concat();
    let run = |seed: u64| {
        let lora = LoraSettings { rank: 4, scale: 2.0, dropout: 0.1, seed };
        let parameters = LoraParameters::new(&attention_output(&model), &lora).unwrap();
        let settings = TrainingSettings {
            seed,
            gradient_accumulation_steps: 3,
            duration: Duration::Epochs(1.5),
            evaluation: Evaluation::Epoch,
            ..settings()
        };
        let reports = train_on("tiny-phi3", &parameters, &sequences, &settings).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let config = AdapterConfig::lora(4, 8.0, 0.1, &["o_proj"]);
        parameters.write(dir.path(), &config).unwrap();
        (reports, fs::read(dir.path().join("adapter_model.safetensors")).unwrap())
    };
    let (first, again, other) = (run(7), run(7), run(8));
    assert!(first == again);
    assert_ne!(first.0, other.0);
    let (reports, _) = first;
    assert!(reports.iter().all(|report| report.loss.is_finite()));
    let evaluated: Vec<_> = reports.iter().map(|report| report.eval_loss.is_some()).collect();
    assert_eq!(evaluated, [false, true, false], "eight sequences are two steps of at most six");
}

#[test]
fn new_adapters_do_nothing_and_stay_in_their_bound() {
    let model = transformer("tiny-llama");
    let lora = LoraSettings { rank: 16, scale: 2.0, dropout: 0.0, seed: 3 };
    let linears = attention_output(&model);
    let parameters = LoraParameters::new(&linears, &lora).unwrap();
    assert_eq!(parameters.num_values(), 2 * 16 * (64 + 64));
    for (_, layer) in parameters.adapters().iter() {
        let a: Vec<f32> = layer.a.flatten_all().unwrap().to_vec1().unwrap();
        let largest = a.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
        assert!((0.12..=0.125).contains(&largest), "{largest}");
        let mean = a.iter().sum::<f32>() / 1024.0;
        assert!(mean.abs() < 0.01, "{mean}");
        assert!(layer.b.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().all(|&b| b == 0.0));
    }
    let reports = train_on("tiny-llama", &parameters, &sequences("tiny-llama"), &settings());
    check_close("loss", reports.unwrap()[0].loss, reference("tiny-llama", "loss")[0]);
}

#[test]
fn evaluation_is_the_mean_over_labels() {
    let settings = TrainingSettings {
        duration: Duration::Steps(3),
        learning_rate: 0.0,
        evaluation: Evaluation::Steps(2),
        ..settings()
    };
    let data = sequences("tiny-phi3");
    let mut reports = Reports::default();
    let data = TrainingData { train: &data[..1], eval: &data };
    let (model, parameters) = (transformer("tiny-phi3"), fixed_adapter("tiny-phi3"));
    for eval_batch_size in [1, 2] {
        let settings = TrainingSettings { eval_batch_size, ..settings.clone() };
        train(&model, &parameters, data, &settings, &mut reports).unwrap();
    }
    assert_eq!(reports.reports.len(), 6);
    for (index, report) in reports.reports.iter().enumerate() {
        assert_eq!(report.eval_loss.is_some(), index % 3 == 1, "step {}", report.step);
        if let Some(loss) = report.eval_loss {
            check_close("evaluation", loss, reference("tiny-phi3", "lora.loss")[0]);
        }
    }
}

#[test]
fn a_training_stops_when_asked() {
    let mut reports = Reports { cancel_after: Some(2), ..Reports::default() };
    let sequences = sequences("tiny-phi3");
    let data = TrainingData { train: &sequences, eval: &[] };
    let parameters = fixed_adapter("tiny-phi3");
    let result = train(&transformer("tiny-phi3"), &parameters, data, &settings(), &mut reports);
    assert!(matches!(result, Err(TrainError::Cancelled)), "{result:?}");
    assert_eq!(reports.reports.len(), 2);
}

#[test]
fn numbers_that_are_none_name_their_step() {
    let settings = TrainingSettings { learning_rate: 1e30, ..settings() };
    let parameters = fixed_adapter("tiny-phi3");
    let result = train_on("tiny-phi3", &parameters, &sequences("tiny-phi3"), &settings);
    let message = result.unwrap_err().to_string();
    assert!(message.contains("of step 2 is") && message.contains("blocks "), "{message}");
}

#[test]
fn nothing_to_train_on_is_named() {
    let refused = |sequences: &[Sequence]| {
        let parameters = fixed_adapter("tiny-phi3");
        train_on("tiny-phi3", &parameters, sequences, &settings()).unwrap_err().to_string()
    };
    assert_eq!(refused(&[]), "there are no sequences to train on");
    let unlabelled = Sequence { labels: vec![-100; 2], ..Sequence::causal(vec![5, 6]) };
    assert_eq!(refused(&[unlabelled]), "step 1 has no label: every position of block 0 is ignored");
    let none = LoraParameters::from_adapters(&Adapters::none()).unwrap();
    let result = train_on("tiny-phi3", &none, &sequences("tiny-phi3"), &settings());
    assert!(matches!(result, Err(TrainError::NoParameters)));
}

#[test]
fn steps_are_counted_as_transformers_does() {
    let check = |num_sequences: usize, duration: Duration, expected: (usize, usize)| {
        let settings = TrainingSettings { duration, gradient_accumulation_steps: 2, ..settings() };
        let plan = StepPlan::new(num_sequences, &settings);
        assert_eq!((plan.total_steps, plan.steps_per_epoch), expected);
    };
    check(8, Duration::Epochs(3.0), (6, 2));
    check(9, Duration::Epochs(3.0), (9, 3));
    check(9, Duration::Epochs(0.5), (2, 3));
    check(9, Duration::Steps(10), (10, 3));
    check(0, Duration::Steps(10), (0, 0));
}
