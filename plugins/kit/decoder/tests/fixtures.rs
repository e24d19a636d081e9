//! The tiny fixtures against what transformers and PEFT computed of them.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use olive_kit_checkpoint::{Adapter, Checkpoint};
use olive_kit_decoder::{
    Adapters, Batch, DecoderError, Dropout, KvCache, LoraLayer, Positions, Transformer,
};
use safetensors::{Dtype, SafeTensors};

const MODELS: [&str; 3] = ["tiny-phi3", "tiny-phi3-longrope", "tiny-llama"];

/// Largest difference of a logit: f32 sums in another order.
const LOGITS: f32 = 1e-4;
/// Largest difference of a loss, in parts of it.
const LOSS: f32 = 1e-5;
/// Largest difference of a gradient's entry, in parts of its largest entry.
const GRADIENT: f32 = 1e-4;
/// Largest difference between two orders of computing the same logits.
const ORDER: f32 = 2e-5;

fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/fixtures")).join(name)
}

fn transformer(model: &str) -> Transformer {
    Transformer::load(&Checkpoint::open(fixture(model)).unwrap()).unwrap()
}

fn adapters(model: &str) -> Adapters {
    Adapters::from_peft(&Adapter::open(fixture(model).join("adapter")).unwrap()).unwrap()
}

/// The same adapters as variables.
fn variables(adapters: &Adapters) -> Adapters {
    let mut variables = Adapters::none();
    for (module, layer) in adapters.iter() {
        let var = |tensor: &Tensor| Var::from_tensor(tensor).unwrap().into_inner();
        let (a, b) = (var(&layer.a), var(&layer.b));
        variables.insert(module, LoraLayer { a, b, ..*layer });
    }
    variables
}

/// The tensors of one reference file.
struct Reference(Vec<u8>);

impl Reference {
    fn read(model: &str, file: &str) -> Self {
        Self(fs::read(fixture(model).join(file)).unwrap())
    }

    fn numbers<const N: usize>(&self, name: &str, dtype: Dtype) -> Vec<[u8; N]> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), dtype, "{name}");
        tensor.data().as_chunks().0.to_vec()
    }

    fn f32s(&self, name: &str) -> Vec<f32> {
        self.numbers(name, Dtype::F32).into_iter().map(f32::from_le_bytes).collect()
    }

    fn i64s(&self, name: &str) -> Vec<i64> {
        self.numbers(name, Dtype::I64).into_iter().map(i64::from_le_bytes).collect()
    }

    fn tokens(&self, name: &str) -> Vec<u32> {
        self.i64s(name).into_iter().map(|token| u32::try_from(token).unwrap()).collect()
    }

    /// The two sequences of 24 tokens, the second padded.
    fn short(&self) -> Batch {
        let mask = self.i64s("attention_mask").into_iter().map(|mask| mask == 1).collect();
        Batch {
            input_ids: self.tokens("input_ids"),
            attention_mask: Some(mask),
            labels: self.i64s("labels"),
            segments: None,
            batch: 2,
            seq: 24,
        }
    }

    /// The sequence of 48 tokens.
    fn long(&self) -> Batch {
        Batch::causal(self.tokens("long.input_ids"), 1)
    }
}

/// Checks the logits at tokens that may be attended, and the loss.
fn check_forward(model: &str, adapters: &Adapters, batch: &Batch, prefix: &str) {
    let (transformer, reference) = (transformer(model), Reference::read(model, "ref.safetensors"));
    let hidden = transformer.hidden_states(batch, adapters, None).unwrap();
    let logits = transformer.logits(&hidden).unwrap().to_vec2::<f32>().unwrap();
    let expected = reference.f32s(&format!("{prefix}logits"));
    let mut largest = 0.0_f32;
    for (row, (found, expected)) in logits.iter().zip(expected.chunks(512)).enumerate() {
        if batch.attention_mask.as_ref().is_none_or(|mask| mask[row]) {
            largest = largest.max(difference(found, expected));
        }
    }
    let loss = transformer.loss(&hidden, batch).unwrap();
    let (loss, expected) = (scalar(&loss.mean), reference.f32s(&format!("{prefix}loss"))[0]);
    assert!(largest <= LOGITS, "{model} {prefix}: logits differ by {largest}");
    assert!((loss / expected - 1.0).abs() <= LOSS, "{model} {prefix}: loss {loss} {expected}");
}

