//! Writing the planned weights, a few rows at a time.

use olive_kit_checkpoint::{CheckpointWriter, Dtype, TensorSpec};
use olive_plugin_api::StepContext;

use crate::error::ImportError;
use crate::gguf::Gguf;
use crate::plan::{Plan, Source, Target};

/// Values that are in memory at once.
const GROUP_VALUES: usize = 1 << 20;

/// Largest value float16 holds.
const MAX_F16: f32 = 65504.0;

/// Writes the tensors of `plan` into the output folder of `ctx` as `dtype`, in shards of at most
/// `max_shard_bytes`.
///
/// # Errors
/// When a file cannot be read or written, a value is out of range, or the step is cancelled.
pub fn write(
    gguf: &Gguf,
    plan: &Plan<'_>,
    dtype: Dtype,
    max_shard_bytes: usize,
    ctx: &StepContext<'_>,
) -> Result<(), ImportError> {
    let targets = &plan.targets;
    let specs = targets
        .iter()
        .map(|target| TensorSpec::new(target.name.as_str(), dtype, target.shape.as_slice()));
    let mut writer = CheckpointWriter::create(ctx.output_dir(), specs.collect(), max_shard_bytes)?;
    for (done, target) in (1..).zip(targets) {
        for source in &target.sources {
            append(&mut writer, gguf, target, source, dtype)?;
        }
        ctx.progress("tensor", done, targets.len() as u64, &[]);
        if ctx.is_cancelled() {
            return Err(ImportError::Cancelled);
        }
    }
    Ok(writer.finish()?)
}

fn append(
    writer: &mut CheckpointWriter,
    gguf: &Gguf,
    target: &Target<'_>,
    source: &Source<'_>,
    dtype: Dtype,
) -> Result<(), ImportError> {
    let tensor = source.tensor;
    let rows_at_once = (GROUP_VALUES / tensor.row_len().max(1)).max(1);
    let rows_at_once = rows_at_once.next_multiple_of(source.interleaved.unwrap_or(1));
    for start in (0..tensor.num_rows()).step_by(rows_at_once) {
        let rows = start..(start + rows_at_once).min(tensor.num_rows());
        let mut values = gguf.rows(tensor, rows)?;
        if let Some(head_dim) = source.interleaved {
            values = separate_halves(&values, head_dim, tensor.row_len());
        }
        if dtype == Dtype::F16
            && let Some(&value) = values.iter().find(|value| value.abs() > MAX_F16)
        {
            return Err(ImportError::Range { name: tensor.name.clone(), value });
        }
        writer.append_f32(&target.name, &values)?;
    }
    Ok(())
}

/// Undoes the row order of llama.cpp, whose rope turns neighboring entries of a head, for
/// transformers, whose rope turns an entry with the one half a head away: within each head, even
/// rows first, then odd ones.
///
/// `values` are whole heads, `[heads * head_dim, row_len]`.
fn separate_halves(values: &[f32], head_dim: usize, row_len: usize) -> Vec<f32> {
    let mut separated = Vec::with_capacity(values.len());
    for head in values.chunks(head_dim * row_len) {
        for parity in 0..2 {
            for row in head.chunks(row_len).skip(parity).step_by(2) {
                separated.extend_from_slice(row);
            }
        }
    }
    separated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_rows_of_each_head_come_first() {
        let rows = |order: [u8; 8]| order.map(|row| [f32::from(row); 2]).concat();
        let separated = separate_halves(&rows([0, 1, 2, 3, 4, 5, 6, 7]), 4, 2);
        assert_eq!(separated, rows([0, 2, 1, 3, 4, 6, 5, 7]));
    }
}
