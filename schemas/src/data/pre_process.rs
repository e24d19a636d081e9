//! How rows become text and tokens, and tokens training blocks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{OneOrMany, one_or_many_strings};

/// How rows become text and tokens.
///
/// The text of a row is its chat by `chat_template`, else `text_template` filled from its columns,
/// else `prompt_template` and `answer_template` one after the other, else the columns `text_cols`
/// joined by one space. With `dataset_type` `pair` a row is an input and an output by `pair_format`.
#[expect(clippy::struct_excessive_bools, reason = "the keys are Olive's")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-olive-ignored" = {
    "model_name": "the tokenizer is the input model's",
    "task": "the task is the input model's",
    "trust_remote_code": "code of models is never run"
}), extend("x-olive-unavailable" = {
    "text_formatting_func": {"reason": "Python code is never run; write `text_template`", "unless": [null]},
    "input_formatting_func": {"reason": "Python code is never run; write `input_template`", "unless": [null]},
    "output_formatting_func": {"reason": "Python code is never run; write `output_template`", "unless": [null]},
    "input_cols": {"reason": "rows are text; write `text_cols` or `text_template`", "unless": [null]},
    "label_col": {"reason": "labels are the text's own tokens", "unless": [null]},
    "label_cols": {"reason": "labels are the text's own tokens", "unless": [null, []]},
    "max_length": {"reason": "write `max_seq_len`", "unless": [null]},
    "padding": {"reason": "write `pad_to_max_len`", "unless": [null]}
}))]
pub struct PreProcess {
    /// Whether a row is one text or an input with its output.
    pub dataset_type: DatasetType,
    /// How tokenized rows become training blocks; pairs are one row a block.
    pub strategy: PackingStrategy,
    /// Length of a training block in tokens.
    #[schemars(range(min = 2, max = 1_048_576))]
    pub max_seq_len: usize,
    /// Tokens between the starts of two `join-sliding-window` blocks; needed there.
    ///
    /// The first `max_seq_len - stride` tokens of every block are context without labels.
    #[schemars(range(min = 1))]
    pub stride: Option<usize>,
    /// How a row's chat becomes text: `true` for the tokenizer's own template, or a Jinja template.
    pub chat_template: Option<ChatTemplate>,
    /// Column of a row's chat, a list of messages with `role` and `content`.
    pub message_col: String,
    /// Further variables of the chat template, such as `enable_thinking`.
    pub chat_template_kwargs: Map<String, Value>,
    /// Date that a chat template's `strftime_now` writes, as `2026-01-31`.
    ///
    /// Without it templates have no clock, so that a run made again makes the same text.
    #[schemars(
        regex(pattern = r"^\d{4}-\d{2}-\d{2}$"),
        extend("patternErrorMessage" = "a date such as `2026-01-31`")
    )]
    pub chat_template_date: Option<String>,
    /// Compute the loss on what the assistant says in a chat only.
    ///
    /// That is what stands in `{% generation %}` blocks of the template; without such blocks, what
    /// each message of the assistant adds to the prompt that asks for it.
    pub assistant_only_loss: bool,
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
    /// Compute the loss on `answer_template` only, not on `prompt_template`.
    ///
    /// Both make the text then, also beside a `text_template`.
    pub completion_only_loss: bool,
    /// What the columns of a `pair` are.
    pub pair_format: PairFormat,
    /// Input of a `custom` pair, filled like `text_template`.
    pub input_template: Option<String>,
    /// Column of the input of a `custom` pair, when there is no template.
    pub input_col: Option<String>,
    /// Output of a `custom` pair, filled like `text_template`.
    pub output_template: Option<String>,
    /// Column of the output of a `custom` pair, when there is no template.
    pub output_col: Option<String>,
    /// Length in tokens at which the input of a pair is cut; needed there.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub source_max_len: Option<usize>,
    /// Length in tokens at which the output of a pair is cut; needed there.
    ///
    /// A pair is padded to the sum of both lengths.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub target_max_len: Option<usize>,
    /// Compute the loss on the output of a pair only.
    pub ignore_source_in_labels: bool,
    /// Text between two rows of the `join` strategies; `null` inserts nothing.
    pub joiner: Option<String>,
    /// Wrap each text as `bos + " " + text + " " + eos`, with the tokens as strings.
    ///
    /// Chats are left as their template makes them.
    pub add_special_tokens: bool,
    /// Pad each block that is shorter to `max_seq_len`.
    pub pad_to_max_len: bool,
    /// Side of a block that is padded; `tokenizer` takes the tokenizer's own, as Olive up to 0.6.
    pub padding_side: PaddingSide,
    /// Leave padding out of attention and loss.
    pub use_attention_mask: bool,
    /// Drop rows shorter than `max_seq_len`; excludes `pad_to_max_len`.
    pub drop_short_sequences: bool,
    /// Keep rows in one block from seeing each other, with positions that start anew at each.
    ///
    /// For `join`; rows of the strategy `pack` never see each other.
    pub block_cross_document_attention: bool,
    /// Emit the last `join` block when it fits exactly; Olive up to 0.13 drops it.
    pub keep_exact_fit: bool,
    /// Treat every pad token of a block as padding; Olive up to 0.6 did, also where pad is eos.
    pub mask_pad_tokens: bool,
    /// Make at most this many blocks, or measure on at most this many rows.
    ///
    /// The random strategies need it: they draw this many.
    #[schemars(range(min = 1))]
    pub max_samples: Option<usize>,
    /// Seed of the random strategies, which need it.
    pub random_seed: Option<u64>,
    /// How often a random strategy draws a row anew when what it drew is too short.
    pub random_retries: usize,
    /// Rows taken together; `join-sliding-window` and `pack` do not reach over their border.
    #[schemars(range(min = 1))]
    pub processing_batch_size: usize,
}

