//! The loss on data that is not trained on.

use olive_kit_adapters::Adapters;
use olive_kit_collective::Collective;
use olive_kit_decoder::Engine;

use crate::batches::{Cut, batches};
use crate::error::TrainError;
use crate::ranks::share;
use crate::sequence::Sequence;

/// Mean loss over all labels of `sequences`, without dropout, whatever the size of a batch, each
/// rank computing its share; `None` when a rank was cancelled. Without labels it is not a number.
pub(crate) fn mean_loss(
    engine: &mut dyn Engine,
    adapters: &Adapters,
    sequences: &[Sequence],
    cut: Cut,
    group: &mut dyn Collective,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Option<f64>, TrainError> {
    let places: Vec<_> = (0..sequences.len()).collect();
    let (mut sum, mut count, mut cancelled) = (0.0, 0, 0.0);
    for part in batches(sequences, &share(&places, group), cut) {
        if is_cancelled() {
            cancelled = 1.0;
            break;
        }
        sum += engine.loss(&part.batch, adapters)?;
        count += part.batch.num_labels();
    }
    let mut figures = [sum, count as f64, cancelled];
    group.sum_f64(&mut figures)?;
    let [sum, count, cancelled] = figures;
    Ok((cancelled == 0.0).then_some(sum / count))
}
