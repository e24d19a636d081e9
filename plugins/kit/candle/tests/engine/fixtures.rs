//! The tiny models against what transformers and PEFT computed of them.

use olive_kit_adapters::{Adapters, Gradients};
use olive_kit_checkpoint::Dtype;
use olive_kit_decoder::{Batch, Engine};

use super::{
    MODELS, Reference, adapter_folders, adapters, difference, objective, open_adapters, transformer,
};

/// Largest difference of a logit: f32 sums in another order.
const LOGITS: f32 = 1e-4;
/// Largest difference of a loss, in parts of it.
const LOSS: f64 = 1e-5;
/// Largest difference of a gradient's entry, in parts of its largest entry.
const GRADIENT: f32 = 1e-4;

/// Checks the logits at tokens that may be attended, and the loss.
fn check_forward(model: &str, adapters: &Adapters, batch: &Batch, prefix: &str) {
    let mut transformer = transformer(model, Dtype::F32);
    let reference = Reference::read(model, "ref.safetensors");
    let logits = transformer.logits(batch, adapters).unwrap();
    let expected = reference.f32s(&format!("{prefix}logits"));
    let (mut largest, vocab) = (0.0_f32, transformer.decoder().vocab_size);
    for (row, (found, expected)) in logits.chunks(vocab).zip(expected.chunks(vocab)).enumerate() {
        if batch.attention_mask.as_ref().is_none_or(|mask| mask[row]) {
            largest = largest.max(difference(found, expected));
        }
    }
    let loss = transformer.loss(batch, adapters).unwrap() / batch.num_labels() as f64;
    let expected = f64::from(reference.f32s(&format!("{prefix}loss"))[0]);
    assert!(largest <= LOGITS, "{model} {prefix}: logits differ by {largest}");
    assert!((loss / expected - 1.0).abs() <= LOSS, "{model} {prefix}: loss {loss} {expected}");
}

/// Checks every gradient against the tensor of its name.
fn check_gradients(
    model: &str,
    adapters: &Adapters,
    gradients: &Gradients,
    (reference, prefix): (&Reference, &str),
) {
    assert!(!adapters.parameters.is_empty());
    for (parameter, found) in adapters.parameters.iter().zip(gradients.as_slice()) {
        let expected = reference.f32s(&format!("{prefix}{}", parameter.name));
        let largest = expected.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
        let relative = difference(found, &expected) / largest;
        assert!(relative <= GRADIENT, "{model} {}: {relative}", parameter.name);
    }
}

#[test]
fn logits_and_loss_are_those_of_transformers() {
    for model in MODELS {
        let reference = Reference::read(model, "ref.safetensors");
        check_forward(model, &Adapters::none(), &reference.short(), "");
        check_forward(model, &Adapters::none(), &reference.long(), "long.");
        check_forward(model, &adapters(model), &reference.short(), "lora.");
    }
}

#[test]
fn gradients_are_those_of_peft() {
    for model in MODELS {
        let batch = Reference::read(model, "ref.safetensors").short();
        let (mut transformer, adapters) = (transformer(model, Dtype::F32), adapters(model));
        let mut gradients = Gradients::zeros(&adapters.parameters);
        let objective = objective(batch.num_labels());
        transformer.loss_and_gradients(&batch, &adapters, &objective, &mut gradients).unwrap();
        let reference = Reference::read(model, "lora_grads.safetensors");
        check_gradients(model, &adapters, &gradients, (&reference, "base_model.model."));
    }
}

#[test]
fn every_method_is_that_of_peft() {
    for (model, dir) in adapter_folders() {
        let (mut transformer, adapters) =
            (transformer(model, Dtype::F32), open_adapters(model, &dir));
        let reference = Reference(std::fs::read(dir.join("reference.safetensors")).unwrap());
        let batch = Batch {
            labels: reference.i64s("labels"),
            ..Batch::causal(reference.tokens("input_ids"), 2)
        };
        let name = dir.display().to_string();

        let logits = transformer.logits(&batch, &adapters).unwrap();
        let rows = logits.chunks(512 * batch.seq);
        let last_two: Vec<f32> =
            rows.flat_map(|rows| &rows[512 * (batch.seq - 2)..]).copied().collect();
        let differ = difference(&last_two, &reference.f32s("logits"));
        assert!(differ <= LOGITS, "{name}: logits differ by {differ}");

        let mut gradients = Gradients::zeros(&adapters.parameters);
        let objective = objective(batch.num_labels());
        let loss =
            transformer.loss_and_gradients(&batch, &adapters, &objective, &mut gradients).unwrap();
        let expected = f64::from(reference.f32s("loss")[0]);
        assert!((loss / expected - 1.0).abs() <= LOSS, "{name}: loss {loss} {expected}");
        check_gradients(&name, &adapters, &gradients, (&reference, "grad."));
    }
}