impl Default for PreProcess {
    fn default() -> Self {
        Self {
            dataset_type: DatasetType::Corpus,
            strategy: PackingStrategy::Join,
            max_seq_len: 1024,
            stride: None,
            chat_template: None,
            message_col: "messages".into(),
            chat_template_kwargs: Map::new(),
            chat_template_date: None,
            assistant_only_loss: false,
            text_template: None,
            text_cols: Vec::new(),
            prompt_template: None,
            answer_template: None,
            completion_only_loss: false,
            pair_format: PairFormat::Default,
            input_template: None,
            input_col: None,
            output_template: None,
            output_col: None,
            source_max_len: None,
            target_max_len: None,
            ignore_source_in_labels: true,
            joiner: Some("\n\n".into()),
            add_special_tokens: true,
            pad_to_max_len: true,
            padding_side: PaddingSide::Right,
            use_attention_mask: true,
            drop_short_sequences: false,
            block_cross_document_attention: false,
            keep_exact_fit: true,
            mask_pad_tokens: false,
            max_samples: None,
            random_seed: None,
            random_retries: 10,
            processing_batch_size: 1024,
        }
    }
}

/// What a row is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DatasetType {
    /// One text.
    #[default]
    Corpus,
    /// An input and its output, cut on their own and put one after the other.
    Pair,
}

/// How tokenized rows become training blocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PackingStrategy {
    /// All rows in one stream, cut into blocks of `max_seq_len`; the remainder is dropped.
    #[default]
    Join,
    /// All rows in one stream, in blocks that start `stride` tokens apart.
    JoinSlidingWindow,
    /// Blocks of `max_seq_len` that start at randomly drawn rows.
    JoinRandom,
    /// One row a block, cut at `max_seq_len`.
    LineByLine,
    /// One randomly drawn row a block, cut at `max_seq_len`.
    LineByLineRandom,
    /// Whole rows, as many as fit into a block of `max_seq_len`, kept from seeing each other.
    ///
    /// Only rows longer than a block are cut. Best-fit decreasing, row by row, within
    /// `processing_batch_size` rows.
    Pack,
}

/// Side of a block that is padded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PaddingSide {
    /// After the text.
    #[default]
    Right,
    /// Before the text.
    Left,
    /// The side that `tokenizer_config.json` names.
    Tokenizer,
}

/// How a row's chat becomes text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ChatTemplate {
    /// By the tokenizer's own template, or not at all.
    Own(bool),
    /// By this Jinja template.
    Jinja(String),
}

/// What the columns of a pair are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PairFormat {
    /// `input` and `output`.
    #[default]
    Default,
    /// `instruction`, `input` if any, and `output`, as in Stanford's Alpaca.
    Alpaca,
    /// `text` with `<human>:` and `<bot>:`, as in OIG's chip2.
    Chip2,
    /// `prompt` and `completion`, as in Self-Instruct.
    SelfInstruct,
    /// `input_template` or `input_col`, and `output_template` or `output_col`.
    Custom,
}
