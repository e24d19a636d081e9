//! From data configs to blocks of tokens.

use std::path::Path;

use olive_kit_text::{Block, EvalSize, Packed, Tokenizer, pack, split};
use olive_kit_train::Sequence;
use olive_plugin_api::{DataConfig, StepContext};

use crate::config::Common;
use crate::error::LoraError;
use crate::settings::data_seed;

const TRAIN: &str = "/train_data_config";
const EVAL: &str = "/eval_data_config";
const EVAL_SIZE: &str = "/eval_dataset_size";

/// Blocks to train and evaluate on.
pub(crate) struct TrainingBlocks {
    /// Blocks that are trained on, at least one.
    pub(crate) train: Vec<Sequence>,
    /// Blocks for the evaluation loss, possibly none.
    pub(crate) eval: Vec<Sequence>,
    num_rows: usize,
    num_tokens: usize,
    dropped_tokens: usize,
}

impl TrainingBlocks {
    /// What the data is, in a sentence.
    pub(crate) fn summary(&self) -> String {
        format!(
            "{} rows are {} tokens: {} blocks to train on, {} for evaluation, {} tokens left over",
            self.num_rows,
            self.num_tokens,
            self.train.len(),
            self.eval.len(),
            self.dropped_tokens,
        )
    }

    /// Tokens of all blocks.
    pub(crate) fn num_tokens(&self) -> usize {
        self.train.iter().chain(&self.eval).map(Sequence::len).sum()
    }

    /// Tokens of the longest block that is trained on, without what has no part in the loss.
    pub(crate) fn longest(&self) -> usize {
        self.train.iter().map(|block| block.used().len()).max().unwrap_or(0)
    }
}

/// Reads, tokenizes and packs what the config names, with the tokenizer in `model_dir`.
///
/// # Errors
/// [`LoraError::Refused`] when the data does not fit the config.
pub(crate) fn load(
    model_dir: &Path,
    config: &Common,
    ctx: &StepContext<'_>,
) -> Result<TrainingBlocks, LoraError> {
    let tokenizer = Tokenizer::open(model_dir).map_err(|error| error.finding(""))?;
    let packed = packed(&tokenizer, ctx.data_config(&config.train_data_config)?, TRAIN)?;
    let Packed { blocks, num_rows, num_tokens, dropped_tokens, .. } = packed;
    let (train, eval) = match (&config.eval_data_config, config.eval_dataset_size) {
        (Some(name), _) => (blocks, self::packed(&tokenizer, ctx.data_config(name)?, EVAL)?.blocks),
        (None, Some(size)) => {
            let seed = data_seed(&config.training_args());
            split(blocks, EvalSize::of(size), seed).map_err(|error| error.finding(EVAL_SIZE))?
        }
        (None, None) => (blocks, Vec::new()),
    };
    let sequences = |blocks: Vec<Block>| blocks.into_iter().map(sequence).collect();
    Ok(TrainingBlocks {
        train: sequences(train),
        eval: sequences(eval),
        num_rows,
        num_tokens,
        dropped_tokens,
    })
}

/// The blocks of one data config, at least one.
fn packed(tokenizer: &Tokenizer, data: &DataConfig, pointer: &str) -> Result<Packed, LoraError> {
    pack(tokenizer, data).map_err(|error| error.finding(pointer).into())
}

fn sequence(block: Block) -> Sequence {
    let is_masked = block.attention_mask.is_some() || block.trained.is_some();
    let label_mask = is_masked.then(|| (0..block.len()).map(|at| block.is_trained(at)).collect());
    let segments = block.segments();
    let Block { input_ids, attention_mask, .. } = block;
    Sequence { input_ids, attention_mask, label_mask, segments }
}
