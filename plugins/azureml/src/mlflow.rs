//! Models of transformers in the form of `MLflow`: a file `MLmodel`, and the model below `data`.

use std::fs;
use std::path::Path;

use crate::AzureError;

/// Folders of such a model whose files belong together, by rising importance.
const PARTS: [&str; 3] = ["data/config", "data/tokenizer", "data/model"];

/// Makes the folder `model` of `MLflow` one as `from_pretrained` reads it; leaves others alone.
///
/// # Errors
/// When a file cannot be moved.
pub(crate) fn flatten(model: &Path) -> Result<(), AzureError> {
    if !model.join("MLmodel").is_file() || !model.join("data/model").is_dir() {
        return Ok(());
    }
    for part in PARTS {
        let folder = model.join(part);
        if !folder.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&folder).map_err(AzureError::io("read", &folder))? {
            let entry = entry.map_err(AzureError::io("read", &folder))?;
            let to = model.join(entry.file_name());
            fs::rename(entry.path(), &to).map_err(AzureError::io("write", &to))?;
        }
    }
    let data = model.join("data");
    fs::remove_dir_all(&data).map_err(AzureError::io("remove", data))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::flatten;

    fn made(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_model_is_taken_out_of_its_wrapping() {
        let folder = made(&[
            ("MLmodel", "flavors:"),
            ("data/model/config.json", "of the model"),
            ("data/model/model.safetensors", "weights"),
            ("data/config/config.json", "of the config"),
            ("data/tokenizer/tokenizer.json", "{}"),
        ]);
        flatten(folder.path()).unwrap();
        let expected = ["MLmodel", "config.json", "model.safetensors", "tokenizer.json"];
        assert_eq!(names(folder.path()), expected);
        let config = fs::read_to_string(folder.path().join("config.json")).unwrap();
        assert_eq!(config, "of the model");
    }

    #[test]
    fn other_folders_stay_as_they_are() {
        let folder = made(&[("config.json", "{}"), ("data/model/a", "a")]);
        flatten(folder.path()).unwrap();
        assert_eq!(names(folder.path()), ["config.json", "data"]);
    }
}