/// Checks the gradient of every factor.
fn check_gradients(model: &str, adapters: &Adapters, gradients: &GradStore) {
    let reference = Reference::read(model, "lora_grads.safetensors");
    for (module, layer) in adapters.iter() {
        for (factor, tensor) in [("A", &layer.a), ("B", &layer.b)] {
            let name = format!("base_model.model.{module}.lora_{factor}.weight");
            let expected = reference.f32s(&name);
            let largest = expected.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
            let found = values(gradients.get(tensor).unwrap());
            let relative = difference(&found, &expected) / largest;
            assert!(relative <= GRADIENT, "{model} {name}: {relative}");
        }
    }
}

fn difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).fold(0.0, |max, (a, b)| max.max((a - b).abs()))
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn scalar(tensor: &Tensor) -> f32 {
    tensor.to_scalar().unwrap()
}

#[test]
fn logits_and_loss_are_those_of_transformers() {
    for model in MODELS {
        let reference = Reference::read(model, "ref.safetensors");
        check_forward(model, &Adapters::none(), &reference.short(), "");
        check_forward(model, &Adapters::none(), &reference.long(), "long.");
    }
}

#[test]
fn adapted_logits_and_loss_are_those_of_peft() {
    for model in MODELS {
        let reference = Reference::read(model, "ref.safetensors");
        check_forward(model, &adapters(model), &reference.short(), "lora.");
    }
}

#[test]
fn gradients_are_those_of_peft() {
    for model in MODELS {
        let batch = Reference::read(model, "ref.safetensors").short();
        let (transformer, adapters) = (transformer(model), variables(&adapters(model)));
        let hidden = transformer.hidden_states(&batch, &adapters, None).unwrap();
        let loss = transformer.loss(&hidden, &batch).unwrap();
        check_gradients(model, &adapters, &loss.mean.backward().unwrap());

        let result = transformer.loss_and_gradients(&batch, &adapters, None, loss.count);
        let (again, gradients) = result.unwrap();
        assert!((scalar(&again.mean) - scalar(&loss.mean)).abs() <= 1e-6);
        assert_eq!(again.count, loss.count);
        check_gradients(model, &adapters, &gradients);
    }
}

#[test]
fn checkpointing_drops_the_same_entries() {
    let (transformer, reference) =
        (transformer("tiny-phi3"), Reference::read("tiny-phi3", "ref.safetensors"));
    let (batch, mut adapters) = (reference.short(), Adapters::none());
    for (module, layer) in variables(&self::adapters("tiny-phi3")).iter() {
        adapters.insert(module, LoraLayer { dropout: 0.25, ..layer.clone() });
    }
    let hidden = transformer.hidden_states(&batch, &adapters, Some(&mut Dropout::new(3))).unwrap();
    let whole = transformer.loss(&hidden, &batch).unwrap();
    let gradients = whole.mean.backward().unwrap();
    let dropout = Some(&mut Dropout::new(3));
    let (loss, again) =
        transformer.loss_and_gradients(&batch, &adapters, dropout, whole.count).unwrap();
    assert!((scalar(&loss.mean) - scalar(&whole.mean)).abs() <= 1e-6);
    assert!((scalar(&loss.mean) - reference.f32s("lora.loss")[0]).abs() >= 1e-4);
    for (_, layer) in adapters.iter() {
        let (found, expected) = (again.get(&layer.a).unwrap(), gradients.get(&layer.a).unwrap());
        assert!(difference(&values(found), &values(expected)) <= 1e-6);
    }
}

