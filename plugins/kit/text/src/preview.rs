//! What came of a data config, for people.

use olive_schemas::data::{DataConfig, PackingStrategy};
use serde::{Deserialize, Serialize};

use crate::block::Block;
use crate::error::TextError;
use crate::pack::{Packed, pack};
use crate::split::{EvalSize, split, split_sizes};
use crate::tokenizer::Tokenizer;

/// What a model will see of a data config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// Name of the data config.
    pub name: String,
    /// Its files, in order.
    pub files: Vec<String>,
    /// How rows become blocks.
    pub strategy: PackingStrategy,
    /// Tokens of a block at most.
    pub max_seq_len: usize,
    /// Rows that were read.
    pub rows: usize,
    /// Rows among them without text, which are left out.
    pub empty_rows: usize,
    /// Tokens of the rows, joiners included.
    pub tokens: usize,
    /// Tokens among them that are in no block.
    pub dropped_tokens: usize,
    /// Training blocks, those for evaluation included.
    pub blocks: usize,
    /// Tokens of the shortest block.
    pub shortest_block: usize,
    /// Tokens of the longest block.
    pub longest_block: usize,
    /// Tokens in blocks, padding included.
    pub block_tokens: usize,
    /// Padding among them.
    pub padding_tokens: usize,
    /// Positions among them without a label, padding included.
    pub masked_labels: usize,
    /// How blocks are divided, when some are kept back for evaluation.
    pub split: Option<SplitSizes>,
    /// The first blocks that are trained on, in their order before they are shuffled for training.
    pub first: Vec<BlockPreview>,
}

/// How blocks are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitSizes {
    /// Blocks to train on.
    pub train: usize,
    /// Blocks kept back for evaluation.
    pub eval: usize,
}

/// What is in a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockPreview {
    /// Tokens, padding included.
    pub tokens: usize,
    /// Positions without a label, padding included.
    pub masked_labels: usize,
    /// Its text, in pieces of one kind; together all of it.
    pub pieces: Vec<Piece>,
}

/// Neighboring tokens of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// What the model does with them.
    pub kind: PieceKind,
    /// Number of the sample they belong to, when samples of a block do not see each other.
    pub segment: Option<u32>,
    /// How many.
    pub tokens: usize,
    /// Their text, special tokens included.
    pub text: String,
}

/// What a model does with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PieceKind {
    /// Sees it and learns to predict it.
    Trained,
    /// Sees it.
    Context,
    /// Does not see it.
    Padding,
}

/// Packs the data of `config` and tells what came of it, with the text of the `first` blocks.
///
/// `eval` is the part kept back for evaluation and the seed it is drawn with.
///
/// # Errors
/// When the data cannot be packed or divided.
pub fn preview(
    tokenizer: &Tokenizer,
    config: &DataConfig,
    eval: Option<(EvalSize, u64)>,
    first: usize,
) -> Result<Preview, TextError> {
    let settings = &config.pre_process_data_config;
    let files = config.load_dataset_config.data_files.iter();
    let packed = pack(tokenizer, config)?;
    let Packed { blocks, num_rows, empty_rows, num_tokens, dropped_tokens, padding_tokens } =
        packed;
    let lengths = || blocks.iter().map(Block::len);
    let mut preview = Preview {
        name: config.name.clone(),
        files: files.map(|path| path.display().to_string()).collect(),
        strategy: settings.strategy,
        max_seq_len: settings.max_seq_len,
        rows: num_rows + empty_rows,
        empty_rows,
        tokens: num_tokens,
        dropped_tokens,
        blocks: blocks.len(),
        shortest_block: lengths().min().unwrap_or(0),
        longest_block: lengths().max().unwrap_or(0),
        block_tokens: lengths().sum(),
        padding_tokens,
        masked_labels: blocks.iter().map(masked_labels).sum(),
        split: None,
        first: Vec::new(),
    };
    let train = match eval {
        Some((size, seed)) => {
            let (train, eval) = split_sizes(blocks.len(), size)?;
            preview.split = Some(SplitSizes { train, eval });
            split(blocks, size, seed)?.0
        }
        None => blocks,
    };
    let shown = train.iter().take(first).map(|block| block_preview(tokenizer, block));
    preview.first = shown.collect::<Result<_, _>>()?;
    Ok(preview)
}

fn masked_labels(block: &Block) -> usize {
    (0..block.len()).filter(|&position| !block.is_trained(position)).count()
}

fn block_preview(tokenizer: &Tokenizer, block: &Block) -> Result<BlockPreview, TextError> {
    let segments = block.segments();
    let kind = |position: usize| {
        let kind = match (block.attends(position), block.is_trained(position)) {
            (false, _) => PieceKind::Padding,
            (true, false) => PieceKind::Context,
            (true, true) => PieceKind::Trained,
        };
        let segment = segments.as_ref().map(|segments| segments[position]);
        (kind, segment.filter(|_| kind != PieceKind::Padding))
    };
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < block.len() {
        let (of, segment) = kind(start);
        let same = (start..block.len()).take_while(|&position| kind(position) == (of, segment));
        let ids = &block.input_ids[start..start + same.count()];
        let text = tokenizer.decode_all(ids)?;
        pieces.push(Piece { kind: of, segment, tokens: ids.len(), text });
        start += ids.len();
    }
    Ok(BlockPreview { tokens: block.len(), masked_labels: masked_labels(block), pieces })
}
