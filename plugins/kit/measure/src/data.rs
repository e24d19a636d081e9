//! The rows of a data config, as metrics need them.

use olive_kit_text::{Example, Row, TextError, Tokenizer, examples, rows, texts};
use olive_schemas::data::DataConfig;

/// The rows of a data config.
#[derive(Debug)]
pub struct Dataset<'a> {
    config: &'a DataConfig,
    rows: Vec<Row>,
}

impl<'a> Dataset<'a> {
    /// Reads the first rows of `config`: at most its `max_samples`, and at most `limit`.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn read(config: &'a DataConfig, limit: Option<usize>) -> Result<Self, TextError> {
        let limits = [config.pre_process_data_config.max_samples, limit];
        let limit = limits.into_iter().flatten().min().unwrap_or(usize::MAX);
        Ok(Self { config, rows: rows::read_first(&config.load_dataset_config, limit)? })
    }

    /// Name of the data config.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Prompt and expected answer of each row.
    ///
    /// # Errors
    /// When the templates are missing or do not fit the rows.
    pub fn examples(&self, tokenizer: &Tokenizer) -> Result<Vec<Example>, TextError> {
        examples(tokenizer, &self.rows, &self.config.pre_process_data_config)
    }

    /// Text of each row.
    ///
    /// # Errors
    /// When the templates are missing or do not fit the rows.
    pub fn texts(&self, tokenizer: &Tokenizer) -> Result<Vec<String>, TextError> {
        texts(tokenizer, &self.rows, &self.config.pre_process_data_config)
    }
}
