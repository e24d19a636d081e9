//! Why data could not be made into text or tokens.

use std::error::Error;
use std::io;
use std::iter;
use std::path::PathBuf;

use olive_schemas::diagnostic::Diagnostic;

/// What a parser or a tokenizer says.
pub(crate) type Source = Box<dyn Error + Send + Sync>;

/// Why data could not be made into text or tokens.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// A file that cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A data file that does not hold rows of its format.
    #[error("`{}` is not a {format} file of rows", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The format it should have.
        format: &'static str,
        /// What the parser says.
        source: Source,
    },
    /// Data files without a row of text.
    #[error("no rows with text in {files}")]
    NoRows {
        /// The files, each in backticks.
        files: String,
    },
    /// A template or column list that is needed and not given.
    #[error("the data config sets no {wanted}")]
    NoTemplate {
        /// The keys, any of which would do.
        wanted: &'static str,
    },
    /// A template with braces that do not pair.
    #[error("template `{template}` has {problem} at byte {position}")]
    Template {
        /// The template.
        template: String,
        /// What is wrong.
        problem: &'static str,
        /// Where.
        position: usize,
    },
    /// A column that the row does not have.
    #[error("row {row} of `{}` has no column `{column}`; it has {known}", path.display())]
    Column {
        /// The column asked for.
        column: String,
        /// Number of the row in its file, from 1.
        row: usize,
        /// The file.
        path: PathBuf,
        /// The columns there are.
        known: String,
    },
    /// A column whose value has no text of its own.
    #[error("column `{column}` of row {row} of `{}` holds {kind}, not text or a number", path.display())]
    NotText {
        /// The column.
        column: String,
        /// Number of the row in its file, from 1.
        row: usize,
        /// The file.
        path: PathBuf,
        /// What it holds.
        kind: &'static str,
    },
    /// A column whose value cannot be used.
    #[error("column `{column}` of row {row} of `{}` {problem}", path.display())]
    Value {
        /// The column.
        column: String,
        /// Number of the row in its file, from 1.
        row: usize,
        /// The file.
        path: PathBuf,
        /// What is wrong, in words that follow the place.
        problem: String,
    },
    /// A chat in which the assistant's part cannot be told.
    #[error(
        "column `{column}` of row {row} of `{}`: with message {message} as the last, the chat \
         template writes the messages up to there otherwise than in the whole chat, so what the \
         assistant says cannot be told apart",
        path.display()
    )]
    NotNested {
        /// The column.
        column: String,
        /// Number of the row in its file, from 1.
        row: usize,
        /// The file.
        path: PathBuf,
        /// Number of the message in its chat, from 1.
        message: usize,
    },
    /// A tokenizer that has no chat template, where it is asked for.
    #[error("the model's tokenizer has no chat template")]
    NoChatTemplate,
    /// A chat template that cannot be parsed.
    #[error("the chat template cannot be parsed: {problem}")]
    ChatTemplate {
        /// What the parser says.
        problem: String,
    },
    /// A chat that a template does not take.
    #[error("the chat template refuses the chat: {problem}")]
    ChatRefused {
        /// What the template says.
        problem: String,
    },
    /// Fewer rows than are to be solved before a question.
    #[error("{wanted} solved questions are wanted, and there are {found} other rows")]
    TooFewShots {
        /// How many are wanted.
        wanted: usize,
        /// How many there are.
        found: usize,
    },
    /// A model folder without a tokenizer.
    #[error("no `tokenizer.json` in `{}`", folder.display())]
    NoTokenizer {
        /// The folder.
        folder: PathBuf,
    },
    /// A tokenizer file that cannot be understood.
    #[error("`{}` is not a tokenizer file", path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        source: Source,
    },
    /// Text that the tokenizer refuses, or tokens that it does not know.
    #[error("the tokenizer cannot {action}")]
    Tokenize {
        /// What it was asked for.
        action: &'static str,
        /// What it says.
        source: Source,
    },
    /// Settings that exclude each other.
    #[error("{problem}")]
    Settings {
        /// The rule.
        problem: String,
    },
    /// A corpus that does not fill a block.
    #[error(
        "{files}: {num_tokens} tokens of {num_rows} rows fill no block of {max_seq_len} tokens"
    )]
    TooShort {
        /// The files, each in backticks.
        files: String,
        /// Tokens, joiners included.
        num_tokens: usize,
        /// Rows with text.
        num_rows: usize,
        /// Tokens of a block.
        max_seq_len: usize,
    },
    /// An evaluation split that leaves one side empty.
    #[error("an evaluation split of {size} of {num_blocks} blocks leaves nothing to {left_out} on")]
    Split {
        /// The size asked for.
        size: String,
        /// Blocks there are.
        num_blocks: usize,
        /// `train` or `evaluate`.
        left_out: &'static str,
    },
    /// A share outside 0..1.
    #[error("an evaluation share of {share} is not between 0 and 1")]
    Share {
        /// The share.
        share: f64,
    },
}

