//! Tiny models for plugins that come without one: real in form, random in content.
//!
//! One decoder of the Llama family stands behind all kinds: one layer, 64 wide, with a tokenizer
//! of single bytes. Every run makes the same bytes.

mod weights;
mod hf;
mod gguf;
mod onnx;

use std::fs;
use std::io;
use std::path::Path;

use olive_schemas::data::{DataConfig, DataContainer, DataFormat, LoadDataset, PreProcess};
use olive_schemas::model::{Model, ModelKind};

/// Name of the data config that [`data`] makes.
pub(super) const DATA: &str = "specimen";

/// Makes a model of `kind` in `folder`, which exists.
///
/// # Errors
/// When it cannot be written.
pub(super) fn model(kind: ModelKind, folder: &Path) -> io::Result<Model> {
    match kind {
        ModelKind::Hf => hf::write(folder),
        ModelKind::Gguf => gguf::write(folder),
        ModelKind::Onnx => onnx::write(folder),
    }
}

/// Rows of text in a file of `folder`, as a data config.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn data(folder: &Path) -> io::Result<DataConfig> {
    let words = ["small", "models", "read", "short", "lines", "of", "plain", "text"];
    let row = |row: usize| {
        let word = |place: usize| words[(row * 3 + place * 5) % words.len()];
        let text = (0..6).map(word).collect::<Vec<_>>().join(" ");
        serde_json::json!({"text": text, "answer": word(6)}).to_string()
    };
    let rows: Vec<String> = (0..64).map(row).collect();
    let path = folder.join("rows.json");
    fs::write(&path, rows.join("\n") + "\n")?;
    Ok(DataConfig {
        name: DATA.into(),
        container: DataContainer::default(),
        load_dataset_config: LoadDataset {
            data_name: DataFormat::Json,
            data_files: vec![path],
            sep: ",".into(),
            split: "train".into(),
        },
        pre_process_data_config: PreProcess {
            max_seq_len: 32,
            text_template: Some("{text}: {answer}".into()),
            prompt_template: Some("{text}: ".into()),
            answer_template: Some("{answer}".into()),
            ..PreProcess::default()
        },
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use olive_schemas::model::ModelKind;

    use super::model;
    use crate::conformance::world::files;
    use crate::model::recognize;

    #[test]
    fn a_specimen_is_what_it_says_and_the_same_each_time() {
        for kind in ModelKind::ALL {
            let folder = tempfile::tempdir().unwrap();
            let made = model(kind, folder.path()).unwrap();
            let first = files(folder.path()).unwrap();
            assert_eq!(model(kind, folder.path()).unwrap(), made);
            assert_eq!(files(folder.path()).unwrap(), first);
            let found = recognize(&made.model_path).unwrap();
            assert_eq!((found.kind, made.kind), (kind, kind));
        }
    }

    #[test]
    fn tensors_end_where_the_file_does() {
        let folder = tempfile::tempdir().unwrap();
        model(ModelKind::Hf, folder.path()).unwrap();
        let bytes = fs::read(folder.path().join("model.safetensors")).unwrap();
        let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
        let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
        let end = |(_, tensor): (&String, &serde_json::Value)| tensor["data_offsets"][1].as_u64();
        let last = header.as_object().unwrap().iter().filter_map(end).max().unwrap();
        assert_eq!(usize::try_from(last).unwrap(), bytes.len() - 8 - length);
    }
}
