//! One training, measured: `cargo xtask bench train` runs it in turns with its peer.
//!
//! - `steps write CONFIG DIR`: a model of random bf16 weights for a `config.json`.
//! - `steps run SETTINGS`: trains as the JSON says and prints a JSON object for each step, then one
//!   of what all of it took.
//! - `steps peak`: the best rate of products in f32 and in bf16, operations a second.

#![expect(clippy::print_stdout, reason = "figures are all it is for")]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use olive_kit_adapters::{AdapterConfig, Adapters, checkpoint_rows};
use olive_kit_checkpoint::{Checkpoint, Dtype};
use olive_kit_decoder::{Precision, Storage, Transformer};
use olive_kit_kernels::{Accumulate, FrozenMatrix};
use olive_kit_quant::{FourBitFormat, FourBitKind};
use olive_kit_testing::write_random_model;
use olive_kit_train::{
    AdamW, Duration, Interval, Observer, OptimizerSettings, Order, Outputs, Saving, ScheduleKind,
    Sequence, StepReport, TrainingData, TrainingSettings, Warmup, train,
};
use serde::Deserialize;
use serde_json::json;

/// What to train, and how.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    model: PathBuf,
    /// `f32`, `bf16` or `nf4` (with bf16 products and double quantization).
    precision: String,
    seq: usize,
    batch: usize,
    rank: usize,
    targets: Vec<String>,
    checkpointing: bool,
    steps: usize,
}

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["write", config, dir] => {
            write_random_model(Path::new(dir), &fs::read_to_string(config)?, Dtype::BF16);
            Ok(())
        }
        ["run", settings] => run(&serde_json::from_str(settings)?),
        ["peak"] => {
            peak();
            Ok(())
        }
        _ => {
            println!("skipped: `cargo xtask bench train` says what to measure");
            Ok(())
        }
    }
}

fn run(settings: &Settings) -> Result<(), Failure> {
    let start = Instant::now();
    let checkpoint = Checkpoint::open(&settings.model)?;
    let decoder = checkpoint.decoder();
    let mut transformer = Transformer::load(&checkpoint, storage(settings)?)?;
    let targets: Vec<&str> = settings.targets.iter().map(String::as_str).collect();
    let config = AdapterConfig::lora(settings.rank, settings.rank as f64, 0.0, &targets);
    let targets = config.resolve(decoder).map_err(|problems| format!("{problems:?}"))?;
    let mut adapters = Adapters::new(&config, decoder, &targets, 42, checkpoint_rows(&checkpoint))?;
    println!("{}", json!({"load_sec": start.elapsed().as_secs_f64(), "load_peak_bytes": memory()}));
    let sequences = sequences(settings, decoder.vocab_size)?;
    let data = TrainingData { train: &sequences, eval: &[] };
    let mut printer = Printer { processor_seconds: processor_seconds() };
    let outputs = Outputs::default();
    train(&mut transformer, &mut adapters, data, &training(settings), &outputs, &mut printer)?;
    println!("{}", json!({"peak_bytes": memory(), "wall_sec": start.elapsed().as_secs_f64()}));
    Ok(())
}

fn storage(settings: &Settings) -> Result<Storage, Failure> {
    let nf4 = FourBitFormat { kind: FourBitKind::Nf4, block_size: 64, double_quantized: true };
    match settings.precision.as_str() {
        "f32" => Ok(Storage { precision: Precision::F32, four_bit: None }),
        "bf16" => Ok(Storage { precision: Precision::Bf16, four_bit: None }),
        "nf4" => Ok(Storage { precision: Precision::Bf16, four_bit: Some(nf4) }),
        other => Err(format!("unknown precision `{other}`").into()),
    }
}

/// Pseudo-random blocks, enough that none is trained on twice.
fn sequences(settings: &Settings, vocab_size: usize) -> Result<Vec<Sequence>, Failure> {
    let token = |index: usize| u32::try_from(index * 9973 % vocab_size);
    let block = |block: usize| {
        let tokens = (0..settings.seq).map(|place| token(block * 31 + place));
        Ok(Sequence::causal(tokens.collect::<Result<_, _>>()?))
    };
    (0..settings.batch * settings.steps).map(block).collect()
}

fn training(settings: &Settings) -> TrainingSettings {
    TrainingSettings {
        seed: 42,
        data_seed: 42,
        train_batch_size: settings.batch,
        eval_batch_size: settings.batch,
        gradient_accumulation_steps: 1,
        drop_last: false,
        gradient_checkpointing: settings.checkpointing,
        duration: Duration::Steps(settings.steps),
        learning_rate: 1e-4,
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
        pad_token_id: 0,
    }
}

/// Prints every step.
struct Printer {
    processor_seconds: f64,
}

impl Observer for Printer {
    fn step(&mut self, report: &StepReport) {
        let now = processor_seconds();
        let line = json!({
            "step": report.step,
            "loss": report.loss,
            "grad_norm": report.grad_norm,
            "seconds": report.seconds,
            "cpu_seconds": now - self.processor_seconds,
            "tokens": report.tokens,
        });
        println!("{line}");
        self.processor_seconds = now;
    }

    fn is_cancelled(&self) -> bool {
        false
    }
}

fn peak() {
    const SIZE: usize = 1024;
    let mut rates = Vec::new();
    for precision in [Precision::F32, Precision::Bf16] {
        let weight = FrozenMatrix::new(SIZE, SIZE, precision, |_, into| into.fill(0.5));
        let (x, mut y) = (vec![0.25; SIZE * SIZE], vec![0.0; SIZE * SIZE]);
        let best = (0..40).map(|_| {
            let start = Instant::now();
            weight.forward(&x, &mut y, Accumulate::No);
            start.elapsed().as_secs_f64()
        });
        rates.push(2.0 * (SIZE as f64).powi(3) / best.fold(f64::INFINITY, f64::min));
    }
    println!("{}", json!({"f32": rates[0], "bf16": rates[1]}));
}

/// Seconds of processor time so far, of all threads.
fn processor_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse().unwrap_or(0.0)).sum::<f64>() / 100.0
}

/// The largest resident memory so far in bytes; 0 where the system does not tell.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
