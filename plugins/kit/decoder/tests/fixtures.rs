//! The tiny fixtures against what transformers and PEFT computed of them.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

use std::fs;
use std::path::{Path, PathBuf};

use olive_kit_adapters::{Adapters, Gradients};
use olive_kit_checkpoint::Checkpoint;
use olive_kit_decoder::{
    Batch, Engine, KvCache, Objective, Positions, Precision, Storage, Transformer,
};
use safetensors::{Dtype, SafeTensors};

const MODELS: [&str; 14] = [
    "tiny-gemma",
    "tiny-gemma2",
    "tiny-llama",
    "tiny-llama3",
    "tiny-llama3-nf4",
    "tiny-llama-bias",
    "tiny-mistral",
    "tiny-phi3",
    "tiny-phi3-longrope",
    "tiny-phi4-mini",
    "tiny-phi4-mini-fp4",
    "tiny-qwen2",
    "tiny-qwen3",
    "tiny-smollm",
];

/// Largest difference of a logit: f32 sums in another order.
const LOGITS: f32 = 1e-4;
/// Largest difference of a loss, in parts of it.
const LOSS: f64 = 1e-5;
/// Largest difference of a gradient's entry, in parts of its largest entry.
const GRADIENT: f32 = 1e-4;
/// Largest difference between two orders of computing the same logits.
const ORDER: f32 = 2e-5;

fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/fixtures")).join(name)
}

fn transformer(model: &str) -> Transformer {
    let checkpoint = Checkpoint::open_quantized(fixture(model)).unwrap();
    Transformer::load(&checkpoint, Storage::default()).unwrap()
}

fn adapters(model: &str) -> Adapters {
    let decoder = Checkpoint::describe_quantized(fixture(model)).unwrap().decoder;
    Adapters::open(&fixture(model).join("adapter"), &decoder).unwrap()
}

fn objective(count: usize, checkpoints_activations: bool) -> Objective {
    Objective { count, label_smoothing: 0.0, neftune_alpha: 0.0, seed: 3, checkpoints_activations }
}

/// The tensors of one reference file.
struct Reference(Vec<u8>);

impl Reference {
    fn read(model: &str, file: &str) -> Self {
        Self(fs::read(fixture(model).join(file)).unwrap())
    }

    /// Names of the tensors that start with `prefix`.
    fn names(&self, prefix: &str) -> Vec<String> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let names = file.names().into_iter().filter(|name| name.starts_with(prefix));
        names.map(str::to_owned).collect()
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
    let (mut transformer, reference) =
        (transformer(model), Reference::read(model, "ref.safetensors"));
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

/// Checks the gradient of every factor.
fn check_gradients(model: &str, adapters: &Adapters, gradients: &Gradients) {
    let reference = Reference::read(model, "lora_grads.safetensors");
    assert!(!adapters.parameters.is_empty());
    for (parameter, found) in adapters.parameters.iter().zip(gradients.as_slice()) {
        let expected = reference.f32s(&format!("base_model.model.{}", parameter.name));
        let largest = expected.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
        let relative = difference(found, &expected) / largest;
        assert!(relative <= GRADIENT, "{model} {}: {relative}", parameter.name);
    }
}

fn difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).fold(0.0, |max, (a, b)| max.max((a - b).abs()))
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
        let (mut transformer, adapters) = (transformer(model), adapters(model));
        let expected = transformer.loss(&batch, &adapters).unwrap() / batch.num_labels() as f64;
        for checkpoints in [false, true, false] {
            let mut gradients = Gradients::zeros(&adapters.parameters);
            let objective = objective(batch.num_labels(), checkpoints);
            let loss = transformer
                .loss_and_gradients(&batch, &adapters, &objective, &mut gradients)
                .unwrap();
            assert!((loss - expected).abs() <= 1e-6, "{model}: {loss} {expected}");
            check_gradients(model, &adapters, &gradients);
        }
    }
}

/// Adapters of every method, made by the script beside them.
#[test]
fn every_method_is_that_of_peft() {
    let all = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../adapters/tests/fixtures"));
    let mut checked = 0;
    for model in ["tiny-llama", "tiny-phi3", "tiny-qwen2"] {
        for folder in fs::read_dir(all.join(model)).unwrap() {
            check_method(model, &folder.unwrap().path());
            checked += 1;
        }
    }
    assert!(checked >= 16, "{checked}");
}

fn check_method(model: &str, dir: &Path) {
    let mut transformer = transformer(model);
    let adapters = Adapters::open(dir, transformer.decoder()).unwrap();
    let reference = Reference(fs::read(dir.join("reference.safetensors")).unwrap());
    let batch = Batch {
        labels: reference.i64s("labels"),
        ..Batch::causal(reference.tokens("input_ids"), 2)
    };
    let name = dir.display();

    let logits = transformer.logits(&batch, &adapters).unwrap();
    let last_two = logits.chunks(512 * batch.seq).flat_map(|rows| &rows[512 * (batch.seq - 2)..]);
    let last_two: Vec<f32> = last_two.copied().collect();
    let differ = difference(&last_two, &reference.f32s("logits"));
    assert!(differ <= LOGITS, "{name}: logits differ by {differ}");

    let mut gradients = Gradients::zeros(&adapters.parameters);
    let objective = objective(batch.num_labels(), false);
    let loss =
        transformer.loss_and_gradients(&batch, &adapters, &objective, &mut gradients).unwrap();
    let expected = f64::from(reference.f32s("loss")[0]);
    assert!((loss / expected - 1.0).abs() <= LOSS, "{name}: loss {loss} {expected}");
    assert_eq!(reference.names("grad.").len(), adapters.parameters.len(), "{name}");
    for (parameter, found) in adapters.parameters.iter().zip(gradients.as_slice()) {
        let expected = reference.f32s(&format!("grad.{}", parameter.name));
        let largest = expected.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
        let relative = difference(found, &expected) / largest;
        assert!(relative <= GRADIENT, "{name} {}: {relative}", parameter.name);
    }
}

