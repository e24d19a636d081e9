//! Models too large to lie in a repository.

use std::fs;
use std::path::Path;

use olive_kit_checkpoint::{Checkpoint, CheckpointWriter, DEFAULT_SHARD_BYTES, Dtype, TensorSpec};

use crate::random;

/// Largest weight: about as large as trained ones are.
const LARGEST: f32 = 0.05;

/// Writes a model of random weights for a `config.json`, a million values at a time; norms are 1.
pub fn write_random_model(dir: &Path, config: &str, dtype: Dtype) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("config.json"), config).unwrap();
    let tensors = Checkpoint::describe(dir).unwrap().decoder.tensors();
    let specs = tensors.iter().map(|(name, shape)| TensorSpec::new(name, dtype, shape.as_slice()));
    let mut writer = CheckpointWriter::create(dir, specs.collect(), DEFAULT_SHARD_BYTES).unwrap();
    let mut seeds = 1..;
    for (name, shape) in &tensors {
        let mut rest: usize = shape.iter().product();
        while rest > 0 {
            let count = rest.min(1 << 20);
            let mut values = vec![1.0; count];
            if shape.len() > 1 {
                values = random(count, seeds.next().unwrap());
                for value in &mut values {
                    *value *= LARGEST;
                }
            }
            writer.append_f32(name, &values).unwrap();
            rest -= count;
        }
    }
    writer.finish().unwrap();
}
