//! Training blocks from a data config.

mod check;
mod fit;
mod join;
mod layout;
mod lines;
mod random;

use olive_schemas::data::{DataConfig, DatasetType, PackingStrategy, PreProcess};

use self::fit::Fit;
use self::join::Join;
use self::layout::Blocks;
use self::lines::Lines;
use self::random::Drawn;
use crate::block::Block;
use crate::error::TextError;
use crate::rows::{self, Row, files};
use crate::sample::{Renderer, Sample};
use crate::tokenizer::Tokenizer;
use crate::tokens::Tokens;

/// Rows tokenized at a time where the number changes nothing, as in Olive.
const BATCH_ROWS: usize = 1024;

/// A packed data set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packed {
    /// The blocks, in the order of the data.
    pub blocks: Vec<Block>,
    /// Rows with text.
    pub num_rows: usize,
    /// Rows without text, which are left out.
    pub empty_rows: usize,
    /// Tokens of all rows, joiners included.
    pub num_tokens: usize,
    /// Tokens among them that are in no block.
    pub dropped_tokens: usize,
    /// Padding in the blocks.
    pub padding_tokens: usize,
}

/// Reads, tokenizes and packs the data of `config` as Olive does.
///
/// Files are read row by row: memory is that of one batch of rows and of the tokens, four bytes
/// each, with a further byte each where some have no label and one where some are padding.
///
/// # Errors
/// When settings exclude each other, files or templates do not fit, or no block is filled.
pub fn pack(tokenizer: &Tokenizer, config: &DataConfig) -> Result<Packed, TextError> {
    let load = &config.load_dataset_config;
    let settings = &config.pre_process_data_config;
    let mut packer = Packer::new(tokenizer, settings)?;
    for row in rows::open(load) {
        packer.add(&row?)?;
        if packer.is_full() {
            break;
        }
    }
    let max_seq_len = packer.blocks.max_len;
    let packed = packer.finish()?;
    if packed.num_rows == 0 {
        return Err(TextError::NoRows { files: files(load) });
    }
    if packed.blocks.is_empty() {
        return Err(TextError::TooShort {
            files: files(load),
            num_tokens: packed.num_tokens,
            num_rows: packed.num_rows,
            max_seq_len,
        });
    }
    Ok(packed)
}

/// Takes rows one by one and makes blocks of them.
pub(crate) struct Packer<'a> {
    renderer: Renderer<'a>,
    strategy: Box<dyn Strategy>,
    blocks: Blocks,
    /// Tokens between rows, which belong to the row before.
    joiner_len: usize,
    /// Texts that are not tokenized yet.
    waiting: Vec<Sample>,
    batch_rows: usize,
    /// Rows that may still come.
    rows_left: usize,
    num_rows: usize,
    empty_rows: usize,
    num_tokens: usize,
}

/// How tokenized rows become blocks.
trait Strategy {
    /// Takes a batch of rows.
    fn add(&mut self, rows: Vec<Tokens>, blocks: &mut Blocks);

    /// Makes what blocks are left, and counts what came to none.
    fn finish(self: Box<Self>, blocks: &mut Blocks);
}

impl<'a> Packer<'a> {
    /// Makes blocks as `settings` say.
    ///
    /// # Errors
    /// When settings exclude each other or a template cannot be understood.
    pub(crate) fn new(
        tokenizer: &'a Tokenizer,
        settings: &'a PreProcess,
    ) -> Result<Self, TextError> {
        check::settings(settings)?;
        let joiner = match settings.strategy {
            _ if settings.dataset_type == DatasetType::Pair => Vec::new(),
            PackingStrategy::Join
            | PackingStrategy::JoinSlidingWindow
            | PackingStrategy::JoinRandom => {
                tokenizer.encode_plain(settings.joiner.as_deref().unwrap_or_default())?
            }
            PackingStrategy::LineByLine
            | PackingStrategy::LineByLineRandom
            | PackingStrategy::Pack => Vec::new(),
        };
        let is_pair = settings.dataset_type == DatasetType::Pair;
        let has_borders = [PackingStrategy::JoinSlidingWindow, PackingStrategy::Pack]
            .contains(&settings.strategy);
        Ok(Self {
            renderer: Renderer::new(tokenizer, settings)?,
            joiner_len: joiner.len(),
            strategy: strategy(settings, joiner),
            blocks: Blocks::new(tokenizer, settings),
            waiting: Vec::new(),
            batch_rows: if has_borders { settings.processing_batch_size } else { BATCH_ROWS },
            rows_left: settings.max_samples.filter(|_| is_pair).unwrap_or(usize::MAX),
            num_rows: 0,
            empty_rows: 0,
            num_tokens: 0,
        })
    }

    /// Takes the text of `row`; it is tokenized with those of its batch.
    ///
    /// # Errors
    /// When the row does not fit the settings or the tokenizer refuses a text.
    pub(crate) fn add(&mut self, row: &Row) -> Result<(), TextError> {
        if self.is_full() {
            return Ok(());
        }
        self.rows_left -= 1;
        let Some(sample) = self.renderer.render(row)? else {
            self.empty_rows += 1;
            return Ok(());
        };
        self.num_rows += 1;
        self.waiting.push(sample);
        if self.waiting.len() < self.batch_rows { Ok(()) } else { self.tokenize() }
    }

    /// Whether as many blocks are made, or rows taken, as `max_samples` asks for.
    pub(crate) fn is_full(&self) -> bool {
        self.rows_left == 0 || self.blocks.are_enough()
    }

    /// The blocks of all rows.
    ///
    /// # Errors
    /// When the tokenizer refuses a text.
    pub(crate) fn finish(mut self) -> Result<Packed, TextError> {
        self.tokenize()?;
        self.strategy.finish(&mut self.blocks);
        Ok(Packed {
            blocks: self.blocks.made,
            num_rows: self.num_rows,
            empty_rows: self.empty_rows,
            num_tokens: self.num_tokens,
            dropped_tokens: self.blocks.dropped_tokens,
            padding_tokens: self.blocks.padding_tokens,
        })
    }

    fn tokenize(&mut self) -> Result<(), TextError> {
        let rows = self.renderer.tokenize(std::mem::take(&mut self.waiting))?;
        self.num_tokens += rows.iter().map(|row| row.len() + self.joiner_len).sum::<usize>();
        self.strategy.add(rows, &mut self.blocks);
        Ok(())
    }
}

/// The strategy that checked `settings` name.
fn strategy(settings: &PreProcess, joiner: Vec<u32>) -> Box<dyn Strategy> {
    let (seed, samples) =
        (settings.random_seed.unwrap_or_default(), settings.max_samples.unwrap_or_default());
    let (length, keeps) = (settings.max_seq_len, settings.keep_exact_fit);
    if settings.dataset_type == DatasetType::Pair {
        return Box::new(Lines);
    }
    match settings.strategy {
        PackingStrategy::Join => Box::new(Join::new(joiner, length, 0, keeps)),
        PackingStrategy::JoinSlidingWindow => {
            let step = settings.stride.unwrap_or(length);
            Box::new(Join::new(joiner, step, length - step, keeps))
        }
        PackingStrategy::JoinRandom => {
            Box::new(Drawn::new(seed, samples, settings.random_retries, Some(joiner)))
        }
        PackingStrategy::LineByLine => Box::new(Lines),
        PackingStrategy::LineByLineRandom => {
            Box::new(Drawn::new(seed, samples, settings.random_retries, None))
        }
        PackingStrategy::Pack => Box::new(Fit),
    }
}