#[test]
fn micro_batches_add_up_to_the_batch() {
    let (transformer, batch) =
        (transformer("tiny-phi3"), Reference::read("tiny-phi3", "ref.safetensors").short());
    let mean = |batch: &Batch, count: usize| {
        let hidden = transformer.hidden_states(batch, &Adapters::none(), None).unwrap();
        scalar(&transformer.loss_over(&hidden, batch, count).unwrap().mean)
    };
    let half = |start: usize| Batch {
        input_ids: batch.input_ids[start..start + 24].to_vec(),
        attention_mask: batch.attention_mask.as_ref().map(|mask| mask[start..start + 24].to_vec()),
        labels: batch.labels[start..start + 24].to_vec(),
        segments: None,
        batch: 1,
        seq: 24,
    };
    let count = batch.num_labels();
    let (whole, parts) = (mean(&batch, count), mean(&half(0), count) + mean(&half(24), count));
    assert!((whole / parts - 1.0).abs() < 1e-6, "{whole} {parts}");
}

#[test]
fn frozen_adapters_leave_no_tape() {
    let (transformer, batch) =
        (transformer("tiny-phi3"), Reference::read("tiny-phi3", "ref.safetensors").short());
    let hidden = transformer.hidden_states(&batch, &adapters("tiny-phi3"), None).unwrap();
    assert!(!hidden.track_op());
}

#[test]
fn greedy_tokens_are_those_of_transformers() {
    for model in MODELS {
        let (transformer, reference) =
            (transformer(model), Reference::read(model, "ref.safetensors"));
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
    for model in MODELS {
        let (transformer, adapters) = (transformer(model), adapters(model));
        let tokens = Reference::read(model, "ref.safetensors").tokens("long.input_ids");
        let mut at_once = KvCache::new(transformer.decoder());
        let all = transformer.decode(&tokens, &mut at_once, &adapters, Positions::All).unwrap();
        let batch = Batch::causal(tokens.clone(), 1);
        let hidden = transformer.hidden_states(&batch, &adapters, None).unwrap();
        let whole = values(&transformer.logits(&hidden).unwrap());
        assert!(difference(&all, &whole) <= ORDER, "{model}");

        let mut cache = KvCache::new(transformer.decoder());
        for (index, token) in tokens.iter().enumerate() {
            let last = transformer.decode(&[*token], &mut cache, &adapters, Positions::Last);
            let before = Batch::causal(tokens[..=index].to_vec(), 1);
            let hidden = transformer.hidden_states(&before, &adapters, None).unwrap();
            let expected = values(&transformer.logits(&hidden).unwrap());
            let expected = &expected[index * 512..];
            assert!(difference(&last.unwrap(), expected) <= ORDER, "{model} token {index}");
        }
        assert_eq!(cache.len(), tokens.len());

        cache.clear();
        let some = [&tokens[..30], &tokens[30..41], &tokens[41..]]
            .map(|part| transformer.decode(part, &mut cache, &adapters, Positions::All).unwrap());
        let same = 41 * 512;
        assert!(difference(&some[2], &all[same..]) <= ORDER, "{model} in parts");
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let transformer = transformer("tiny-phi3");
    let batch = Batch::causal(vec![1, 2, 3], 1);
    let refused = |adapters: &Adapters| {
        transformer.hidden_states(&batch, adapters, None).unwrap_err().to_string()
    };
    assert_eq!(
        refused(&adapters("tiny-llama")),
        "the adapter adapts `model.layers.0.self_attn.k_proj`, which is no linear layer of the \
         model's 2 layers"
    );
    let message = refused(&adapters("tiny-phi3-longrope"));
    assert!(message.contains("`model.layers.0.self_attn.o_proj` is [64, 64]"), "{message}");

    let tokens = Batch::causal(vec![1, 512], 1);
    let error = transformer.hidden_states(&tokens, &Adapters::none(), None).unwrap_err();
    assert_eq!(error.to_string(), "token 512 lies outside the model's vocabulary of 512");

    let hidden = Tensor::zeros((2, 64), candle_core::DType::F32, &Device::Cpu).unwrap();
    assert!(matches!(transformer.loss(&hidden, &batch), Err(DecoderError::Compute(_))));
    assert!(transformer.logits(&hidden.t().unwrap()).is_err());
}
