//! What every engine must compute: logits, losses and gradients of the tiny models, as
//! transformers and PEFT computed them.

use std::path::Path;

use olive_kit_adapters::{Adapters, Gradients};
use olive_kit_checkpoint::Checkpoint;
use olive_kit_decoder::{Batch, DecoderError, Engine, Objective};

use crate::{Tensors, adapter_folders, fixture, largest_difference};

/// Largest difference of a logit: f32 sums in another order.
const LOGITS: f32 = 1e-4;
/// Largest difference of a loss, in parts of it.
const LOSS: f64 = 1e-5;
/// Largest difference of a gradient's entry, in parts of its largest entry.
const GRADIENT: f32 = 1e-4;

/// An engine to be tried; each function is a test.
#[derive(Debug)]
pub struct Suite<E> {
    /// Fixtures that it can compute.
    pub models: Vec<&'static str>,
    /// Loads one of them, to be computed in f32.
    pub load: fn(&str) -> E,
    /// Logits of a batch, `[batch * seq, vocab_size]`.
    pub logits: fn(&mut E, &Batch, &Adapters) -> Result<Vec<f32>, DecoderError>,
}

impl<E: Engine> Suite<E> {
    /// Of a padded batch and of a longer sequence.
    pub fn logits_and_loss_are_those_of_transformers(&self) {
        for model in &self.models {
            self.check_forward(model, &Adapters::none(), &batch(model), "");
            self.check_forward(model, &Adapters::none(), &long_batch(model), "long.");
        }
    }

    /// With the adapter of each fixture.
    pub fn adapted_logits_and_loss_are_those_of_peft(&self) {
        for model in &self.models {
            self.check_forward(model, &adapters(model), &batch(model), "lora.");
        }
    }

    /// Whether activations are kept or computed again, and in passes one after another.
    pub fn gradients_are_those_of_peft(&self) {
        for model in &self.models {
            let (batch, adapters, mut engine) = (batch(model), adapters(model), (self.load)(model));
            let expected_loss = engine.loss(&batch, &adapters).unwrap() / batch.num_labels() as f64;
            for checkpoints_activations in [false, true, false] {
                let objective = Objective { checkpoints_activations, ..mean(batch.num_labels()) };
                let (loss, found) = pass(&mut engine, &batch, &adapters, &objective);
                assert!((loss - expected_loss).abs() <= 1e-6, "{model}: {loss} {expected_loss}");
                check_gradients(model, &adapters, &found);
            }
        }
    }

    /// `LoRA` in all its forms, `LoHa`, `LoKr`: see [`adapter_folders`].
    pub fn every_method_is_that_of_peft(&self) {
        for (model, folder) in adapter_folders() {
            self.check_method(&model, &folder);
        }
    }

    /// Checks the logits at tokens that may be attended, and the loss.
    fn check_forward(&self, model: &str, adapters: &Adapters, batch: &Batch, prefix: &str) {
        let (reference, mut engine) = (reference(model), (self.load)(model));
        let logits = (self.logits)(&mut engine, batch, adapters).unwrap();
        let expected = reference.f32s(&format!("{prefix}logits"));
        let vocab_size = logits.len() / batch.input_ids.len();
        let rows = logits.chunks(vocab_size).zip(expected.chunks(vocab_size)).enumerate();
        let mut largest = 0.0_f32;
        for (row, (found, expected)) in rows {
            if batch.attention_mask.as_ref().is_none_or(|mask| mask[row]) {
                largest = largest.max(largest_difference(found, expected));
            }
        }
        assert!(largest <= LOGITS, "{model} {prefix}: logits differ by {largest}");
        let loss = engine.loss(batch, adapters).unwrap() / batch.num_labels() as f64;
        check_loss(&format!("{model} {prefix}"), loss, reference.f32s(&format!("{prefix}loss"))[0]);
    }

