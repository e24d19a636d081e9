//! How much memory the weights of a model take.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::model;

/// Files that hold weights, by their suffixes.
const SUFFIXES: [&str; 5] = ["safetensors", "bin", "gguf", "onnx", "data"];

/// The weights of a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// Bytes of the files that hold them.
    pub bytes: u64,
    /// Bits of a weight, where `config.json` says it.
    pub bits: Option<f64>,
}

impl Weights {
    /// Those of the model at `path`; none when there is no model.
    pub fn of(path: &Path) -> Option<Self> {
        let model = model::recognize(path).ok()?.model_path;
        let listed = fs::read_dir(&model).into_iter().flatten().flatten();
        let files: Vec<PathBuf> = listed.map(|entry| entry.path()).collect();
        let files = if model.is_file() { vec![model.clone()] } else { files };
        let is_weights = |path: &&PathBuf| {
            let suffix = path.extension().and_then(|suffix| suffix.to_str());
            suffix.is_some_and(|suffix| SUFFIXES.contains(&suffix))
        };
        let sizes = files.iter().filter(is_weights).filter_map(|path| path.metadata().ok());
        let bytes = sizes.map(|file| file.len()).sum();
        let config = fs::read_to_string(model.join("config.json")).unwrap_or_default();
        let config: Value = serde_json::from_str(&config).unwrap_or_default();
        let dtype = config.get("dtype").or_else(|| config.get("torch_dtype"));
        let bits = match dtype.and_then(Value::as_str) {
            Some("float32") => Some(32.0),
            Some("float16" | "bfloat16") => Some(16.0),
            _ => None,
        };
        Some(Self { bytes, bits })
    }

    /// About how many bytes they have in `precision`; none when that cannot be told.
    pub fn in_precision(&self, precision: &str) -> Option<f64> {
        // Integers have a scale of 16 bits for 32 of them.
        let bits = match precision {
            "int4" | "uint4" => 4.5,
            "int8" | "uint8" => 8.5,
            "fp16" | "bf16" => 16.0,
            "fp32" => 32.0,
            _ => return None,
        };
        Some(self.bytes as f64 / self.bits? * bits)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Weights;

    #[test]
    fn fewer_bits_take_fewer_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("config.json", r#"{"torch_dtype": "bfloat16"}"#);
        write("model.safetensors", &"w".repeat(3200));
        write("tokenizer.json", "other");
        let weights = Weights::of(folder.path()).unwrap();
        assert_eq!((weights.bytes, weights.bits), (3200, Some(16.0)));
        for (precision, bytes) in [("int4", Some(900.0)), ("fp32", Some(6400.0)), ("int3", None)] {
            assert_eq!(weights.in_precision(precision), bytes, "{precision}");
        }
        assert_eq!(Weights::of(&folder.path().join("nowhere")), None);
    }
}
