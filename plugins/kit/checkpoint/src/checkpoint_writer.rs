//! Writing a checkpoint's weights: one file, or numbered shards with an index when it gets large.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::checkpoint::{INDEX, WEIGHTS};
use crate::error::CheckpointError;
use crate::writer::{SafetensorsWriter, TensorSpec};

/// Size above which weights are split into shards.
pub const DEFAULT_SHARD_BYTES: usize = 5_000_000_000;

/// Writes `model.safetensors`, or shards of it with `model.safetensors.index.json`, tensor by
/// tensor in the declared order.
#[derive(Debug)]
pub struct CheckpointWriter {
    dir: PathBuf,
    current: Option<SafetensorsWriter>,
    waiting: VecDeque<Shard>,
    index: Option<Value>,
}

#[derive(Debug)]
struct Shard {
    file: String,
    specs: Vec<TensorSpec>,
}

impl CheckpointWriter {
    /// Starts the weights of a checkpoint in `dir`, no shard larger than `max_shard_bytes` unless
    /// one tensor is.
    ///
    /// # Errors
    /// When the first file cannot be created.
    pub fn create(
        dir: &Path,
        specs: Vec<TensorSpec>,
        max_shard_bytes: usize,
    ) -> Result<Self, CheckpointError> {
        let waiting: VecDeque<_> = split(specs, max_shard_bytes).into();
        let index = (waiting.len() > 1).then(|| index(&waiting));
        let mut writer = Self { dir: dir.to_owned(), current: None, waiting, index };
        writer.advance()?;
        Ok(writer)
    }

    /// Appends values, all or the next ones, of the next declared tensor, which must be `name`.
    ///
    /// # Errors
    /// When a file cannot be written.
    ///
    /// # Panics
    /// When another tensor is next, it is not in floats, or fewer values are missing.
    pub fn append_f32(&mut self, name: &str, values: &[f32]) -> Result<(), CheckpointError> {
        self.append(name, |file| file.append_f32(name, values))
    }

    /// Appends stored bytes, all or the next ones, of the next declared tensor, which must be
    /// `name`.
    ///
    /// # Errors
    /// When a file cannot be written.
    ///
    /// # Panics
    /// When another tensor is next, or fewer bytes are missing.
    pub fn append_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), CheckpointError> {
        self.append(name, |file| file.append_bytes(name, bytes))
    }

    /// Writes the index where there is one.
    ///
    /// # Errors
    /// When a file cannot be written.
    ///
    /// # Panics
    /// When a declared tensor was not appended.
    pub fn finish(mut self) -> Result<(), CheckpointError> {
        while self.current.is_some() {
            self.advance()?;
        }
        let Some(index) = &self.index else { return Ok(()) };
        let path = self.dir.join(INDEX);
        let text = format!("{index:#}\n");
        std::fs::write(&path, text).map_err(CheckpointError::write(&path))
    }

    fn append(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut SafetensorsWriter) -> Result<(), CheckpointError>,
    ) -> Result<(), CheckpointError> {
        while self.current.as_ref().is_some_and(SafetensorsWriter::is_complete) {
            self.advance()?;
        }
        let Some(file) = &mut self.current else {
            panic!("tensor `{name}` was appended but not declared")
        };
        write(file)
    }

    /// Finishes the current shard and starts the next one, if there is one.
    fn advance(&mut self) -> Result<(), CheckpointError> {
        if let Some(file) = self.current.take() {
            file.finish()?;
        }
        let Some(shard) = self.waiting.pop_front() else { return Ok(()) };
        self.current = Some(SafetensorsWriter::create(self.dir.join(shard.file), shard.specs)?);
        Ok(())
    }
}

/// Fills shards one after the other, as transformers does.
fn split(specs: Vec<TensorSpec>, max_shard_bytes: usize) -> Vec<Shard> {
    let mut groups = vec![Vec::new()];
    let mut size = 0;
    for spec in specs {
        let group = groups.last().map_or(0, Vec::len);
        if group > 0 && size + spec.size_bytes() > max_shard_bytes {
            groups.push(Vec::new());
            size = 0;
        }
        size += spec.size_bytes();
        if let Some(group) = groups.last_mut() {
            group.push(spec);
        }
    }
    let count = groups.len();
    let named = groups
        .into_iter()
        .zip(1..)
        .map(|(specs, number)| Shard { file: shard_name(number, count), specs });
    named.collect()
}

fn shard_name(number: usize, count: usize) -> String {
    match count {
        1 => WEIGHTS.to_owned(),
        _ => format!("model-{number:05}-of-{count:05}.safetensors"),
    }
}

fn index<'a>(shards: impl IntoIterator<Item = &'a Shard>) -> Value {
    let mut homes = Map::new();
    let mut total_size = 0;
    for shard in shards {
        for spec in &shard.specs {
            homes.insert(spec.name.clone(), Value::from(shard.file.as_str()));
            total_size += spec.size_bytes();
        }
    }
    homes.sort_keys();
    json!({ "metadata": { "total_size": total_size }, "weight_map": homes })
}
