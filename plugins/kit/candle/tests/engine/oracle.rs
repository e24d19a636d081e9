//! Both engines, the same passes: random batches, everything that is random, every method, every
//! type.

use olive_kit_adapters::{Adapters, Gradients};
use olive_kit_candle::LossScale;
use olive_kit_checkpoint::{Checkpoint, Dtype};
use olive_kit_decoder::{Batch, Engine, Objective, Storage, Transformer};
use olive_kit_testing::engines::{adapters, batch, mean, open_adapters, pass};
use olive_kit_testing::{
    DENSE_MODELS, adapter_folders, fixture, largest_difference, random_tokens,
};

use super::transformer;

/// Largest difference of a gradient's entry, in parts of its largest entry.
const GRADIENT: f32 = 1e-4;

fn on_cpu(model: &str) -> Transformer {
    let checkpoint = Checkpoint::open(fixture(model)).unwrap();
    Transformer::load(&checkpoint, Storage::default()).unwrap()
}

/// Three sequences of 33 tokens: the first of three samples, the second padded and labeled in part,
/// the third with holes in its mask, its first token included.
fn random_batch(seed: u32, vocab_size: u32) -> Batch {
    let (batch, seq) = (3, 33);
    let mut made = Batch::causal(random_tokens(batch * seq, vocab_size, seed), batch);
    let mut mask = vec![true; batch * seq];
    mask[seq + 20..2 * seq].fill(false);
    made.labels[seq + 20..2 * seq].fill(Batch::IGNORED);
    made.labels[seq..seq + 7].fill(Batch::IGNORED);
    for hole in [0, 5, 6, 20] {
        mask[2 * seq + hole] = false;
    }
    let sample =
        |row: usize| if row < seq { u32::from(row >= 9) + u32::from(row >= 22) } else { 9 };
    made.segments = Some((0..batch * seq).map(sample).collect());
    made.attention_mask = Some(mask);
    made
}

/// Passes with dropout of every kind, noise and smoothing.
fn check_passes(model: &str, name: &str, mut adapters: Adapters) {
    for layer in adapters.layers.values_mut() {
        layer.drop.input = 0.25;
        layer.drop.rank = 0.3;
        layer.drop.module = 0.2;
    }
    let (mut found, mut expected) = (transformer(model, Dtype::F32), on_cpu(model));
    let vocab_size = u32::try_from(found.decoder().vocab_size).unwrap();
    let batch = random_batch(7, vocab_size);
    for checkpoints_activations in [false, true] {
        let objective = Objective {
            label_smoothing: 0.1,
            neftune_alpha: 5.0,
            checkpoints_activations,
            ..mean(batch.num_labels())
        };
        let (loss, gradients) = pass(&mut found, &batch, &adapters, &objective);
        let (expected_loss, expected) = pass(&mut expected, &batch, &adapters, &objective);
        assert!((loss / expected_loss - 1.0).abs() <= 1e-5, "{name}: {loss} {expected_loss}");
        let pairs = gradients.as_slice().iter().zip(expected.as_slice());
        for (parameter, (gradient, expected)) in adapters.parameters.iter().zip(pairs) {
            let largest = expected.iter().fold(1e-6_f32, |max, value| max.max(value.abs()));
            let relative = largest_difference(gradient, expected) / largest;
            assert!(relative <= GRADIENT, "{name} {}: {relative}", parameter.name);
        }
    }
}

#[test]
fn passes_of_all_families_are_those_of_the_cpu() {
    for model in DENSE_MODELS {
        check_passes(model, model, adapters(model));
    }
}

#[test]
fn passes_of_all_methods_are_those_of_the_cpu() {
    for (model, dir) in adapter_folders() {
        check_passes(&model, &dir.display().to_string(), open_adapters(&model, &dir));
    }
}

