//! The engine against transformers and PEFT (`fixtures`), against the engine on the CPU (`oracle`),
//! and its speed (`speed`).
//!
//! Everything runs on candle's CPU device. With `OLIVE_GPU=0` in the environment of a build with the
//! feature `cuda` the same tests run on that GPU.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod fixtures;
mod oracle;
mod speed;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use olive_kit_adapters::Adapters;
use olive_kit_candle::{CandleTransformer, Device, gpu};
use olive_kit_checkpoint::{Checkpoint, Dtype};
use olive_kit_decoder::{Batch, Objective};
use safetensors::SafeTensors;

const MODELS: [&str; 12] = [
    "tiny-gemma",
    "tiny-gemma2",
    "tiny-llama",
    "tiny-llama3",
    "tiny-llama-bias",
    "tiny-mistral",
    "tiny-phi3",
    "tiny-phi3-longrope",
    "tiny-phi4-mini",
    "tiny-qwen2",
    "tiny-qwen3",
    "tiny-smollm",
];

/// The device that the environment asks for, the same for all tests.
fn device() -> Device {
    static DEVICE: OnceLock<Device> = OnceLock::new();
    let open = || match std::env::var("OLIVE_GPU") {
        Ok(ordinal) => gpu(ordinal.parse().unwrap()).unwrap(),
        Err(_) => Device::Cpu,
    };
    DEVICE.get_or_init(open).clone()
}

/// The folder of this crate, which may have moved since it was built.
fn crate_dir() -> PathBuf {
    let moved = std::env::var("CARGO_MANIFEST_DIR");
    PathBuf::from(moved.unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned()))
}

fn fixture(name: &str) -> PathBuf {
    crate_dir().join("../../../tests/fixtures").join(name)
}

/// Folders of adapters of every method, made by the script beside them, with their model.
fn adapter_folders() -> Vec<(&'static str, PathBuf)> {
    let all = crate_dir().join("../adapters/tests/fixtures");
    let mut folders = Vec::new();
    for model in ["tiny-llama", "tiny-phi3", "tiny-qwen2"] {
        for folder in fs::read_dir(all.join(model)).unwrap() {
            folders.push((model, folder.unwrap().path()));
        }
    }
    folders.sort();
    assert!(folders.len() >= 16, "{}", folders.len());
    folders
}

fn transformer(model: &str, dtype: Dtype) -> CandleTransformer {
    let checkpoint = Checkpoint::open(fixture(model)).unwrap();
    CandleTransformer::load(&checkpoint, dtype, &device()).unwrap()
}

fn adapters(model: &str) -> Adapters {
    open_adapters(model, &fixture(model).join("adapter"))
}

fn open_adapters(model: &str, dir: &Path) -> Adapters {
    let decoder = Checkpoint::describe(fixture(model)).unwrap().decoder;
    Adapters::open(dir, &decoder).unwrap()
}

fn objective(count: usize) -> Objective {
    let (label_smoothing, neftune_alpha, checkpoints_activations) = (0.0, 0.0, false);
    Objective { count, label_smoothing, neftune_alpha, seed: 3, checkpoints_activations }
}

/// Largest difference of two lists of values.
fn difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().all(|value| value.is_finite()));
    found.iter().zip(expected).fold(0.0, |max, (a, b)| max.max((a - b).abs()))
}

/// The tensors of one reference file.
struct Reference(Vec<u8>);

impl Reference {
    fn read(model: &str, file: &str) -> Self {
        Self(fs::read(fixture(model).join(file)).unwrap())
    }

    fn numbers<const N: usize>(&self, name: &str, dtype: safetensors::Dtype) -> Vec<[u8; N]> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), dtype, "{name}");
        tensor.data().as_chunks().0.to_vec()
    }

    fn f32s(&self, name: &str) -> Vec<f32> {
        let numbers = self.numbers(name, safetensors::Dtype::F32);
        numbers.into_iter().map(f32::from_le_bytes).collect()
    }

    fn i64s(&self, name: &str) -> Vec<i64> {
        let numbers = self.numbers(name, safetensors::Dtype::I64);
        numbers.into_iter().map(i64::from_le_bytes).collect()
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