impl TextError {
    /// Settings that exclude each other, by the rule.
    pub(crate) fn settings(problem: String) -> Self {
        Self::Settings { problem }
    }

    /// Stable name of the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "io",
            Self::Format { .. } => "data-format",
            Self::NoRows { .. } | Self::TooShort { .. } | Self::TooFewShots { .. } => "empty-data",
            Self::NoTemplate { .. } | Self::Settings { .. } => "data-config",
            Self::Template { .. }
            | Self::Column { .. }
            | Self::NotText { .. }
            | Self::Value { .. }
            | Self::NotNested { .. }
            | Self::NoChatTemplate
            | Self::ChatTemplate { .. }
            | Self::ChatRefused { .. } => "template",
            Self::NoTokenizer { .. } | Self::Tokenizer { .. } | Self::Tokenize { .. } => {
                "tokenizer"
            }
            Self::Split { .. } | Self::Share { .. } => "eval-split",
        }
    }

    /// The error as a finding about the data config, at `pointer`, with all its causes.
    pub fn finding(&self, pointer: &str) -> Diagnostic {
        let sources = iter::successors(self.source(), |&source| source.source());
        let message =
            sources.fold(self.to_string(), |message, source| format!("{message}: {source}"));
        let finding = Diagnostic::error(self.code(), pointer, message);
        match self.help() {
            Some(help) => finding.with_help(help),
            None => finding,
        }
    }

    /// What to try.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Format { .. } => Some("set `data_name` to the format of `data_files`"),
            Self::NoTemplate { .. } => Some("set it in `pre_process_data_config`"),
            Self::Template { .. } => Some("double braces that are meant literally: `{{` and `}}`"),
            Self::NoTokenizer { .. } => Some(
                "copy `tokenizer.json` and `tokenizer_config.json` of the base model into the folder",
            ),
            Self::TooShort { .. } => Some("lower `max_seq_len` or add data"),
            Self::Split { .. } => {
                Some("change `eval_dataset_size`, lower `max_seq_len` or add data")
            }
            Self::NoChatTemplate => Some("write a Jinja template as `chat_template`"),
            Self::ChatRefused { .. } => Some(
                "many templates take no system message: leave `description` and \
                 `system_instruction` out",
            ),
            Self::TooFewShots { .. } => {
                Some("lower `num_fewshot`, or name more data in `fewshot_data_config`")
            }
            Self::NotNested { .. } => Some(
                "use a `chat_template` with `{% generation %}` blocks around what the assistant says",
            ),
            Self::Share { .. } => Some("give a share between 0 and 1, or a whole number of blocks"),
            Self::Read { .. }
            | Self::NoRows { .. }
            | Self::Column { .. }
            | Self::NotText { .. }
            | Self::Value { .. }
            | Self::ChatTemplate { .. }
            | Self::Tokenizer { .. }
            | Self::Tokenize { .. }
            | Self::Settings { .. } => None,
        }
    }
}
