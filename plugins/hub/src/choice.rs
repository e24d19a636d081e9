//! Which files of a repository a model is: no second copy of its weights in another format, and no
//! code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

use serde::Deserialize;

/// The weights, and the index of them when they are in several files.
const WHOLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// Weights of an adapter.
const ADAPTER: &str = "adapter_model.safetensors";
/// Endings of what stands beside weights: configs, tokenizers, templates.
const BESIDE: [&str; 5] = ["json", "txt", "model", "jinja", "tiktoken"];
/// Indexes of weights in formats that are not read.
const OTHER_INDEXES: [&str; 4] = [
    "pytorch_model.bin.index.json",
    "tf_model.h5.index.json",
    "flax_model.msgpack.index.json",
    "consolidated.safetensors.index.json",
];

/// The files of a model.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Those that are known by their names.
    pub(crate) files: Vec<String>,
    /// The index that names the others.
    pub(crate) index: Option<&'static str>,
}

/// What a repository has instead of a model.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lack {
    /// What is missing.
    pub(crate) reason: String,
    /// What to do.
    pub(crate) help: &'static str,
}

/// The files among `names` that a model, or an adapter, is.
///
/// # Errors
/// When there are none.
pub(crate) fn choose(names: &[String]) -> Result<Choice, Lack> {
    let has = |name: &str| names.iter().any(|known| known == name);
    if !has("config.json") && !has("adapter_config.json") {
        return Err(Lack { reason: "it has no `config.json`".into(), help: instead(names) });
    }
    let is_beside = |name: &&String| {
        let end = name.rsplit_once('.').map(|(_, end)| end).unwrap_or_default();
        let is_index = OTHER_INDEXES.contains(&name.as_str()) || *name == INDEX;
        !name.contains('/') && !name.starts_with('.') && BESIDE.contains(&end) && !is_index
    };
    let mut files: Vec<String> = names.iter().filter(is_beside).cloned().collect();
    let mut index = None;
    if has(WHOLE) {
        files.push(WHOLE.to_owned());
    } else if has(INDEX) {
        files.push(INDEX.to_owned());
        index = Some(INDEX);
    } else if has(ADAPTER) {
        files.push(ADAPTER.to_owned());
    } else {
        let reason = format!("it has neither `{WHOLE}` nor `{INDEX}`");
        return Err(Lack { reason, help: instead(names) });
    }
    Ok(Choice { files, index })
}

/// Whether `folder` has a model with its tokenizer, as far as that can be told.
pub(crate) fn is_whole(folder: &Path) -> bool {
    const TOKENIZERS: [&str; 3] = ["tokenizer.json", "tokenizer.model", "vocab.json"];
    let names = crate::cache::files_below(folder);
    let has = |name: &String| names.contains(name);
    let Ok(choice) = choose(&names) else { return false };
    let shards = choice.index.map_or(Ok(Vec::new()), |index| shards(&folder.join(index)));
    let is_whole = shards.is_ok_and(|shards| shards.iter().all(has));
    is_whole && TOKENIZERS.iter().any(|name| folder.join(name).exists())
}

/// Names of the files that the index at `path` lists, sorted.
///
/// # Errors
/// When it cannot be read, or lists files of other folders.
pub(crate) fn shards(path: &Path) -> io::Result<Vec<String>> {
    let index: Index = serde_json::from_slice(&fs::read(path)?)?;
    let names: BTreeSet<String> = index.weight_map.into_values().collect();
    match names.iter().find(|name| name.contains(['/', '\\']) || name.starts_with('.')) {
        Some(name) => {
            let reason = format!("`{name}` is no file beside the index");
            Err(io::Error::new(io::ErrorKind::InvalidData, reason))
        }
        None => Ok(names.into_iter().collect()),
    }
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// What to do with a repository that has no weights that are read.
fn instead(names: &[String]) -> &'static str {
    let has = |end: &str| names.iter().any(|name| name.ends_with(end));
    if has(".gguf") {
        "name one of its GGUF files: `\"type\": \"GgufModel\", \"model_path\": {\"type\": \
         \"HuggingFaceModel\", \"repo_id\": …, \"file\": …}`"
    } else if has(".bin") || has(".pt") || has(".pth") {
        "its weights are pickled Python objects, which are never read: ask for a revision with \
         safetensors, such as `refs/pr/…`"
    } else {
        "name a repository in the layout of transformers, with safetensors"
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{choose, is_whole, shards};

    fn chosen(names: &[&str]) -> Option<(Vec<String>, bool)> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        choose(&names).ok().map(|choice| (choice.files, choice.index.is_some()))
    }

    #[test]
    fn weights_come_once_and_without_code() {
        let (files, has_index) = chosen(&[
            ".gitattributes",
            "README.md",
            "config.json",
            "consolidated.safetensors",
            "model.gguf",
            "model.safetensors",
            "model.safetensors.index.json",
            "modeling_phi3.py",
            "onnx/config.json",
            "pytorch_model.bin",
            "pytorch_model.bin.index.json",
            "tokenizer.json",
            "tokenizer.model",
        ])
        .unwrap();
        assert_eq!(
            files,
            ["config.json", "tokenizer.json", "tokenizer.model", "model.safetensors"]
        );
        assert!(!has_index);
        let sharded = ["config.json", "model.safetensors.index.json", "model-1.safetensors"];
        let (files, has_index) = chosen(&sharded).unwrap();
        assert_eq!(files, ["config.json", "model.safetensors.index.json"]);
        assert!(has_index);
        let adapter = ["adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"];
        assert_eq!(chosen(&adapter).unwrap().0, adapter[..2]);
    }

    #[test]
    fn what_is_no_model_is_told() {
        for (names, help) in [
            (&["config.json", "pytorch_model.bin"][..], "pickled"),
            (&["phi.gguf"], "GgufModel"),
            (&["README.md"], "layout of transformers"),
        ] {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let lack = choose(&names).unwrap_err();
            assert!(lack.help.contains(help), "{lack:?}");
        }
    }

    #[test]
    fn a_model_is_whole_with_every_shard_and_a_tokenizer() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let index = r#"{"weight_map": {"a": "m-2.safetensors", "b": "m-1.safetensors"}}"#;
        write("config.json", "{}");
        write("model.safetensors.index.json", index);
        write("m-1.safetensors", "");
        write("tokenizer.json", "{}");
        assert!(!is_whole(folder.path()));
        write("m-2.safetensors", "");
        assert!(is_whole(folder.path()));
        fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
        assert!(!is_whole(folder.path()));
        write("model.safetensors.index.json", r#"{"weight_map": {"a": "../../x"}}"#);
        let problem = shards(&folder.path().join("model.safetensors.index.json")).unwrap_err();
        assert!(problem.to_string().contains("`../../x`"), "{problem}");
    }
}
