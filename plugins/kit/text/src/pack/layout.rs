//! What all strategies do alike: padding, masks, and counting.

use olive_schemas::data::{DatasetType, PackingStrategy, PaddingSide, PreProcess};

use crate::block::Block;
use crate::tokenizer::Tokenizer;
use crate::tokens::Tokens;

/// Blocks in the making, and how one is laid out.
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub(super) struct Blocks {
    /// Tokens of a block at most.
    pub(super) max_len: usize,
    /// Rows shorter than a block are left out.
    pub(super) drops_short: bool,
    /// Samples of a block do not see each other.
    pub(super) isolates: bool,
    /// Blocks that were made.
    pub(super) made: Vec<Block>,
    /// Tokens that came to no block.
    pub(super) dropped_tokens: usize,
    /// Padding in the blocks.
    pub(super) padding_tokens: usize,
    /// Blocks that are wanted.
    limit: usize,
    pads: bool,
    pads_left: bool,
    /// Fills blocks.
    filler: u32,
    /// Is padding wherever it stands.
    masked: Option<u32>,
}

impl Blocks {
    pub(super) fn new(tokenizer: &Tokenizer, settings: &PreProcess) -> Self {
        let masks_pad = settings.use_attention_mask && settings.mask_pad_tokens;
        let is_pair = settings.dataset_type == DatasetType::Pair;
        let is_packed = settings.strategy == PackingStrategy::Pack;
        let pair_len = settings.source_max_len.unwrap_or(0) + settings.target_max_len.unwrap_or(0);
        Self {
            max_len: if is_pair { pair_len } else { settings.max_seq_len },
            drops_short: settings.drop_short_sequences,
            isolates: is_packed || settings.block_cross_document_attention,
            made: Vec::new(),
            dropped_tokens: 0,
            padding_tokens: 0,
            limit: settings.max_samples.filter(|_| !is_pair).unwrap_or(usize::MAX),
            pads: settings.pad_to_max_len,
            pads_left: match settings.padding_side {
                PaddingSide::Right => false,
                PaddingSide::Left => true,
                PaddingSide::Tokenizer => tokenizer.pads_left(),
            },
            filler: tokenizer.pad_id().or(tokenizer.eos_id()).unwrap_or(0),
            masked: tokenizer.pad_id().filter(|_| masks_pad),
        }
    }

    /// Whether as many blocks are there as are wanted.
    pub(super) fn are_enough(&self) -> bool {
        self.made.len() >= self.limit
    }

    /// Adds a block of `tokens`, padded when blocks are; `sample_lengths` are those of its samples
    /// when they do not see each other.
    pub(super) fn push(&mut self, tokens: Tokens, sample_lengths: Option<Vec<u32>>) {
        let length = tokens.len();
        let padding = if self.pads { self.max_len.saturating_sub(length) } else { 0 };
        self.padding_tokens += padding;
        let content = if self.pads_left { padding..padding + length } else { 0..length };
        let mut ids = tokens.ids;
        let mut trained = tokens.trained;
        if padding > 0 {
            pad(&mut ids, self.filler, padding, self.pads_left);
            if let Some(trained) = &mut trained {
                pad(trained, false, padding, self.pads_left);
            }
        }
        ids.shrink_to_fit();
        let sees =
            |(position, id): (usize, &u32)| content.contains(&position) && self.masked != Some(*id);
        let is_masked = !ids.iter().enumerate().all(sees);
        let attention_mask = is_masked.then(|| ids.iter().enumerate().map(sees).collect());
        self.made.push(Block { input_ids: ids, attention_mask, trained, sample_lengths });
    }
}

fn pad<T: Copy>(values: &mut Vec<T>, filler: T, count: usize, left: bool) {
    values.resize(values.len() + count, filler);
    if left {
        values.rotate_right(count);
    }
}

/// The first token of each sample has no label: what stands before it is of another sample.
pub(super) fn untrain_starts(tokens: &mut Tokens, lengths: &[u32]) {
    if lengths.len() < 2 {
        return;
    }
    let length = tokens.len();
    let trained = tokens.trained.get_or_insert_with(|| vec![true; length]);
    let mut start = 0;
    for length in lengths {
        trained[start] = false;
        start += *length as usize;
    }
}
