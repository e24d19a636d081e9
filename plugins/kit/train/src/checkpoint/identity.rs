//! What must be the same for a training to go on as if it had not stopped.

use olive_kit_adapters::Parameter;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::schedule::ScheduleKind;
use crate::sequence::{Sequence, TrainingData};
use crate::settings::TrainingSettings;

/// Settings that change no value of the adapter.
const WITHOUT_EFFECT: [&str; 8] = [
    "eval_batch_size",
    "gradient_checkpointing",
    "load_best_at_end",
    "logging",
    "logging_first_step",
    "pad_token_id",
    "save_total_limit",
    "saving",
];

/// Settings that change values only when the evaluation loss steers the training.
const OF_EVALUATION: [&str; 4] = ["eval_delay", "eval_on_start", "evaluation", "greater_is_better"];

/// Key for the number of processes that train: a step takes a micro-batch of each.
const RANKS: &str = "ranks";

/// What must be the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// The model, in the caller's words.
    model: String,
    /// Settings that have an effect on the values.
    settings: Map<String, Value>,
    /// Digest of the sequences that are trained on.
    train_data: String,
    /// Digest of the sequences of the evaluation, when it steers the training.
    eval_data: Option<String>,
    /// Digest of the parameters' names and shapes.
    parameters: String,
}

impl Identity {
    pub(crate) fn new(
        model: &str,
        settings: &TrainingSettings,
        data: TrainingData<'_>,
        parameters: &[Parameter],
        ranks: usize,
    ) -> Self {
        let is_steered = settings.early_stopping.is_some()
            || matches!(settings.schedule, ScheduleKind::ReduceOnPlateau(_));
        let mut all = match serde_json::to_value(settings) {
            Ok(Value::Object(all)) => all,
            _ => Map::new(),
        };
        all.retain(|key, _| {
            let is_of_evaluation = OF_EVALUATION.contains(&key.as_str());
            !WITHOUT_EFFECT.contains(&key.as_str()) && (is_steered || !is_of_evaluation)
        });
        all.insert(RANKS.to_owned(), ranks.into());
        Self {
            model: model.to_owned(),
            settings: all,
            train_data: digest_of(data.train),
            eval_data: is_steered.then(|| digest_of(data.eval)),
            parameters: digest_of_parameters(parameters),
        }
    }

    /// The first thing that `checkpoint` has other than this one.
    pub(crate) fn difference(&self, checkpoint: &Self) -> Option<String> {
        for (key, now) in &self.settings {
            let then = checkpoint.settings.get(key).unwrap_or(&Value::Null);
            if then != now {
                return Some(format!("its `{key}` is {then}, that of this training {now}"));
            }
        }
        let things = [
            ("model", self.model == checkpoint.model),
            ("adapter", self.parameters == checkpoint.parameters),
            ("training data", self.train_data == checkpoint.train_data),
            ("evaluation data", self.eval_data == checkpoint.eval_data),
        ];
        let other = things.iter().find(|(_, is_same)| !is_same);
        other.map(|(thing, _)| format!("its {thing} is another than that of this training"))
    }
}

/// A digest against slips, not against malice: 64 bits, mixed as `SplitMix64` does.
#[derive(Debug)]
struct Digest(u64);

impl Digest {
    fn new() -> Self {
        Self(0x6f6c_6976_6521_2121)
    }

    fn add(&mut self, value: u64) {
        self.0 = olive_kit_adapters::random::mix(self.0 ^ value);
    }

    fn add_bytes(&mut self, bytes: &[u8]) {
        self.add(bytes.len() as u64);
        for &byte in bytes {
            self.add(u64::from(byte));
        }
    }

    fn add_bits(&mut self, bits: Option<&Vec<bool>>) {
        self.add(bits.map_or(u64::MAX, |bits| bits.len() as u64));
        let words = bits.into_iter().flat_map(|bits| bits.chunks(64));
        words
            .map(|bits| bits.iter().fold(0, |word, &bit| word << 1 | u64::from(bit)))
            .for_each(|word| self.add(word));
    }

    fn finish(&self) -> String {
        format!("{:016x}", self.0)
    }
}

fn digest_of(sequences: &[Sequence]) -> String {
    let mut digest = Digest::new();
    digest.add(sequences.len() as u64);
    for sequence in sequences {
        digest.add(sequence.len() as u64);
        sequence.input_ids.iter().for_each(|&token| digest.add(u64::from(token)));
        digest.add_bits(sequence.attention_mask.as_ref());
        digest.add_bits(sequence.label_mask.as_ref());
        let segments = sequence.segments.as_ref();
        digest.add(segments.map_or(u64::MAX, |segments| segments.len() as u64));
        segments.into_iter().flatten().for_each(|&segment| digest.add(u64::from(segment)));
    }
    digest.finish()
}

fn digest_of_parameters(parameters: &[Parameter]) -> String {
    let mut digest = Digest::new();
    for parameter in parameters {
        digest.add_bytes(parameter.name.as_bytes());
        parameter.shape.iter().for_each(|&size| digest.add(size as u64));
    }
    digest.finish()
}
