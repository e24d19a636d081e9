//! Where the paths of a call lie on the machine of the job, and back.

use std::path::{Path, PathBuf};

use olive_plugin_api::Job;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::AzureError;
use crate::parcel;

/// Paths here, and what they are called there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Layout {
    /// Folder of the job there.
    pub(crate) root: String,
    /// Those of inputs first, then of outputs, then of checkpoints.
    pairs: Vec<(PathBuf, String)>,
}

impl Layout {
    /// That of `job`, which is called `name` there.
    ///
    /// # Errors
    /// When an input has a name that no blob can have.
    pub(crate) fn of(job: &Job, name: &str) -> Result<Self, AzureError> {
        let root = format!("/tmp/{name}");
        let mut pairs = Vec::new();
        for (number, path) in inputs(job) {
            let there = format!("{root}/in/{}/{}", number_of(number), parcel::name(path)?);
            pairs.push((path.to_owned(), there));
        }
        for (number, path) in job.outputs.iter().enumerate() {
            pairs.push((path.clone(), format!("{root}/out/{}", number_of(number))));
        }
        if let Some(path) = &job.checkpoints {
            pairs.push((path.clone(), format!("{root}/checkpoints")));
        }
        Ok(Self { root, pairs })
    }

    /// What `text` is there, when it is a path of the job.
    pub(crate) fn there(&self, text: &str) -> String {
        let path = Path::new(text);
        let below = self.pairs.iter().filter_map(|(here, there)| {
            let below = path.strip_prefix(here).ok()?;
            Some((here.components().count(), there, below.to_str()?))
        });
        match below.max_by_key(|(length, ..)| *length) {
            Some((_, there, "")) => there.clone(),
            Some((_, there, below)) => format!("{there}/{below}"),
            None => text.to_owned(),
        }
    }

    /// The JSON `line` with all paths as they are there.
    ///
    /// # Errors
    /// When it is no JSON.
    pub(crate) fn line_there(&self, line: &str) -> Result<String, AzureError> {
        let mut value: Value = serde_json::from_str(line)
            .map_err(|error| AzureError::odd("the job's input", error.to_string()))?;
        self.change(&mut value);
        Ok(value.to_string() + "\n")
    }

    /// Text that was written there with all paths as they are here.
    pub(crate) fn text_here(&self, text: &str) -> String {
        let mut text = text.to_owned();
        if !text.contains(&self.root) {
            return text;
        }
        for (here, there) in &self.pairs {
            let quoted = Value::from(here.to_string_lossy()).to_string();
            text = text.replace(there, quoted.trim_matches('"'));
        }
        text
    }

    fn change(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.there(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.change(item)),
            Value::Object(map) => map.values_mut().for_each(|item| self.change(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// What the job reads, with its number; a model that is no file has no path.
pub(crate) fn inputs(job: &Job) -> impl Iterator<Item = (usize, &Path)> {
    let inputs = job.inputs.iter().enumerate();
    inputs.map(|(number, path)| (number, path.as_path())).filter(|(_, path)| *path != Path::new(""))
}

/// A number as names have it: of as many digits as every other, so that none begins with another.
pub(crate) fn number_of(number: usize) -> String {
    format!("{number:04}")
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;

    use olive_plugin_api::Job;
    use serde_json::{Value, json};

    use super::Layout;

    /// A job as the host gives it, in `folder`.
    pub(crate) fn job(folder: &Path) -> Job {
        let path = |name: &str| folder.join(name);
        let input = json!({
            "plugin": path("lib/liblora.so"),
            "request": {
                "input": {"model_path": path("model/sub")},
                "output_dir": path("step/output"),
                "config": {"text": "not a path", "near": format!("{}-2", path("model").display())}
            }
        });
        let job = json!({
            "title": "lora (LoRA)",
            "program": path("olive"),
            "arguments": ["worker", "--detached"],
            "environment": {
                "PLUGIN": path("lib/liblora.so"),
                "TMPDIR": path("step/scratch"),
                "WORDS": "it's $HOME"
            },
            "input": format!("{input}\n"),
            "folder": path("job"),
            "inputs": [path("lib/liblora.so"), path("model"), ""],
            "outputs": [path("step/output"), path("step/scratch")],
            "checkpoints": path("checkpoints"),
            "threads": 2
        });
        serde_json::from_value(job).unwrap()
    }

    #[test]
    fn paths_of_a_call_are_those_of_the_other_machine_and_back() {
        let job = job(Path::new("/here"));
        let layout = Layout::of(&job, "olive-1").unwrap();
        let there: Value = serde_json::from_str(&layout.line_there(&job.input).unwrap()).unwrap();
        let expected = json!({
            "plugin": "/tmp/olive-1/in/0000/liblora.so",
            "request": {
                "input": {"model_path": "/tmp/olive-1/in/0001/model/sub"},
                "output_dir": "/tmp/olive-1/out/0000",
                "config": {"text": "not a path", "near": "/here/model-2"}
            }
        });
        assert_eq!(there, expected);
        let line = r#"{"event":"done","answer":"/tmp/olive-1/out/0000/a","of":"/tmp/olive-1/in/0001/model"}"#;
        let here = r#"{"event":"done","answer":"/here/step/output/a","of":"/here/model"}"#;
        assert_eq!(layout.text_here(line), here);
        assert_eq!(layout.there(r"/here/model/a\b"), r"/tmp/olive-1/in/0001/model/a\b");
    }
}
