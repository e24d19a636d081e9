//! Writing the weights of the checkpoint, a few rows at a time.

use olive_kit_checkpoint::{CheckpointWriter, Dtype, TensorSpec};
use olive_kit_gguf::GgufModel;
use olive_kit_gguf::plan::Target;
use olive_plugin_api::StepContext;

use crate::error::ImportError;

/// Values that are in memory at once.
const GROUP_VALUES: usize = 1 << 20;

/// Largest value float16 holds.
const MAX_F16: f32 = 65504.0;

/// Writes the weights of `model` into the output folder of `ctx` as `dtype`, in shards of at most
/// `max_shard_bytes`.
///
/// # Errors
/// When a file cannot be read or written, a value is out of range, or the step is cancelled.
pub fn weights(
    model: &GgufModel,
    dtype: Dtype,
    max_shard_bytes: usize,
    ctx: &StepContext<'_>,
) -> Result<(), ImportError> {
    let targets = model.targets();
    let specs = targets.iter().map(|target| TensorSpec::new(&*target.name, dtype, &*target.shape));
    let mut writer = CheckpointWriter::create(ctx.output_dir(), specs.collect(), max_shard_bytes)?;
    for (done, target) in (1..).zip(targets) {
        append(&mut writer, model, target, dtype)?;
        ctx.progress("tensor", done, targets.len() as u64, &[]);
        if ctx.is_cancelled() {
            return Err(ImportError::Cancelled);
        }
    }
    Ok(writer.finish()?)
}

fn append(
    writer: &mut CheckpointWriter,
    model: &GgufModel,
    target: &Target,
    dtype: Dtype,
) -> Result<(), ImportError> {
    let rows_at_once = (GROUP_VALUES / target.row_len().max(1)).max(1);
    for start in (0..target.num_rows()).step_by(rows_at_once) {
        let values = model.rows(target, start..(start + rows_at_once).min(target.num_rows()))?;
        if dtype == Dtype::F16
            && let Some(&value) = values.iter().find(|value| value.abs() > MAX_F16)
        {
            return Err(ImportError::Range { name: target.name.clone(), value });
        }
        writer.append_f32(&target.name, &values)?;
    }
    Ok(())
}
