//! An engine that is quick and knows everything an engine does: it predicts a token from the one
//! before by a product of two trained factors, drops entries, smooths labels and adds noise.

use std::error::Error;
use std::fs;
use std::path::Path;

use olive_kit_adapters::{Adapters, Gradients, Parameter, ParameterId};
use olive_kit_decoder::{Batch, DecoderError, Engine, Objective};
use olive_kit_train::{
    AdamW, Duration, Evaluation, Interval, LogEntry, Observer, OptimizerSettings, Order, Saving,
    ScheduleKind, Sequence, Start, StepReport, TrainingSettings, Warmup,
};
use safetensors::tensor::TensorView;

pub(crate) const VOCAB: usize = 16;
const RANK: usize = 4;
const DROPOUT: f64 = 0.2;

/// The engine, and where it fails.
#[derive(Debug, Default)]
pub(crate) struct Toy {
    /// Call of `loss_and_gradients`, from 1, that gives no number.
    pub(crate) fails_at: Option<usize>,
    pub(crate) calls: usize,
    /// Sizes of the batches that were computed on.
    pub(crate) shapes: Vec<(usize, usize)>,
}

impl Engine for Toy {
    fn loss_and_gradients(
        &mut self,
        batch: &Batch,
        adapters: &Adapters,
        objective: &Objective,
        gradients: &mut Gradients,
    ) -> Result<f64, DecoderError> {
        self.calls += 1;
        self.shapes.push((batch.batch, batch.seq));
        if self.fails_at == Some(self.calls) {
            return Ok(f64::NAN);
        }
        let scale = 1.0 / objective.count as f64;
        let mut loss = 0.0;
        for (place, token, label) in predictions(batch) {
            let kept: [f64; RANK] = std::array::from_fn(|entry| {
                let hash = hash(objective.seed ^ (place * RANK + entry) as u64);
                let is_dropped = (hash as f64) < DROPOUT * u64::MAX as f64;
                if is_dropped { 0.0 } else { 1.0 / (1.0 - DROPOUT) }
            });
            let hidden: [f64; RANK] = std::array::from_fn(|entry| {
                f64::from(factor(adapters, 0)[token * RANK + entry]) * kept[entry]
            });
            let probabilities = probabilities(&hidden, factor(adapters, 1));
            let smoothing = objective.label_smoothing;
            let mut d_hidden = [0.0; RANK];
            for (next, &probability) in probabilities.iter().enumerate() {
                let is_label = f64::from(u8::from(next == label));
                let target = (1.0 - smoothing) * is_label + smoothing / VOCAB as f64;
                loss -= scale * target * probability.ln();
                let d_logit = scale * (probability - target);
                for entry in 0..RANK {
                    d_hidden[entry] +=
                        d_logit * f64::from(factor(adapters, 1)[next * RANK + entry]);
                    let place = &mut gradients.get_mut(ParameterId(1))[next * RANK + entry];
                    *place += (d_logit * hidden[entry]) as f32;
                }
            }
            for entry in 0..RANK {
                let place = &mut gradients.get_mut(ParameterId(0))[token * RANK + entry];
                *place += (d_hidden[entry] * kept[entry]) as f32;
            }
        }
        Ok(loss)
    }

    fn loss(&mut self, batch: &Batch, adapters: &Adapters) -> Result<f64, DecoderError> {
        let losses = predictions(batch).map(|(_, token, label)| {
            let row = &factor(adapters, 0)[token * RANK..][..RANK];
            let hidden = std::array::from_fn(|entry| f64::from(row[entry]));
            -probabilities(&hidden, factor(adapters, 1))[label].ln()
        });
        Ok(losses.sum())
    }
}

fn factor(adapters: &Adapters, number: usize) -> &[f32] {
    adapters.values(ParameterId(number))
}

/// Place, token and label of everything that is predicted.
fn predictions(batch: &Batch) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
    let places = (0..batch.labels.len()).filter(|place| place % batch.seq > 0);
    places.filter(|&place| batch.labels[place] != Batch::IGNORED).map(|place| {
        let label = usize::try_from(batch.labels[place]).unwrap();
        (place, batch.input_ids[place - 1] as usize, label)
    })
}

