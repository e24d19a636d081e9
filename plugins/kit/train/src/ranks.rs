//! What several processes that train together share out, agree on and sum.

use std::path::{Path, PathBuf};

use olive_kit_adapters::Gradients;
use olive_kit_collective::{Collective, CollectiveError};

use crate::checkpoint::Identity;
use crate::error::TrainError;

/// The sequences of `blocks` that this rank computes on: every so-manieth, so that ranks get about
/// as much of what is sorted by length.
pub(crate) fn share(blocks: &[usize], group: &dyn Collective) -> Vec<usize> {
    blocks.iter().copied().skip(group.rank()).step_by(group.ranks()).collect()
}

/// What a rank has computed of a step, or all of them together.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StepSums {
    /// Sum of the losses of its labels, over the labels of the whole step.
    pub(crate) loss: f64,
    /// Tokens that were computed on.
    pub(crate) tokens: usize,
    /// Whether it was asked to stop: what it computed is then not whole.
    pub(crate) is_cancelled: bool,
}

impl StepSums {
    /// Those of all ranks, and the sums of their gradients.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of tokens, exact up to 2^53"
    )]
    pub(crate) fn over(
        self,
        group: &mut dyn Collective,
        gradients: &mut Gradients,
    ) -> Result<Self, CollectiveError> {
        if group.ranks() == 1 {
            return Ok(self);
        }
        let mut figures = [self.loss, self.tokens as f64, f64::from(u8::from(self.is_cancelled))];
        group.sum_f64(&mut figures)?;
        let [loss, tokens, cancelled] = figures;
        let sums = Self { loss, tokens: tokens as usize, is_cancelled: cancelled > 0.0 };
        if !sums.is_cancelled {
            // In one piece: a message for each of some hundred factors would take longer.
            let mut all = gradients.as_slice().concat();
            group.sum_f32(&mut all)?;
            let mut rest = all.as_slice();
            for gradient in gradients.as_mut_slice() {
                let (values, more) = rest.split_at(gradient.len());
                gradient.copy_from_slice(values);
                rest = more;
            }
        }
        Ok(sums)
    }
}

/// Makes sure that all ranks train the same: that of rank 0.
pub(crate) fn agree(group: &mut dyn Collective, identity: &Identity) -> Result<(), TrainError> {
    let mut bytes = serde_json::to_vec(identity).unwrap_or_default();
    group.broadcast(&mut bytes)?;
    let first: Option<Identity> = serde_json::from_slice(&bytes).ok();
    let difference = match first {
        Some(first) => identity.difference(&first),
        None => Some("it is of another version".to_owned()),
    };
    match difference {
        Some(difference) => {
            Err(TrainError::OtherRank { rank: group.rank(), ranks: group.ranks(), difference })
        }
        None => Ok(()),
    }
}

/// The checkpoint that all ranks go on from: the one that rank 0 has chosen.
pub(crate) fn agreed(
    group: &mut dyn Collective,
    chosen: Option<&Path>,
) -> Result<Option<PathBuf>, TrainError> {
    let text = chosen.map(|path| path.to_string_lossy().into_owned());
    let mut bytes = text.unwrap_or_default().into_bytes();
    group.broadcast(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok((!text.is_empty()).then(|| PathBuf::from(&*text)))
}