    /// Checks the logits of the last two tokens of each sequence, the loss and the gradients.
    fn check_method(&self, model: &str, folder: &Path) {
        let mut engine = (self.load)(model);
        let adapters = open_adapters(model, folder);
        let reference = Tensors::open(folder.join("reference.safetensors"));
        let batch = Batch {
            labels: reference.i64s("labels"),
            ..Batch::causal(reference.tokens("input_ids"), 2)
        };
        let name = folder.display().to_string();

        let logits = (self.logits)(&mut engine, &batch, &adapters).unwrap();
        let vocab_size = logits.len() / batch.input_ids.len();
        let sequences = logits.chunks(vocab_size * batch.seq);
        let last_two = sequences.flat_map(|rows| &rows[vocab_size * (batch.seq - 2)..]);
        let last_two: Vec<f32> = last_two.copied().collect();
        let largest = largest_difference(&last_two, &reference.f32s("logits"));
        assert!(largest <= LOGITS, "{name}: logits differ by {largest}");

        let objective = mean(batch.num_labels());
        let (loss, found) = pass(&mut engine, &batch, &adapters, &objective);
        check_loss(&name, loss, reference.f32s("loss")[0]);
        let names = reference.names();
        let num_gradients = names.iter().filter(|name| name.starts_with("grad.")).count();
        assert_eq!(num_gradients, adapters.parameters.len(), "{name}");
        check_each(&name, &adapters, &found, (&reference, "grad."));
    }
}

/// The adapter beside the fixture `model`.
pub fn adapters(model: &str) -> Adapters {
    open_adapters(model, &fixture(model).join("adapter"))
}

/// An adapter for the fixture `model`.
pub fn open_adapters(model: &str, folder: &Path) -> Adapters {
    let decoder = Checkpoint::describe_quantized(fixture(model)).unwrap().decoder;
    Adapters::open(folder, &decoder).unwrap()
}

/// What transformers and PEFT computed of the fixture `model`.
pub fn reference(model: &str) -> Tensors {
    Tensors::open(fixture(model).join("ref.safetensors"))
}

/// Two sequences of 24 tokens, the second padded, of the reference of `model`.
pub fn batch(model: &str) -> Batch {
    let reference = reference(model);
    let mask = reference.i64s("attention_mask").into_iter().map(|mask| mask == 1).collect();
    Batch {
        input_ids: reference.tokens("input_ids"),
        attention_mask: Some(mask),
        labels: reference.i64s("labels"),
        segments: None,
        batch: 2,
        seq: 24,
    }
}

/// One sequence of 48 tokens of the reference of `model`.
pub fn long_batch(model: &str) -> Batch {
    Batch::causal(reference(model).tokens("long.input_ids"), 1)
}

/// Plain cross entropy as a mean over `count` labels.
pub fn mean(count: usize) -> Objective {
    let (label_smoothing, neftune_alpha, checkpoints_activations) = (0.0, 0.0, false);
    Objective { count, label_smoothing, neftune_alpha, seed: 3, checkpoints_activations }
}

/// The loss and the gradients of one pass.
pub fn pass(
    engine: &mut dyn Engine,
    batch: &Batch,
    adapters: &Adapters,
    objective: &Objective,
) -> (f64, Gradients) {
    let mut gradients = Gradients::zeros(&adapters.parameters);
    let loss = engine.loss_and_gradients(batch, adapters, objective, &mut gradients).unwrap();
    (loss, gradients)
}

/// Checks the gradients of [`batch`] for the [`adapters`] of the fixture `model`.
pub fn check_gradients(model: &str, adapters: &Adapters, gradients: &Gradients) {
    let expected = Tensors::open(fixture(model).join("lora_grads.safetensors"));
    check_each(model, adapters, gradients, (&expected, "base_model.model."));
}

/// Checks every gradient against the tensor of its name behind a prefix.
fn check_each(
    what: &str,
    adapters: &Adapters,
    gradients: &Gradients,
    (expected, prefix): (&Tensors, &str),
) {
    assert!(!adapters.parameters.is_empty());
    for (parameter, found) in adapters.parameters.iter().zip(gradients.as_slice()) {
        let expected = expected.f32s(&format!("{prefix}{}", parameter.name));
        let largest = expected.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
        let relative = largest_difference(found, &expected) / largest;
        assert!(relative <= GRADIENT, "{what} {}: {relative}", parameter.name);
    }
}

fn check_loss(what: &str, found: f64, expected: f32) {
    let expected = f64::from(expected);
    assert!((found / expected - 1.0).abs() <= LOSS, "{what}: loss {found} {expected}");
}
