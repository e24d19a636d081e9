//! Data configs: which rows to read and how to make training text and tokens of them.

mod pre_process;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use pre_process::{
    ChatTemplate, DatasetType, PackingStrategy, PaddingSide, PairFormat, PreProcess,
};

/// A named data set and how it becomes model input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-olive-ignored" = {
    "script_dir": "Python code is never run",
    "dataloader_config": "passes and metrics batch rows themselves",
    "post_process_data_config": "metrics read the model's text"
}))]
pub struct DataConfig {
    /// Name by which passes and metrics refer to this data set.
    #[schemars(
        regex(pattern = r"^[A-Za-z0-9_]+$"),
        extend("patternErrorMessage" = "a name of letters, digits and `_`")
    )]
    pub name: String,
    /// Container the data set is read through.
    #[serde(rename = "type", default)]
    pub container: DataContainer,
    /// Which rows to read.
    pub load_dataset_config: LoadDataset,
    /// How rows become text and tokens.
    #[serde(default)]
    pub pre_process_data_config: PreProcess,
}

impl DataConfig {
    /// Keys of a data config.
    pub const FIELDS: [&str; 4] =
        ["name", "type", "load_dataset_config", "pre_process_data_config"];
}

/// Container a data set is read through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DataContainer {
    /// Rows with named columns, as the `datasets` library reads them.
    #[default]
    HuggingfaceContainer,
}

/// Which rows to read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-olive-ignored" = {
    "trust_remote_code": "code of data sets is never run",
    "streaming": "files are read as they are needed",
    "subset": "local files have no subsets",
    "revision": "local files have no revisions"
}), extend("x-olive-unavailable" = {
    "data_dir": {"reason": "name the files in `data_files`", "unless": [null]},
    "col_filters": {"reason": "rows are not filtered yet", "unless": [null, {}]}
}))]
pub struct LoadDataset {
    /// Format of the local files.
    pub data_name: DataFormat,
    /// Files to read, in this order; relative paths start at the config file's folder.
    #[serde(with = "one_or_many")]
    #[schemars(with = "OneOrMany", extend("x-olive-path" = "input"))]
    pub data_files: Vec<PathBuf>,
    /// What separates the values of a CSV file: one character.
    #[serde(default = "comma", alias = "delimiter")]
    #[schemars(extend("x-olive-renamed-from" = ["delimiter"]), length(min = 1, max = 1))]
    pub sep: String,
    /// Split to read; local files form the one split `train`.
    #[serde(default = "train")]
    #[schemars(extend("enum" = ["train"]))]
    pub split: String,
}

/// Format of local data files; JSON, CSV and text may be compressed by gzip or Zstandard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DataFormat {
    /// One JSON object a line, or one array of objects.
    Json,
    /// Comma-separated values with a header line.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// Apache Arrow IPC, as a file or as the stream that the `datasets` library saves.
    Arrow,
    /// One row a line, in a column named `text`.
    Text,
}

impl DataFormat {
    /// The format that the name of a file tells.
    pub fn of(file: &Path) -> Option<Self> {
        match Self::suffix(file)? {
            "json" | "jsonl" | "ndjson" => Some(Self::Json),
            "csv" | "tsv" => Some(Self::Csv),
            "parquet" => Some(Self::Parquet),
            "arrow" => Some(Self::Arrow),
            "txt" => Some(Self::Text),
            _ => None,
        }
    }

    /// The suffix of a file's name that tells its format, whether it is compressed or not.
    pub fn suffix(file: &Path) -> Option<&str> {
        let name = file.file_name()?.to_str()?;
        let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst"));
        Some(plain.unwrap_or(name).rsplit_once('.')?.1)
    }
}

/// One string or a list of them.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    /// A single value.
    One(String),
    /// Several values, in order.
    Many(Vec<String>),
}

impl OneOrMany {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(value) => vec![value],
            Self::Many(values) => values,
        }
    }
}

fn train() -> String {
    "train".into()
}

fn comma() -> String {
    ",".into()
}

mod one_or_many {
    use std::path::PathBuf;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(paths: &[PathBuf], out: S) -> Result<S::Ok, S::Error> {
        paths.serialize(out)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        input: D,
    ) -> Result<Vec<PathBuf>, D::Error> {
        let values = super::OneOrMany::deserialize(input)?.into_vec();
        Ok(values.into_iter().map(PathBuf::from).collect())
    }
}

mod one_or_many_strings {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(values: &[String], out: S) -> Result<S::Ok, S::Error> {
        values.serialize(out)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        input: D,
    ) -> Result<Vec<String>, D::Error> {
        Ok(super::OneOrMany::deserialize(input)?.into_vec())
    }
}
