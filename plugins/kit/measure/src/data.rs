//! The rows of a data config, as metrics need them.

use olive_kit_text::{
    Asking, Example, Place, Question, Row, Shots, TextError, Tokenizer, examples, prompts, rows,
    texts,
};
use olive_schemas::data::DataConfig;

/// The rows of a data config.
#[derive(Debug)]
pub struct Dataset<'a> {
    config: &'a DataConfig,
    rows: Vec<Row>,
    /// The data that solved questions are taken from.
    shots: &'a DataConfig,
}

impl<'a> Dataset<'a> {
    /// Reads the first rows of `config`: at most its `max_samples`, and at most `limit`.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn read(config: &'a DataConfig, limit: Option<usize>) -> Result<Self, TextError> {
        let limits = [config.pre_process_data_config.max_samples, limit];
        let limit = limits.into_iter().flatten().min().unwrap_or(usize::MAX);
        let rows = rows::read_first(&config.load_dataset_config, limit)?;
        Ok(Self { config, rows, shots: config })
    }

    /// The same with solved questions from `shots` instead of its own rows.
    #[must_use]
    pub fn with_shots(self, shots: &'a DataConfig) -> Self {
        Self { shots, ..self }
    }

    /// Name of the data config.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Where the row `index`, counted from 0, stands.
    pub fn place(&self, index: usize) -> Option<Place> {
        self.rows.get(index).map(Row::place)
    }

    /// Whether rows are prompts with answers.
    pub fn has_prompts(&self) -> bool {
        self.config.pre_process_data_config.prompt_template.is_some()
    }

    /// Prompt and expected answer of each row.
    ///
    /// # Errors
    /// When the templates are missing or do not fit the rows.
    pub fn examples(&self, tokenizer: &Tokenizer) -> Result<Vec<Example>, TextError> {
        examples(tokenizer, &self.rows, &self.config.pre_process_data_config)
    }

    /// Prompt and expected answer of every row of the files, however few are measured.
    ///
    /// # Errors
    /// When the files cannot be read, or the templates are missing or do not fit the rows.
    pub fn all_examples(&self, tokenizer: &Tokenizer) -> Result<Vec<Example>, TextError> {
        let rows = rows::read(&self.config.load_dataset_config)?;
        examples(tokenizer, &rows, &self.config.pre_process_data_config)
    }

    /// Prompt of each row.
    ///
    /// # Errors
    /// When the template is missing or does not fit the rows.
    pub fn prompts(&self, tokenizer: &Tokenizer) -> Result<Vec<String>, TextError> {
        prompts(tokenizer, &self.rows, &self.config.pre_process_data_config)
    }

    /// Question of each row as `asking` puts it, with the answers to choose from.
    ///
    /// # Errors
    /// When a row is no such question or cannot be put so, or the files of solved questions cannot
    /// be read.
    pub fn questions(
        &self,
        tokenizer: &Tokenizer,
        asking: &Asking<'_>,
    ) -> Result<Vec<Question>, TextError> {
        let settings = &self.config.pre_process_data_config;
        let rows = Shots::rows(&self.shots.load_dataset_config, asking.num_shots)?;
        let shots = Shots { rows: &rows, config: &self.shots.pre_process_data_config };
        asking.questions(tokenizer, &self.rows, settings, shots)
    }

    /// Text of each row.
    ///
    /// # Errors
    /// When the templates are missing or do not fit the rows.
    pub fn texts(&self, tokenizer: &Tokenizer) -> Result<Vec<String>, TextError> {
        texts(tokenizer, &self.rows, &self.config.pre_process_data_config)
    }
}
