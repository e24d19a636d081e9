//! The tiny fixtures against what transformers and PEFT computed of them.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

use olive_kit_adapters::{Adapters, Gradients};
use olive_kit_checkpoint::Checkpoint;
use olive_kit_decoder::{
    Batch, Engine, KvCache, Objective, Positions, Precision, Storage, Transformer,
};
use olive_kit_testing::engines::{
    Suite, adapters, batch, check_gradients, long_batch, mean, pass, reference,
};
use olive_kit_testing::{DENSE_MODELS, QUANTIZED_MODELS, fixture, largest_difference};

/// Largest difference between two orders of computing the same logits.
const ORDER: f32 = 2e-5;

fn models() -> Vec<&'static str> {
    [&DENSE_MODELS[..], &QUANTIZED_MODELS].concat()
}

fn transformer(model: &str) -> Transformer {
    let checkpoint = Checkpoint::open_quantized(fixture(model)).unwrap();
    Transformer::load(&checkpoint, Storage::default()).unwrap()
}

fn suite() -> Suite<Transformer> {
    Suite { models: models(), load: transformer, logits: Transformer::logits }
}

#[test]
fn logits_and_loss_are_those_of_transformers() {
    suite().logits_and_loss_are_those_of_transformers();
}

#[test]
fn adapted_logits_and_loss_are_those_of_peft() {
    suite().adapted_logits_and_loss_are_those_of_peft();
}

#[test]
fn gradients_are_those_of_peft() {
    suite().gradients_are_those_of_peft();
}

#[test]
fn every_method_is_that_of_peft() {
    suite().every_method_is_that_of_peft();
}

#[test]
fn checkpointing_drops_the_same_entries() {
    let (mut transformer, batch) = (transformer("tiny-phi3"), batch("tiny-phi3"));
    let mut adapters = adapters("tiny-phi3");
    for layer in adapters.layers.values_mut() {
        layer.drop.input = 0.25;
    }
    let mut passes = [false, true].map(|checkpoints_activations| {
        let objective = Objective { checkpoints_activations, ..mean(batch.num_labels()) };
        let (loss, gradients) = pass(&mut transformer, &batch, &adapters, &objective);
        (loss.to_bits(), gradients)
    });
    assert_eq!(passes[0], passes[1]);
    let loss = f64::from_bits(passes[0].0);
    assert!((loss - f64::from(reference("tiny-phi3").f32s("lora.loss")[0])).abs() >= 1e-4);
    passes[0].1.clear();
    assert_eq!(passes[0].1, Gradients::zeros(&adapters.parameters));
}

#[test]
fn micro_batches_add_up_to_the_batch() {
    let mut transformer = transformer("tiny-phi3");
    let (batch, adapters) = (batch("tiny-phi3"), adapters("tiny-phi3"));
    let half = |start: usize| Batch {
        input_ids: batch.input_ids[start..start + 24].to_vec(),
        attention_mask: batch.attention_mask.as_ref().map(|mask| mask[start..start + 24].to_vec()),
        labels: batch.labels[start..start + 24].to_vec(),
        segments: None,
        batch: 1,
        seq: 24,
    };
    let mut gradients = Gradients::zeros(&adapters.parameters);
    let objective = mean(batch.num_labels());
    let mut loss = 0.0;
    for start in [0, 24] {
        let half = half(start);
        loss +=
            transformer.loss_and_gradients(&half, &adapters, &objective, &mut gradients).unwrap();
    }
    let whole = transformer.loss(&batch, &adapters).unwrap() / batch.num_labels() as f64;
    assert!((loss / whole - 1.0).abs() < 1e-6, "{whole} {loss}");
    check_gradients("tiny-phi3", &adapters, &gradients);
}

#[test]
fn packed_samples_see_each_other_as_little_as_in_a_batch() {
    for model in ["tiny-llama", "tiny-gemma2"] {
        let (mut transformer, adapters) = (transformer(model), adapters(model));
        let tokens = long_batch(model).input_ids;
        let apart = Batch::causal(tokens.clone(), 3);
        let segments = (0..48).map(|token| token / 16).collect();
        let packed = Batch { segments: Some(segments), ..Batch::causal(tokens, 1) };
        assert_eq!(packed.num_labels(), apart.num_labels());
        let found = transformer.logits(&packed, &adapters).unwrap();
        let expected = transformer.logits(&apart, &adapters).unwrap();
        assert!(largest_difference(&found, &expected) <= ORDER, "{model}");
        let objective = mean(apart.num_labels());
        let (_, found) = pass(&mut transformer, &packed, &adapters, &objective);
        let (_, expected) = pass(&mut transformer, &apart, &adapters, &objective);
        for (found, expected) in found.as_slice().iter().zip(expected.as_slice()) {
            assert!(largest_difference(found, expected) <= ORDER, "{model}");
        }
    }
}

