//! Training blocks from a data config.

use olive_schemas::data::{DataConfig, PackingStrategy, PreProcess};

use crate::error::TextError;
use crate::rows::{self, files};
use crate::texts::texts;
use crate::tokenizer::Tokenizer;

/// Label of a position that has no part in the loss.
pub const IGNORED_LABEL: i64 = -100;

/// Rows tokenized at a time, as in Olive.
const BATCH_ROWS: usize = 1024;

/// One sequence to train on; its three lists have one length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Token ids.
    pub input_ids: Vec<u32>,
    /// Whether a position takes part in attention.
    pub attention_mask: Vec<bool>,
    /// The token ids, not shifted, or [`IGNORED_LABEL`].
    pub labels: Vec<i64>,
}

/// A packed data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The blocks, in the order of the data.
    pub blocks: Vec<Block>,
    /// Rows with text.
    pub num_rows: usize,
    /// Tokens of all rows, joiners included.
    pub num_tokens: usize,
    /// Tokens among them that are in no block.
    pub dropped_tokens: usize,
}

/// Reads, tokenizes and packs the data of `config` as Olive does.
///
/// `join` makes one stream of the tokens of each row followed by those of the joiner, and cuts it
/// into blocks of exactly `max_seq_len`; the remainder is dropped. `line-by-line` makes a block of
/// each row, cut at `max_seq_len` and padded to it on the right when asked. Memory is that of the
/// rows, their texts and the blocks.
///
/// # Errors
/// When settings exclude each other, files or templates do not fit, or no block is filled.
pub fn pack(tokenizer: &Tokenizer, config: &DataConfig) -> Result<Packed, TextError> {
    let settings = &config.pre_process_data_config;
    check(settings)?;
    let mut rows = rows::read(&config.load_dataset_config)?;
    rows.truncate(settings.max_samples.unwrap_or(usize::MAX));
    let texts = texts(tokenizer, &rows, settings)?;
    if texts.is_empty() {
        return Err(TextError::NoRows { files: files(&config.load_dataset_config) });
    }
    let mut packer = Packer::new(tokenizer, settings)?;
    for batch in texts.chunks(BATCH_ROWS) {
        packer.add(tokenizer.encode_batch(batch)?);
    }
    let packed = packer.finish();
    if packed.blocks.is_empty() {
        return Err(TextError::TooShort {
            files: files(&config.load_dataset_config),
            num_tokens: packed.num_tokens,
            num_rows: packed.num_rows,
            max_seq_len: settings.max_seq_len,
        });
    }
    Ok(packed)
}

/// Finds settings that exclude each other.
fn check(settings: &PreProcess) -> Result<(), TextError> {
    let problem = if settings.max_seq_len < 2 {
        "`max_seq_len` must be at least 2: a label needs a token before it"
    } else if settings.strategy == PackingStrategy::Join {
        return Ok(());
    } else if settings.drop_short_sequences && settings.pad_to_max_len {
        "`drop_short_sequences` and `pad_to_max_len` exclude each other: set one to false"
    } else if settings.pad_to_max_len && !settings.use_attention_mask {
        "`line-by-line` with `pad_to_max_len` needs `use_attention_mask`: padding would be trained on"
    } else {
        return Ok(());
    };
    Err(TextError::Settings { problem })
}

/// Blocks in the making.
struct Packer<'a> {
    settings: &'a PreProcess,
    joiner: Vec<u32>,
    /// Fills blocks.
    filler: u32,
    /// Is padding wherever it stands.
    masked: Option<u32>,
    /// Tokens of the `join` stream that are in no block yet.
    pending: Vec<u32>,
    packed: Packed,
}

impl<'a> Packer<'a> {
    fn new(tokenizer: &Tokenizer, settings: &'a PreProcess) -> Result<Self, TextError> {
        let masks_pad = settings.use_attention_mask && settings.mask_pad_tokens;
        Ok(Self {
            settings,
            joiner: tokenizer.encode_plain(settings.joiner.as_deref().unwrap_or_default())?,
            filler: tokenizer.pad_id().or(tokenizer.eos_id()).unwrap_or(0),
            masked: tokenizer.pad_id().filter(|_| masks_pad),
            pending: Vec::new(),
            packed: Packed { blocks: Vec::new(), num_rows: 0, num_tokens: 0, dropped_tokens: 0 },
        })
    }

    /// Packs a batch of rows.
    fn add(&mut self, rows: Vec<Vec<u32>>) {
        self.packed.num_rows += rows.len();
        match self.settings.strategy {
            PackingStrategy::Join => {
                for row in rows {
                    self.packed.num_tokens += row.len() + self.joiner.len();
                    self.pending.extend(row);
                    self.pending.extend_from_slice(&self.joiner);
                }
                self.cut();
            }
            PackingStrategy::LineByLine => rows.into_iter().for_each(|row| self.add_line(row)),
        }
    }

    /// Moves whole blocks out of the stream. Olive up to 0.13 stops before a block that ends where
    /// the stream does; if more rows come, it is not lost.
    fn cut(&mut self) {
        let length = self.settings.max_seq_len;
        let spare = usize::from(!self.settings.keep_exact_fit);
        let available = self.pending.len().saturating_sub(spare);
        let end = available / length * length;
        let rest = self.pending.split_off(end);
        let stream = std::mem::replace(&mut self.pending, rest);
        let blocks = stream.chunks_exact(length).map(|ids| self.block(ids.to_vec(), length));
        let blocks: Vec<_> = blocks.collect();
        self.packed.blocks.extend(blocks);
    }

    fn add_line(&mut self, mut ids: Vec<u32>) {
        let limit = self.settings.max_seq_len;
        let is_dropped =
            ids.is_empty() || (self.settings.drop_short_sequences && ids.len() < limit);
        let kept = if is_dropped { 0 } else { ids.len().min(limit) };
        self.packed.num_tokens += ids.len();
        self.packed.dropped_tokens += ids.len() - kept;
        if is_dropped {
            return;
        }
        ids.resize(if self.settings.pad_to_max_len { limit } else { kept }, self.filler);
        let block = self.block(ids, kept);
        self.packed.blocks.push(block);
    }

    /// The block of `ids`, of which the first `length` are no padding.
    fn block(&self, ids: Vec<u32>, length: usize) -> Block {
        let is_seen = |(position, &id): (usize, &u32)| position < length && self.masked != Some(id);
        let attention_mask: Vec<_> = ids.iter().enumerate().map(is_seen).collect();
        let seen = ids.iter().zip(&attention_mask);
        let labels = seen.map(|(&id, &seen)| if seen { i64::from(id) } else { IGNORED_LABEL });
        let labels = labels.collect();
        Block { input_ids: ids, attention_mask, labels }
    }

    fn finish(self) -> Packed {
        let dropped_tokens = self.packed.dropped_tokens + self.pending.len();
        Packed { dropped_tokens, ..self.packed }
    }
}
