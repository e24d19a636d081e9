//! Part of the blocks kept back for evaluation.

use crate::block::Block;
use crate::error::TextError;
use crate::pcg64::permutation;

/// How much is kept back for evaluation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EvalSize {
    /// A share between 0 and 1, rounded up to whole blocks.
    Share(f64),
    /// A number of blocks.
    Count(usize),
}

impl EvalSize {
    /// As a config says it: a share below 1, or a count; any other number is a share that [`split`]
    /// refuses.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number of 1 or more; out of range saturates"
    )]
    pub fn of(size: f64) -> Self {
        if size >= 1.0 && size.fract() == 0.0 {
            Self::Count(size as usize)
        } else {
            Self::Share(size)
        }
    }
}

/// Shuffles `blocks` and gives those to train on and those to evaluate on.
///
/// As `train_test_split` of the `datasets` library does: the evaluation blocks are the first of
/// numpy's `default_rng(seed).permutation`, the training blocks the rest, both in its order.
///
/// # Errors
/// When a share is not between 0 and 1, or either side would be empty.
pub fn split(
    blocks: Vec<Block>,
    size: EvalSize,
    seed: u64,
) -> Result<(Vec<Block>, Vec<Block>), TextError> {
    let num_blocks = blocks.len();
    let (_, num_eval) = split_sizes(num_blocks, size)?;
    let mut blocks: Vec<_> = blocks.into_iter().map(Some).collect();
    let order = permutation(num_blocks, seed);
    let mut shuffled = order.into_iter().filter_map(|index| blocks[index].take());
    let eval = shuffled.by_ref().take(num_eval).collect();
    Ok((shuffled.collect(), eval))
}

/// How many of `num_blocks` blocks are trained on, and how many are kept back.
///
/// # Errors
/// When a share is not between 0 and 1, or either side would be empty.
pub(crate) fn split_sizes(num_blocks: usize, size: EvalSize) -> Result<(usize, usize), TextError> {
    let num_eval = count(size, num_blocks)?;
    let refused = |left_out| {
        let size = match size {
            EvalSize::Share(share) => share.to_string(),
            EvalSize::Count(count) => count.to_string(),
        };
        Err(TextError::Split { size, num_blocks, left_out })
    };
    if num_eval == 0 {
        return refused("evaluate");
    }
    if num_eval >= num_blocks {
        return refused("train");
    }
    Ok((num_blocks - num_eval, num_eval))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a count lies between 0 and the count"
)]
fn count(size: EvalSize, num_blocks: usize) -> Result<usize, TextError> {
    match size {
        EvalSize::Count(count) => Ok(count),
        EvalSize::Share(share) if share > 0.0 && share < 1.0 => {
            Ok((num_blocks as f64 * share).ceil() as usize)
        }
        EvalSize::Share(share) => Err(TextError::Share { share }),
    }
}