#[test]
fn products_in_bf16_cost_little_precision() {
    for model in ["tiny-phi3", "tiny-gemma2"] {
        let checkpoint = Checkpoint::open_quantized(fixture(model)).unwrap();
        let storage = Storage { precision: Precision::Bf16, four_bit: None };
        let mut transformer = Transformer::load(&checkpoint, storage).unwrap();
        let (reference, batch) = (reference(model), batch(model));
        let objective = mean(batch.num_labels());
        let (loss, gradients) = pass(&mut transformer, &batch, &adapters(model), &objective);
        let expected = f64::from(reference.f32s("lora.loss")[0]);
        assert!((loss / expected - 1.0).abs() <= 0.01, "{model}: {loss} {expected}");
        let norm =
            gradients.as_slice().iter().flatten().map(|g| f64::from(*g).powi(2)).sum::<f64>();
        let expected = f64::from(reference.f32s("lora.grad_norm")[0]);
        assert!((norm.sqrt() / expected - 1.0).abs() <= 0.05, "{model}: {norm} {expected}");
    }
}

#[test]
fn greedy_tokens_are_those_of_transformers() {
    for model in models() {
        let (transformer, reference) = (transformer(model), reference(model));
        let mut cache = KvCache::new(transformer.decoder());
        let mut tokens = reference.tokens("greedy.prompt");
        let mut new = tokens.clone();
        for _ in 0..16 {
            let logits = transformer.decode(&new, &mut cache, &Adapters::none(), Positions::Last);
            new = vec![most_likely(&logits.unwrap())];
            tokens.extend(&new);
        }
        assert_eq!(tokens, reference.tokens("greedy.full"), "{model}");
    }
}

fn most_likely(logits: &[f32]) -> u32 {
    let best = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
    u32::try_from(best.0).unwrap()
}

#[test]
fn a_cache_gives_what_the_whole_sequence_gives() {
    for model in models() {
        let (mut transformer, adapters) = (transformer(model), adapters(model));
        let vocab = transformer.decoder().vocab_size;
        let tokens = long_batch(model).input_ids;
        let mut at_once = KvCache::new(transformer.decoder());
        let all = transformer.decode(&tokens, &mut at_once, &adapters, Positions::All).unwrap();
        let whole = transformer.logits(&Batch::causal(tokens.clone(), 1), &adapters).unwrap();
        assert!(largest_difference(&all, &whole) <= ORDER, "{model}");

        let mut cache = KvCache::new(transformer.decoder());
        for (index, token) in tokens.iter().enumerate() {
            let last = transformer.decode(&[*token], &mut cache, &adapters, Positions::Last);
            let before = Batch::causal(tokens[..=index].to_vec(), 1);
            let expected = transformer.logits(&before, &adapters).unwrap();
            let expected = &expected[index * vocab..];
            assert!(largest_difference(&last.unwrap(), expected) <= ORDER, "{model} token {index}");
        }
        assert_eq!(cache.len(), tokens.len());

        cache.clear();
        let some = [&tokens[..30], &tokens[30..41], &tokens[41..]]
            .map(|part| transformer.decode(part, &mut cache, &adapters, Positions::All).unwrap());
        let same = 41 * vocab;
        assert!(largest_difference(&some[2], &all[same..]) <= ORDER, "{model} in parts");
    }
}

#[test]
fn a_cache_that_went_back_gives_what_the_whole_sequence_gives() {
    for model in models() {
        let (mut transformer, adapters) = (transformer(model), adapters(model));
        let (vocab, rope) = (transformer.decoder().vocab_size, transformer.decoder().rope.clone());
        let tokens = long_batch(model).input_ids;
        let other = [&tokens[..12], &tokens[30..40]].concat();
        let whole = transformer.logits(&Batch::causal(other.clone(), 1), &adapters).unwrap();
        let mut cache = KvCache::new(transformer.decoder());
        transformer.decode(&tokens[..20], &mut cache, &adapters, Positions::Last).unwrap();
        assert!(cache.truncate(12, &rope));
        let found = transformer.decode(&other[12..], &mut cache, &adapters, Positions::All);
        assert!(largest_difference(&found.unwrap(), &whole[12 * vocab..]) <= ORDER, "{model}");
    }
    let transformer = transformer("tiny-phi3-longrope");
    let (mut cache, rope) = (KvCache::new(transformer.decoder()), &transformer.decoder().rope);
    let tokens = long_batch("tiny-phi3-longrope").input_ids;
    transformer.decode(&tokens, &mut cache, &Adapters::none(), Positions::Last).unwrap();
    assert!(!cache.truncate(12, rope), "keys of a long sequence are turned otherwise");
    assert!(cache.truncate(40, rope) && cache.len() == 40);
}

#[test]
fn what_does_not_fit_is_named() {
    let mut transformer = transformer("tiny-phi3");
    let batch = Batch::causal(vec![1, 2, 3], 1);
    let mut refused =
        |adapters: &Adapters| transformer.logits(&batch, adapters).unwrap_err().to_string();
    assert_eq!(
        refused(&adapters("tiny-llama")),
        "the adapter adapts `model.layers.0.self_attn.k_proj`, which is no linear layer of the \
         model's 2 layers"
    );
    let message = refused(&adapters("tiny-phi3-longrope"));
    assert!(message.contains("`model.layers.0.self_attn.o_proj` is [64, 64]"), "{message}");

    let tokens = Batch::causal(vec![1, 512], 1);
    let error = transformer.loss(&tokens, &Adapters::none()).unwrap_err();
    assert_eq!(error.to_string(), "token 512 lies outside the model's vocabulary of 512");
}