/// Cosine of the angle between two gradients, and the ratio of their lengths.
fn compare(found: &Gradients, expected: &Gradients) -> (f64, f64) {
    let (mut along, mut of_found, mut of_expected) = (0.0, 0.0, 0.0);
    for (found, expected) in found.as_slice().iter().zip(expected.as_slice()) {
        for (found, expected) in found.iter().zip(expected) {
            let (found, expected) = (f64::from(*found), f64::from(*expected));
            along += found * expected;
            of_found += found * found;
            of_expected += expected * expected;
        }
    }
    (along / (of_found * of_expected).sqrt(), (of_found / of_expected).sqrt())
}

#[test]
fn half_precision_costs_little() {
    for (dtype, largest_loss, smallest_cosine) in
        [(Dtype::BF16, 0.02, 0.99), (Dtype::F16, 0.003, 0.9995)]
    {
        for model in DENSE_MODELS {
            let batch = batch(model);
            let (adapters, objective) = (adapters(model), mean(batch.num_labels()));
            let mut engine = transformer(model, dtype);
            let (loss, gradients) = pass(&mut engine, &batch, &adapters, &objective);
            let (expected, of_cpu) = pass(&mut on_cpu(model), &batch, &adapters, &objective);
            let (cosine, length) = compare(&gradients, &of_cpu);
            println!(
                "{dtype:?} {model}: loss {loss:.5} for {expected:.5}, cosine {cosine:.6}, length {length:.5}"
            );
            assert!((loss / expected - 1.0).abs() <= largest_loss, "{model}: {loss} {expected}");
            assert!(cosine >= smallest_cosine, "{dtype:?} {model}: {cosine}");
            assert!((length - 1.0).abs() <= 0.05, "{dtype:?} {model}: {length}");
        }
    }
}

/// Losses of 20 steps of plain descent.
fn losses(engine: &mut dyn Engine, model: &str) -> Vec<f64> {
    let batch = batch(model);
    let (mut adapters, objective) = (adapters(model), mean(batch.num_labels()));
    let steps = (0..20).map(|_| {
        let (loss, gradients) = pass(engine, &batch, &adapters, &objective);
        for (parameter, gradient) in adapters.parameters.iter_mut().zip(gradients.as_slice()) {
            for (value, slope) in parameter.values.iter_mut().zip(gradient) {
                *value -= 0.02 * slope;
            }
        }
        loss
    });
    steps.collect()
}

#[test]
fn training_falls_as_on_the_cpu() {
    for model in ["tiny-llama", "tiny-phi3", "tiny-gemma2", "tiny-qwen3"] {
        let expected = losses(&mut on_cpu(model), model);
        for (dtype, tolerance) in [(Dtype::F32, 1e-3), (Dtype::F16, 0.02), (Dtype::BF16, 0.05)] {
            let found = losses(&mut transformer(model, dtype), model);
            println!(
                "{model} {dtype:?}: {:.4} to {:.4}, on the CPU {:.4}",
                found[0], found[19], expected[19]
            );
            assert!(expected[19] < expected[0] - 0.01, "{model}: {expected:?}");
            for (found, expected) in found.iter().zip(&expected) {
                assert!(
                    (found - expected).abs() <= tolerance,
                    "{model} {dtype:?}: {found} {expected}"
                );
            }
        }
    }
}

#[test]
fn loss_scale_of_f16_is_taken_out() {
    let batch = batch("tiny-llama");
    let adapters = adapters("tiny-llama");
    let mut engine = transformer("tiny-llama", Dtype::F16);
    assert_eq!(engine.loss_scale(), LossScale::FIRST);
    // Gradients of a sum over all labels, times 2^16, exceed f16: the scale is halved until they fit.
    let (_, large) = pass(&mut engine, &batch, &adapters, &mean(1));
    assert!(engine.loss_scale().factor() < LossScale::FIRST.factor());
    let (_, mean) = pass(&mut engine, &batch, &adapters, &mean(batch.num_labels()));
    let (cosine, length) = compare(&large, &mean);
    let labels = batch.num_labels() as f64;
    assert!(cosine > 0.999 && (length / labels - 1.0).abs() < 0.01, "{cosine} {length}");
}
