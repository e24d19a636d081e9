//! Recognizing what a folder or file holds.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use olive_schemas::inference::InferenceSettings;
use olive_schemas::model::{Model, ModelKind};
use serde::Deserialize;
use thiserror::Error;

use crate::config::missing;

/// Description of a run's result, beside its files.
const DESCRIPTION: &str = "model_config.json";

/// Why a path could not be taken for a model.
#[derive(Debug, Error)]
pub enum ModelError {
    /// Nothing is there.
    #[error("model `{}` does not exist", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// Something else is there.
    #[error("`{}` is no model: {why}", path.display())]
    Unknown {
        /// The path.
        path: PathBuf,
        /// What is missing.
        why: &'static str,
    },
    /// The description in the folder cannot be read.
    #[error("cannot read `{}`: {why}", path.display())]
    Description {
        /// The description.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl ModelError {
    /// What to try.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Missing { path } => Some(missing::help(path, &env::current_dir().ok()?)),
            Self::Unknown { .. } => None,
            Self::Description { path, .. } if path.ends_with(DESCRIPTION) => None,
            Self::Description { .. } => Some(
                "a model is a folder, a `.gguf` or `.onnx` file, or the `model_config.json` of a run"
                    .into(),
            ),
        }
    }
}

/// `model_config.json`.
#[derive(Deserialize)]
struct Description {
    #[serde(rename = "type")]
    kind: ModelKind,
    config: DescribedModel,
}

#[derive(Deserialize)]
struct DescribedModel {
    model_path: PathBuf,
    adapter_path: Option<PathBuf>,
    onnx_file_name: Option<String>,
    inference_settings: Option<InferenceSettings>,
    #[serde(default)]
    model_attributes: std::collections::BTreeMap<String, serde_json::Value>,
}

/// The model at `path`, absolute: the output folder of a run, an ONNX or Hugging Face folder, an
/// ONNX or GGUF file.
///
/// # Errors
/// When nothing is there, or nothing that looks like a model.
pub fn recognize(path: &Path) -> Result<Model, ModelError> {
    let path = path.canonicalize().map_err(|_| ModelError::Missing { path: path.to_owned() })?;
    if path.is_file() {
        return recognize_file(&path);
    }
    let description = path.join(DESCRIPTION);
    if description.exists() {
        let model = read_description(&description)?;
        if model.model_path.exists() {
            return Ok(model);
        }
    }
    if path.join("genai_config.json").exists() {
        return Ok(Model::new(ModelKind::Onnx, path));
    }
    if path.join("model.onnx").exists() {
        return Ok(onnx(path, "model.onnx".into()));
    }
    if path.join("config.json").exists() {
        return Ok(Model::new(ModelKind::Hf, path));
    }
    let why = if path.join("adapter_config.json").exists() {
        "it holds an adapter alone; name its base as the model, and this as the adapter"
    } else {
        "it has neither `config.json` nor `genai_config.json` nor `model.onnx`"
    };
    Err(ModelError::Unknown { path, why })
}

/// The kind of a model that is not there, by its name.
pub fn kind_of(path: &Path) -> ModelKind {
    match path.extension().and_then(|suffix| suffix.to_str()) {
        Some("onnx") => ModelKind::Onnx,
        Some("gguf") => ModelKind::Gguf,
        _ => ModelKind::Hf,
    }
}

fn recognize_file(path: &Path) -> Result<Model, ModelError> {
    let suffix = path.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default();
    match suffix {
        "gguf" => Ok(Model::new(ModelKind::Gguf, path)),
        "onnx" => {
            let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok(onnx(folder, name))
        }
        "json" => read_description(path),
        _ => Err(ModelError::Unknown {
            path: path.to_owned(),
            why: "a model file ends in `.gguf` or `.onnx`; others are folders",
        }),
    }
}

fn onnx(folder: PathBuf, file_name: String) -> Model {
    Model { onnx_file_name: Some(file_name), ..Model::new(ModelKind::Onnx, folder) }
}

fn read_description(path: &Path) -> Result<Model, ModelError> {
    let refuse = |why: String| ModelError::Description { path: path.to_owned(), why };
    let bytes = fs::read(path).map_err(|error| refuse(error.to_string()))?;
    let Description { kind, config } =
        serde_json::from_slice(&bytes).map_err(|error| refuse(error.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    Ok(Model {
        kind,
        model_path: folder.join(config.model_path),
        adapter_path: config.adapter_path.map(|adapter| folder.join(adapter)),
        onnx_file_name: config.onnx_file_name,
        inference_settings: config.inference_settings,
        model_attributes: config.model_attributes,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use olive_schemas::model::ModelKind;

    use super::recognize;

    fn check(files: &[(&str, &str)], path: &str, expected: Result<(ModelKind, &str), &str>) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let root = folder.path().canonicalize().unwrap();
        match (recognize(&root.join(path)), expected) {
            (Ok(model), Ok((kind, model_path))) => {
                assert_eq!((model.kind, model.model_path), (kind, root.join(model_path)));
            }
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{error}");
            }
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn folders_and_files_are_recognized_by_what_they_hold() {
        check(&[("m/config.json", "{}")], "m", Ok((ModelKind::Hf, "m")));
        check(&[("m/genai_config.json", "{}")], "m", Ok((ModelKind::Onnx, "m")));
        check(&[("m/x.onnx", "")], "m/x.onnx", Ok((ModelKind::Onnx, "m")));
        check(&[("m.gguf", "")], "m.gguf", Ok((ModelKind::Gguf, "m.gguf")));
        let description = r#"{"type": "HfModel", "config": {"model_path": "model"}}"#;
        let files = [("out/model_config.json", description), ("out/model/config.json", "{}")];
        check(&files, "out", Ok((ModelKind::Hf, "out/model")));
    }

    #[test]
    fn what_is_no_model_is_told_with_the_reason() {
        check(&[], "nowhere", Err("does not exist"));
        check(&[("m/adapter_config.json", "{}")], "m", Err("an adapter alone"));
        check(&[("m/notes.txt", "")], "m", Err("neither `config.json`"));
        check(&[("m/model_config.json", "{}")], "m", Err("missing field `type`"));
    }
}
