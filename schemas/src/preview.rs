//! Previews: what a model will see of a data set.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::Diagnostic;

/// Config of a preview step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewConfig {
    /// Name of the data config, which comes with the step.
    pub data_config: String,
    /// Rows whose text and tokens are wanted, the first ones.
    pub rows: usize,
    /// Training blocks whose content is wanted, the first ones.
    pub blocks: usize,
    /// How blocks are kept back for evaluation, when some are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<PreviewSplit>,
}

/// How blocks are kept back for evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewSplit {
    /// How many: a share below 1, or a count.
    pub eval_size: f64,
    /// Seed of the choice.
    pub seed: u64,
}

/// What a previewer answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Previewed {
    /// What there is to see.
    Data(DataPreview),
    /// What is wrong with the data; pointers lead into the data config.
    Refused(Vec<Diagnostic>),
}

/// What a model will see of a data set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DataPreview {
    /// Files that were read, in order.
    pub files: Vec<PathBuf>,
    /// How rows become blocks, as a config spells it.
    pub strategy: String,
    /// Tokens of a block at most.
    pub max_seq_len: usize,
    /// Rows that were read.
    pub num_rows: usize,
    /// Rows among them without text, which are left out.
    pub num_empty_rows: usize,
    /// Tokens of all rows, joiners included.
    pub num_tokens: usize,
    /// Tokens among them that are in no block.
    pub num_dropped_tokens: usize,
    /// Blocks, those for evaluation included.
    pub num_blocks: usize,
    /// Tokens of the shortest block.
    pub shortest_block: usize,
    /// Tokens of the longest block.
    pub longest_block: usize,
    /// Tokens in all blocks, padding included.
    pub num_block_tokens: usize,
    /// Padding among them.
    pub num_padding_tokens: usize,
    /// Positions among them that are not learned, padding included.
    pub num_masked_labels: usize,
    /// How blocks are divided, when some are kept back for evaluation.
    pub split: Option<SplitSizes>,
    /// The first rows.
    pub rows: Vec<RowPreview>,
    /// The first training blocks.
    pub blocks: Vec<BlockPreview>,
}

/// How blocks are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SplitSizes {
    /// Blocks to train on.
    pub train: usize,
    /// Blocks kept back for evaluation.
    pub eval: usize,
}

/// One row as the model gets it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RowPreview {
    /// Its text, special tokens included.
    pub text: String,
    /// Its tokens.
    pub tokens: Vec<TokenPreview>,
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenPreview {
    /// Its number in the vocabulary.
    pub id: u32,
    /// The text that it alone stands for.
    pub text: String,
}

/// What is in a block.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BlockPreview {
    /// Tokens, padding included.
    pub num_tokens: usize,
    /// Positions that are not learned, padding included.
    pub num_masked_labels: usize,
    /// Its text in pieces of one kind; together all of it.
    pub pieces: Vec<BlockPiece>,
}

/// Neighboring tokens that the model treats alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlockPiece {
    /// What the model does with them.
    pub kind: PieceKind,
    /// Number of the sample they belong to, where samples of a block do not see each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<u32>,
    /// How many tokens they are.
    pub num_tokens: usize,
    /// Their text, special tokens included.
    pub text: String,
}

/// What a model does with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PieceKind {
    /// Sees it and learns to predict it.
    Trained,
    /// Sees it, and does not learn it.
    Masked,
    /// Does not see it.
    Padding,
}
