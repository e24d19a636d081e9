//! The loss on data that is not trained on.

use olive_kit_decoder::{Adapters, Transformer};

use crate::error::TrainError;
use crate::sequence::{Sequence, collate};
use crate::settings::TrainingSettings;

/// Mean loss over all labels of `sequences`, without dropout, whatever the size of a batch.
pub(crate) fn mean_loss(
    transformer: &Transformer,
    adapters: &Adapters,
    sequences: &[Sequence],
    settings: &TrainingSettings,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<f64, TrainError> {
    let (adapters, places) = (adapters.detached(), (0..sequences.len()).collect::<Vec<_>>());
    let (mut sum, mut count) = (0.0, 0);
    for places in places.chunks(settings.eval_batch_size.max(1)) {
        if is_cancelled() {
            return Err(TrainError::Cancelled);
        }
        let batch = collate(sequences, places, settings.pad_token_id);
        let hidden = transformer.hidden_states(&batch, &adapters, None)?;
        let loss = transformer.loss(&hidden, &batch)?;
        sum += f64::from(loss.mean.to_scalar::<f32>()?) * loss.count as f64;
        count += loss.count;
    }
    if count == 0 { Err(TrainError::NoEvaluationLabels) } else { Ok(sum / count as f64) }
}
