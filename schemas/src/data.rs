//! Data configs: which rows to read and how to make training text and tokens of them.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A named data set and how it becomes model input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-olive-ignored" = {
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
    /// Split to read; local files form the one split `train`.
    #[serde(default = "train")]
    #[schemars(extend("enum" = ["train"]))]
    pub split: String,
}

/// Format of local data files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DataFormat {
    /// One JSON object a line, or one array of objects.
    Json,
    /// Comma-separated values with a header line.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// One row a line, in a column named `text`.
    Text,
}

/// How rows become text and tokens.
///
/// The text of a row is `text_template` filled from its columns, else the columns `text_cols`
/// joined by one space.
#[expect(clippy::struct_excessive_bools, reason = "the keys are Olive's")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-olive-ignored" = {
    "model_name": "the tokenizer is the input model's",
    "task": "the task is the input model's",
    "trust_remote_code": "code of models is never run",
    "random_retries": "no strategy draws rows yet",
    "processing_batch_size": "rows are tokenized as they are needed"
}), extend("x-olive-unavailable" = {
    "chat_template": {"reason": "chat templates are not applied yet; write `text_template`", "unless": [null, false]},
    "message_col": {"reason": "chat templates are not applied yet", "unless": [null]},
    "text_formatting_func": {"reason": "Python code is never run; write `text_template`", "unless": [null]},
    "stride": {"reason": "windows do not slide yet", "unless": [null]},
    "random_seed": {"reason": "no strategy draws rows yet", "unless": [null]},
    "padding_side": {"reason": "rows are padded on the right", "unless": [null, "right"]},
    "input_cols": {"reason": "rows are text; write `text_cols` or `text_template`", "unless": [null]},
    "label_col": {"reason": "labels are the text's own tokens", "unless": [null]},
    "label_cols": {"reason": "labels are the text's own tokens", "unless": [null, []]},
    "max_length": {"reason": "write `max_seq_len`", "unless": [null]},
    "padding": {"reason": "write `pad_to_max_len`", "unless": [null]}
}))]
pub struct PreProcess {
    /// How tokenized rows become training blocks.
    #[schemars(extend("x-olive-unavailable-values" = {
        "join-sliding-window": "windows do not slide yet",
        "join-random": "rows are not drawn yet",
        "line-by-line-random": "rows are not drawn yet"
    }))]
    pub strategy: PackingStrategy,
    /// Length of a training block in tokens.
    #[schemars(range(min = 2, max = 1_048_576))]
    pub max_seq_len: usize,
    /// Text of a row, with columns in braces: `"### Text: {phrase}"`. Literal braces are doubled.
    pub text_template: Option<String>,
    /// Columns joined by one space when there is no template.
    #[serde(with = "one_or_many_strings")]
    #[schemars(with = "OneOrMany")]
    pub text_cols: Vec<String>,
    /// Prompt of a row, filled like `text_template`; what metrics by generation ask the model.
    pub prompt_template: Option<String>,
    /// Expected answer of a row, filled like `text_template`; what metrics by generation compare.
    pub answer_template: Option<String>,
    /// Text between two rows of the `join` strategy; `null` inserts nothing.
    pub joiner: Option<String>,
    /// Wrap each text as `bos + " " + text + " " + eos`, with the tokens as strings.
    pub add_special_tokens: bool,
    /// Pad each row of the `line-by-line` strategy to `max_seq_len`.
    pub pad_to_max_len: bool,
    /// Leave padding out of attention and loss.
    pub use_attention_mask: bool,
    /// Drop rows shorter than `max_seq_len`; excludes `pad_to_max_len`.
    pub drop_short_sequences: bool,
    /// Emit the last `join` block when it fits exactly; Olive up to 0.13 drops it.
    pub keep_exact_fit: bool,
    /// Treat every pad token of a block as padding; Olive up to 0.6 did, also where pad is eos.
    pub mask_pad_tokens: bool,
    /// Read at most this many rows.
    pub max_samples: Option<usize>,
}

impl Default for PreProcess {
    fn default() -> Self {
        Self {
            strategy: PackingStrategy::Join,
            max_seq_len: 1024,
            text_template: None,
            text_cols: Vec::new(),
            prompt_template: None,
            answer_template: None,
            joiner: Some("\n\n".into()),
            add_special_tokens: true,
            pad_to_max_len: true,
            use_attention_mask: true,
            drop_short_sequences: false,
            keep_exact_fit: true,
            mask_pad_tokens: false,
            max_samples: None,
        }
    }
}

/// How tokenized rows become training blocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PackingStrategy {
    /// All rows in one stream, cut into blocks of `max_seq_len`; the remainder is dropped.
    #[default]
    Join,
    /// One row a block, cut at `max_seq_len`.
    LineByLine,
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
