//! The divergence against its definition, and its gradients against slopes.

use std::collections::BTreeMap;
use std::sync::Mutex;

use olive_kit_checkpoint::{Checkpoint, Decoder, Linear};
use olive_kit_testing::{DENSE_MODELS, fixture, random, random_tokens};

use super::*;
use crate::observer::{EmbeddingGradient, LinearGradient};
use crate::storage::Storage;

/// Step of the central difference, in parts of a direction.
const STEP: f32 = 0.03;
/// Largest difference between a derivative and a slope, in parts of the largest derivative: the
/// two divergences differ by a percent or more, and are known to 1e-5 of themselves.
const SLOPE: f64 = 1e-2;
/// Largest difference between a divergence and that of the logits in f64, in parts of it.
const DEFINITION: f64 = 1e-4;
/// What rounding in f32 adds to it, which counts where logits are nearly the same.
const ROUNDING: f64 = 1e-7;

#[derive(Debug, Default)]
struct Slopes {
    directions: BTreeMap<String, Vec<f32>>,
    found: Mutex<BTreeMap<String, f64>>,
}

impl GradientObserver for Slopes {
    fn linear(&self, seen: &LinearGradient<'_>) {
        if let Some(direction) = self.directions.get(seen.module()) {
            let mut found = self.found.lock().unwrap();
            *found.entry(seen.module().to_owned()).or_default() += seen.along(direction);
        }
    }

    fn embedding(&self, seen: &EmbeddingGradient<'_>) {
        if let Some(direction) = self.directions.get(Decoder::EMBEDDING_MODULE) {
            let slope = seen.along(direction);
            *self.found.lock().unwrap().entry(Decoder::LM_HEAD_MODULE.to_owned()).or_default() +=
                slope;
        }
    }
}

/// A teacher, and a student whose weights were moved along a direction each.
struct Pair {
    student: Transformer,
    batch: Batch,
    head: LogitsHead,
    hidden: Vec<f32>,
    wanted: Vec<f32>,
    weights: BTreeMap<String, Vec<f32>>,
    slopes: Slopes,
}

impl Pair {
    fn new(model: &str) -> Self {
        let checkpoint = Checkpoint::open(fixture(model)).unwrap();
        let decoder = checkpoint.decoder();
        let mut student = Transformer::load(&checkpoint, Storage::default()).unwrap();
        let vocab_size = u32::try_from(decoder.vocab_size).unwrap();
        let batch = Batch::causal(random_tokens(24, vocab_size, 5), 2);
        let (head, adapters) = (student.head(), Adapters::none());
        let hidden = student.hidden_states(&batch).unwrap();
        let wanted = student.logits(&batch, &adapters).unwrap();
        let (mut weights, mut slopes) = (BTreeMap::new(), Slopes::default());
        let own = Linear { name: Decoder::LM_HEAD_MODULE.to_owned(), ..decoder.lm_head() };
        let head_weight = decoder.lm_head().weight();
        let linears = decoder.linears_of_layers().map(|linear| (linear.weight(), linear));
        for (seed, (tensor, linear)) in (7..).zip(linears.chain([(head_weight, own)])) {
            let stored = checkpoint.tensor(&tensor).unwrap().to_f32();
            let noise = random(stored.len(), seed);
            let direction = stored.iter().zip(noise).map(|(weight, noise)| 0.3 * noise * weight);
            let direction: Vec<f32> = direction.collect();
            let moved = stored.iter().zip(&direction).map(|(weight, moved)| weight + moved);
            let moved: Vec<f32> = moved.collect();
            assert!(student.replace_weight(&linear.name, &moved), "{}", linear.name);
            if decoder.ties_embeddings && linear.name == Decoder::LM_HEAD_MODULE {
                slopes.directions.insert(Decoder::EMBEDDING_MODULE.to_owned(), direction.clone());
            }
            slopes.directions.insert(linear.name.clone(), direction);
            weights.insert(linear.name, moved);
        }
        Self { student, batch, head, hidden, wanted, weights, slopes }
    }

    fn divergence(&mut self, observer: &Slopes) -> f64 {
        let teacher = Teacher { head: &self.head, hidden: &self.hidden, share: 1.0 / 24.0 };
        self.student.divergence(&self.batch, &teacher, observer).unwrap()
    }

    /// The divergence when the weight of a module is moved on by so many of its directions.
    fn moved(&mut self, module: &str, step: f32) -> f64 {
        let (weight, direction) = (&self.weights[module], &self.slopes.directions[module]);
        let moved = weight.iter().zip(direction).map(|(weight, moved)| weight + step * moved);
        let moved: Vec<f32> = moved.collect();
        assert!(self.student.replace_weight(module, &moved), "{module}");
        let found = self.divergence(&Slopes::default());
        assert!(self.student.replace_weight(module, &self.weights[module]), "{module}");
        found
    }
}

#[test]
fn the_divergence_is_that_of_the_logits() {
    for model in DENSE_MODELS {
        let mut pair = Pair::new(model);
        let logits = pair.student.logits(&pair.batch, &Adapters::none()).unwrap();
        let vocab_size = pair.student.decoder().vocab_size;
        let rows = pair.wanted.chunks(vocab_size).zip(logits.chunks(vocab_size));
        let expected = rows.map(|(wanted, found)| by_definition(wanted, found)).sum::<f64>() / 24.0;
        let found = pair.divergence(&Slopes::default());
        assert!(expected > 1e-4, "{model}: {expected}");
        let largest = DEFINITION * expected + ROUNDING;
        assert!((found - expected).abs() <= largest, "{model}: {found} {expected}");
    }
}

#[test]
fn slopes_along_weights_are_those_of_the_divergence() {
    for model in DENSE_MODELS {
        let mut pair = Pair::new(model);
        let slopes = std::mem::take(&mut pair.slopes);
        let _ = pair.divergence(&slopes);
        let found = slopes.found.lock().unwrap().clone();
        pair.slopes = slopes;
        assert_eq!(found.len(), pair.weights.len(), "{model}: every linear layer is seen");
        let largest = found.values().fold(0.0_f64, |largest, slope| largest.max(slope.abs()));
        for (module, slope) in found {
            let difference = pair.moved(&module, STEP) - pair.moved(&module, -STEP);
            let expected = difference / f64::from(2.0 * STEP);
            assert!(
                (slope - expected).abs() <= SLOPE * largest,
                "{model}: {module} {slope} {expected}"
            );
        }
    }
}

/// `Σ p (ln p - ln q)`
fn by_definition(wanted: &[f32], found: &[f32]) -> f64 {
    let distribution = |logits: &[f32]| {
        let exponentials: Vec<f64> = logits.iter().map(|logit| f64::from(*logit).exp()).collect();
        let sum: f64 = exponentials.iter().sum();
        exponentials.into_iter().map(move |exponential| exponential / sum).collect::<Vec<_>>()
    };
    let (p, q) = (distribution(wanted), distribution(found));
    p.iter().zip(&q).map(|(p, q)| p * (p.ln() - q.ln())).sum()
}