#[test]
fn checkpointing_drops_the_same_entries() {
    let reference = Reference::read("tiny-phi3", "ref.safetensors");
    let (mut transformer, batch) = (transformer("tiny-phi3"), reference.short());
    let mut adapters = adapters("tiny-phi3");
    for layer in adapters.layers.values_mut() {
        layer.drop.input = 0.25;
    }
    let mut passes = [false, true].map(|checkpoints| {
        let mut gradients = Gradients::zeros(&adapters.parameters);
        let objective = objective(batch.num_labels(), checkpoints);
        let loss =
            transformer.loss_and_gradients(&batch, &adapters, &objective, &mut gradients).unwrap();
        (loss.to_bits(), gradients)
    });
    assert_eq!(passes[0], passes[1]);
    let loss = f64::from_bits(passes[0].0);
    assert!((loss - f64::from(reference.f32s("lora.loss")[0])).abs() >= 1e-4);
    passes[0].1.clear();
    assert_eq!(passes[0].1, Gradients::zeros(&adapters.parameters));
}

#[test]
fn micro_batches_add_up_to_the_batch() {
    let mut transformer = transformer("tiny-phi3");
    let (batch, adapters) =
        (Reference::read("tiny-phi3", "ref.safetensors").short(), adapters("tiny-phi3"));
    let half = |start: usize| Batch {
        input_ids: batch.input_ids[start..start + 24].to_vec(),
        attention_mask: batch.attention_mask.as_ref().map(|mask| mask[start..start + 24].to_vec()),
        labels: batch.labels[start..start + 24].to_vec(),
        segments: None,
        batch: 1,
        seq: 24,
    };
    let mut gradients = Gradients::zeros(&adapters.parameters);
    let objective = objective(batch.num_labels(), false);
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
        let tokens = Reference::read(model, "ref.safetensors").tokens("long.input_ids");
        let apart = Batch::causal(tokens.clone(), 3);
        let segments = (0..48).map(|token| token / 16).collect();
        let packed = Batch { segments: Some(segments), ..Batch::causal(tokens, 1) };
        assert_eq!(packed.num_labels(), apart.num_labels());
        let found = transformer.logits(&packed, &adapters).unwrap();
        let expected = transformer.logits(&apart, &adapters).unwrap();
        assert!(difference(&found, &expected) <= ORDER, "{model}");
        let mut pass = |batch: &Batch| {
            let mut gradients = Gradients::zeros(&adapters.parameters);
            let objective = objective(batch.num_labels(), false);
            transformer.loss_and_gradients(batch, &adapters, &objective, &mut gradients).unwrap();
            gradients
        };
        let (found, expected) = (pass(&packed), pass(&apart));
        for (found, expected) in found.as_slice().iter().zip(expected.as_slice()) {
            assert!(difference(found, expected) <= ORDER, "{model}");
        }
    }
}

#[test]
fn products_in_bf16_cost_little_precision() {
    for model in ["tiny-phi3", "tiny-gemma2"] {
        let checkpoint = Checkpoint::open_quantized(fixture(model)).unwrap();
        let storage = Storage { precision: Precision::Bf16, four_bit: None };
        let mut transformer = Transformer::load(&checkpoint, storage).unwrap();
        let reference = Reference::read(model, "ref.safetensors");
        let (batch, adapters) = (reference.short(), adapters(model));
        let mut gradients = Gradients::zeros(&adapters.parameters);
        let objective = objective(batch.num_labels(), false);
        let loss =
            transformer.loss_and_gradients(&batch, &adapters, &objective, &mut gradients).unwrap();
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
        let (mut transformer, adapters) = (transformer(model), adapters(model));
        let vocab = transformer.decoder().vocab_size;
        let tokens = Reference::read(model, "ref.safetensors").tokens("long.input_ids");
        let mut at_once = KvCache::new(transformer.decoder());
        let all = transformer.decode(&tokens, &mut at_once, &adapters, Positions::All).unwrap();
        let whole = transformer.logits(&Batch::causal(tokens.clone(), 1), &adapters).unwrap();
        assert!(difference(&all, &whole) <= ORDER, "{model}");

        let mut cache = KvCache::new(transformer.decoder());
        for (index, token) in tokens.iter().enumerate() {
            let last = transformer.decode(&[*token], &mut cache, &adapters, Positions::Last);
            let before = Batch::causal(tokens[..=index].to_vec(), 1);
            let expected = transformer.logits(&before, &adapters).unwrap();
            let expected = &expected[index * vocab..];
            assert!(difference(&last.unwrap(), expected) <= ORDER, "{model} token {index}");
        }
        assert_eq!(cache.len(), tokens.len());

        cache.clear();
        let some = [&tokens[..30], &tokens[30..41], &tokens[41..]]
            .map(|part| transformer.decode(part, &mut cache, &adapters, Positions::All).unwrap());
        let same = 41 * vocab;
        assert!(difference(&some[2], &all[same..]) <= ORDER, "{model} in parts");
    }
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
