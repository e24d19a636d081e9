//! The loss on data that is not trained on.

use olive_kit_adapters::Adapters;
use olive_kit_decoder::{DecoderError, Engine};

use crate::batches::{Cut, batches};
use crate::sequence::Sequence;

/// Mean loss over all labels of `sequences`, without dropout, whatever the size of a batch; `None`
/// when cancelled. Without labels it is not a number.
pub(crate) fn mean_loss(
    engine: &mut dyn Engine,
    adapters: &Adapters,
    sequences: &[Sequence],
    cut: Cut,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Option<f64>, DecoderError> {
    let places: Vec<_> = (0..sequences.len()).collect();
    let (mut sum, mut count) = (0.0, 0);
    for part in batches(sequences, &places, cut) {
        if is_cancelled() {
            return Ok(None);
        }
        sum += engine.loss(&part.batch, adapters)?;
        count += part.batch.num_labels();
    }
    Ok(Some(sum / count as f64))
}
