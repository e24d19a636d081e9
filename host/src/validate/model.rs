//! What validators are told of the input model: its `config.json`, and names, shapes and dtypes of
//! its tensors; never weights.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use olive_schemas::model::{Model, ModelKind};
use olive_schemas::validation::{ModelDescription, TensorGroup};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// Bytes that a `config.json` may have.
const CONFIG_BYTES: u64 = 1 << 20;
/// Bytes that a header or an index of safetensors may have, as the format limits it.
const HEADER_BYTES: u64 = 100_000_000;
/// Files that an index may name.
const SHARDS: usize = 1000;
/// Groups that a description may have; a model with more of them is no model.
const GROUPS: usize = 20_000;

/// Key of a header that is no tensor.
const METADATA: &str = "__metadata__";

/// The description of `model`, whose relative path starts at `folder`.
///
/// Nothing of a model that is not at hand, is no Hugging Face folder, or has files that are not as
/// they should be: validators then do without.
pub(super) fn describe(model: &Model, folder: &Path) -> Option<ModelDescription> {
    if model.kind != ModelKind::Hf {
        return None;
    }
    let folder = folder.join(&model.model_path);
    let config = serde_json::from_slice::<Value>(&read(&folder.join("config.json"), CONFIG_BYTES)?);
    let config = config.ok().filter(Value::is_object)?;
    let mut tensors = Tensors::default();
    for shard in shards(&folder)? {
        tensors.add_file(&folder.join(shard))?;
    }
    let total_bytes = tensors.total_bytes;
    let tensors = tensors.groups.into_iter().map(|((name, shape, dtype), count)| TensorGroup {
        name,
        count,
        shape,
        dtype,
    });
    let tensors = tensors.collect();
    Some(ModelDescription { kind: model.kind, config: Some(config), tensors, total_bytes })
}

/// Names of the files with the weights; none when there are no weights.
fn shards(folder: &Path) -> Option<Vec<String>> {
    const SINGLE: &str = "model.safetensors";
    let index = folder.join("model.safetensors.index.json");
    if folder.join(SINGLE).is_file() {
        return Some(vec![SINGLE.to_owned()]);
    }
    if !index.is_file() {
        return Some(Vec::new());
    }
    let index: Index = serde_json::from_slice(&read(&index, HEADER_BYTES)?).ok()?;
    let names: BTreeSet<String> = index.weight_map.into_values().collect();
    let are_plain = names.iter().all(|name| !name.contains(['/', '\\']) && !name.starts_with('.'));
    (are_plain && names.len() <= SHARDS).then(|| names.into_iter().collect())
}

/// What an index of shards says.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Tensors by what they have in common, with how many there are.
#[derive(Default)]
struct Tensors {
    groups: BTreeMap<(String, Vec<u64>, String), u64>,
    total_bytes: u64,
}

impl Tensors {
    /// Adds the tensors of a safetensors file, whose header stands before the weights.
    fn add_file(&mut self, path: &Path) -> Option<()> {
        let mut file = File::open(path).ok()?;
        let mut size = [0; 8];
        file.read_exact(&mut size).ok()?;
        let size = u64::from_le_bytes(size);
        if size > HEADER_BYTES || size > file.metadata().ok()?.len() {
            return None;
        }
        let header = take(&mut file, size).ok()?;
        for Tensor { name, shape, dtype, data_offsets: [start, end] } in
            serde_json::from_slice::<Header>(&header).ok()?.0
        {
            let bytes = end.checked_sub(start)?;
            self.total_bytes = self.total_bytes.checked_add(bytes)?;
            *self.groups.entry((starred(&name), shape, dtype)).or_default() += 1;
        }
        (self.groups.len() <= GROUPS).then_some(())
    }
}

/// `name` with `*` for the parts that are numbers.
fn starred(name: &str) -> String {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let parts = name.split('.').map(|part| if is_number(part) { "*" } else { part });
    parts.collect::<Vec<_>>().join(".")
}

/// The tensors of a header.
struct Header(Vec<Tensor>);