fn probabilities(hidden: &[f64; RANK], rows: &[f32]) -> Vec<f64> {
    let logit = |row: &[f32]| row.iter().zip(hidden).map(|(b, h)| f64::from(*b) * h).sum::<f64>();
    let powers: Vec<_> = rows.chunks(RANK).map(|row| logit(row).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

pub(crate) fn hash(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Two factors with small random values.
pub(crate) fn adapters() -> Adapters {
    let parameter = |name: &str, seed: usize| Parameter {
        name: name.to_owned(),
        shape: vec![VOCAB, RANK],
        values: (0..VOCAB * RANK)
            .map(|place| (hash((seed * 1000 + place) as u64) >> 40) as f32 / 2.0_f32.powi(24) - 0.5)
            .collect(),
    };
    let parameters =
        vec![parameter("model.table.lora_A.weight", 1), parameter("model.table.lora_B.weight", 2)];
    Adapters { parameters, ..Adapters::none() }
}

/// Sequences of several lengths in which a token tells much of the next.
pub(crate) fn sequences(count: usize, seed: u64) -> Vec<Sequence> {
    let sequence = |number: usize| {
        let start = hash(seed ^ (number as u64) << 8);
        let tokens = (0..4 + start % 9).scan(start % VOCAB as u64, |token, place| {
            let noise = u64::from(hash(start ^ place).is_multiple_of(4));
            *token = (*token * 5 + 3 + noise) % VOCAB as u64;
            Some(u32::try_from(*token).unwrap())
        });
        Sequence::causal(tokens.collect())
    };
    (0..count).map(sequence).collect()
}

/// Twelve steps of four sequences, dropout and all.
pub(crate) fn settings() -> TrainingSettings {
    TrainingSettings {
        seed: 1,
        data_seed: 2,
        train_batch_size: 2,
        eval_batch_size: 4,
        gradient_accumulation_steps: 2,
        drop_last: false,
        gradient_checkpointing: true,
        duration: Duration::Steps(12),
        learning_rate: 0.05,
        schedule: ScheduleKind::COSINE,
        warmup: Warmup::Steps(2),
        optimizer: OptimizerSettings::AdamW(AdamW::default()),
        weight_decay: 0.01,
        max_grad_norm: 1.0,
        label_smoothing: 0.1,
        neftune_alpha: 0.0,
        order: Order::Random,
        evaluation: Interval::Steps(3),
        eval_delay: 0.0,
        eval_on_start: false,
        logging: Interval::Steps(2),
        logging_first_step: true,
        saving: Saving::Every(Interval::Steps(4)),
        save_total_limit: None,
        load_best_at_end: false,
        greater_is_better: false,
        early_stopping: None,
        pad_token_id: 0,
    }
}

/// Writes the factors as PEFT would name them.
pub(crate) fn write(adapters: &Adapters, dir: &Path) -> Result<(), Box<dyn Error + Send + Sync>> {
    let bytes: Vec<(String, Vec<u8>, &[usize])> = adapters
        .parameters
        .iter()
        .map(|one| {
            let bytes = one.values.iter().flat_map(|value| value.to_le_bytes()).collect();
            (format!("base_model.model.{}", one.name), bytes, one.shape.as_slice())
        })
        .collect();
    let views = bytes.iter().map(|(name, bytes, shape)| {
        let view = TensorView::new(safetensors::Dtype::F32, shape.to_vec(), bytes).unwrap();
        (name.as_str(), view)
    });
    safetensors::serialize_to_file(views, None, &dir.join("adapter_model.safetensors"))?;
    Ok(fs::write(dir.join("adapter_config.json"), "{\"peft_type\": \"LORA\"}")?)
}

/// Keeps all that it hears, and cancels when told to.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) starts: Vec<Start>,
    pub(crate) steps: Vec<StepReport>,
    pub(crate) evaluations: Vec<Evaluation>,
    pub(crate) entries: Vec<LogEntry>,
    pub(crate) saved: Vec<String>,
    pub(crate) warnings: Vec<String>,
    /// Cancels when it was asked so many times.
    pub(crate) cancels_at: Option<usize>,
    pub(crate) asked: std::cell::Cell<usize>,
}

impl Observer for Heard {
    fn start(&mut self, start: &Start) {
        self.starts.push(start.clone());
    }

    fn step(&mut self, report: &StepReport) {
        self.steps.push(*report);
    }

    fn evaluated(&mut self, evaluation: &Evaluation) {
        self.evaluations.push(*evaluation);
    }

    fn logged(&mut self, entry: &LogEntry) {
        self.entries.push(*entry);
    }

    fn saved(&mut self, checkpoint: &Path) {
        self.saved.push(checkpoint.file_name().unwrap().to_string_lossy().into_owned());
    }

    fn warned(&mut self, message: &str) {
        self.warnings.push(message.to_owned());
    }

    fn is_cancelled(&self) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.cancels_at == Some(self.asked.get())
    }
}
