//! Checkpoints that GPTQ, AWQ and Olive have packed.

use std::fs;
use std::path::Path;

use serde_json::{Map, json};

use crate::{Tensors, file_names, fixture};

/// Writes the packed fixture `name` into the folder `dir`: its codes and config, and all else of the
/// model that it was made of, whose name it begins with.
pub fn write_packed_model(name: &str, dir: &Path) {
    let base: Vec<_> = name.splitn(3, '-').take(2).collect();
    let base = fixture(&base.join("-"));
    for file in
        file_names(&base).iter().filter(|file| Path::new(file).extension() == Some("json".as_ref()))
    {
        fs::copy(base.join(file), dir.join(file)).unwrap();
    }
    let packed = fixture("packed").join(name);
    let files = [
        (packed.join("config.json"), "config.json"),
        (packed.join("codes.safetensors"), "codes.safetensors"),
        (base.join("model.safetensors"), "plain.safetensors"),
    ];
    for (from, to) in files {
        fs::copy(from, dir.join(to)).unwrap();
    }
    let mut homes = Map::new();
    for shard in ["plain.safetensors", "codes.safetensors"] {
        let names = Tensors::open(dir.join(shard)).names();
        homes.extend(names.into_iter().map(|name| (name, json!(shard))));
    }
    let index = json!({ "weight_map": homes }).to_string();
    fs::write(dir.join("model.safetensors.index.json"), index).unwrap();
}