struct Tensor {
    name: String,
    shape: Vec<u64>,
    dtype: String,
    data_offsets: [u64; 2],
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header of safetensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        #[derive(Deserialize)]
        struct Entry {
            dtype: String,
            shape: Vec<u64>,
            data_offsets: [u64; 2],
        }
        let mut tensors = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == METADATA {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let Entry { dtype, shape, data_offsets } = map.next_value()?;
            tensors.push(Tensor { name, shape, dtype, data_offsets });
        }
        Ok(Header(tensors))
    }
}

/// The content of a file that has at most `limit` bytes.
fn read(path: &Path, limit: u64) -> Option<Vec<u8>> {
    let size = fs::metadata(path).ok().filter(fs::Metadata::is_file)?.len();
    if size > limit {
        return None;
    }
    fs::read(path).ok()
}

fn take(file: &mut File, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use olive_schemas::model::{Model, ModelKind};
    use olive_schemas::validation::ModelDescription;
    use serde_json::{Value, json};

    use super::describe;

    /// A safetensors file of zeros.
    fn safetensors(path: &Path, header: &Value) {
        let header = header.to_string();
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.bytes());
        fs::write(path, bytes).unwrap();
    }

    fn tensor(bytes: u64) -> Value {
        json!({"dtype": "BF16", "shape": [bytes / 2], "data_offsets": [0, bytes]})
    }

    fn told(folder: &Path) -> Option<ModelDescription> {
        let model = Model::new(ModelKind::Hf, "m");
        describe(&model, folder.parent().unwrap())
    }

    fn model() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("m");
        fs::create_dir(&model).unwrap();
        fs::write(model.join("config.json"), r#"{"hidden_size": 8}"#).unwrap();
        (folder, model)
    }

    #[test]
    fn tensors_of_all_layers_and_shards_are_one_group() {
        let (_kept, folder) = model();
        let first = json!({
            "__metadata__": {"dtype": "pt"}, "layers.0.q": tensor(16), "layers.10.q": tensor(16),
            "norm": tensor(4)
        });
        safetensors(&folder.join("a.safetensors"), &first);
        safetensors(&folder.join("b.safetensors"), &json!({"layers.1.q": tensor(16)}));
        let index = json!({"weight_map": {
            "layers.0.q": "a.safetensors", "layers.10.q": "a.safetensors", "norm": "a.safetensors",
            "layers.1.q": "b.safetensors"
        }});
        fs::write(folder.join("model.safetensors.index.json"), index.to_string()).unwrap();
        let told = told(&folder).unwrap();
        assert_eq!(told.config, Some(json!({"hidden_size": 8})));
        assert_eq!(told.total_bytes, 52);
        let groups: Vec<_> =
            told.tensors.iter().map(|group| (group.name.as_str(), group.count)).collect();
        assert_eq!(groups, [("layers.*.q", 3), ("norm", 1)]);
        assert_eq!((told.tensors[0].shape[0], told.tensors[0].dtype.as_str()), (8, "BF16"));
    }

    #[test]
    fn a_model_without_weights_has_no_tensors() {
        let (_kept, folder) = model();
        let told = told(&folder).unwrap();
        assert_eq!((told.tensors.len(), told.total_bytes), (0, 0));
    }

    #[test]
    fn files_that_are_not_as_they_should_be_are_not_told() {
        let (_kept, folder) = model();
        let weights = folder.join("model.safetensors");
        for wrong in [
            b"short".to_vec(),
            u64::MAX.to_le_bytes().to_vec(),
            [9_u64.to_le_bytes().to_vec(), b"{\"a\": 1}}".to_vec()].concat(),
        ] {
            fs::write(&weights, wrong).unwrap();
            assert_eq!(told(&folder), None);
        }
        safetensors(&weights, &json!({"a": {"dtype": "U8", "shape": [], "data_offsets": [2, 1]}}));
        assert_eq!(told(&folder), None);
        fs::remove_file(&weights).unwrap();
        let index = json!({"weight_map": {"a": "../secret.safetensors"}});
        fs::write(folder.join("model.safetensors.index.json"), index.to_string()).unwrap();
        assert_eq!(told(&folder), None);
        fs::remove_file(folder.join("model.safetensors.index.json")).unwrap();
        fs::write(folder.join("config.json"), "[1]").unwrap();
        assert_eq!(told(&folder), None);
    }
}
