//! A checkpoint of more layers than there are weights for: names and shapes, and a file that is empty.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::error::ChoreError;

/// The layer whose tensors are declared again.
const LAYER: &str = ".layers.1.";

/// Writes the files of `config` into `folder`, with the tensors of the checkpoint of few layers in
/// `few`, and those of its second layer once for every layer more. Weights are a hole in the file.
pub(super) fn write(few: &Path, folder: &Path, config: &Value) -> Result<PathBuf, ChoreError> {
    let source = few.join("model.safetensors");
    let content =
        |problem: &str| ChoreError::Content { path: source.clone(), problem: problem.into() };
    let header = header(&source)?;
    let layers = config["num_hidden_layers"].as_u64();
    let layers = layers.ok_or_else(|| content("the config says nothing of layers"))?;
    let mut tensors: BTreeMap<String, &Value> = BTreeMap::new();
    for (name, tensor) in header.iter().filter(|(name, _)| *name != "__metadata__") {
        tensors.insert(name.clone(), tensor);
        if name.contains(LAYER) {
            for layer in 2..layers {
                tensors.insert(name.replace(LAYER, &format!(".layers.{layer}.")), tensor);
            }
        }
    }
    let (mut declared, mut end) = (Map::new(), 0);
    for (name, tensor) in tensors {
        let offset = |at: usize| tensor["data_offsets"][at].as_u64();
        let (Some(first), Some(last)) = (offset(0), offset(1)) else {
            return Err(content("a tensor has no offsets"));
        };
        let start = end;
        end += last.saturating_sub(first);
        let mut tensor = tensor.clone();
        tensor["data_offsets"] = json!([start, end]);
        declared.insert(name, tensor);
    }
    fs::create_dir_all(folder).map_err(ChoreError::file("make", folder))?;
    let path = folder.join("config.json");
    fs::write(&path, config.to_string()).map_err(ChoreError::file("write", &path))?;
    let path = folder.join("model.safetensors");
    let mut text = Value::Object(declared).to_string();
    while !text.len().is_multiple_of(8) {
        text.push(' ');
    }
    let length = text.len() as u64;
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(&length.to_le_bytes())?;
        file.write_all(text.as_bytes())?;
        file.set_len(8 + length + end)
    });
    written.map_err(ChoreError::file("write", &path))?;
    Ok(folder.to_owned())
}

/// What a safetensors file says of its tensors.
fn header(path: &Path) -> Result<Map<String, Value>, ChoreError> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let mut length = [0; 8];
        file.read_exact(&mut length)?;
        let mut bytes = Vec::new();
        file.take(u64::from_le_bytes(length)).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(ChoreError::file("read", path))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| ChoreError::Content { path: path.to_owned(), problem: error.to_string() })
}
