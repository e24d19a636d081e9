//! Writing the merged checkpoint, some rows at a time.

use std::fs;

use olive_kit_checkpoint::{CheckpointError, CheckpointWriter, TensorSpec, files};
use olive_kit_merge::{Merge, Part};
use olive_plugin_api::{LogLevel, StepContext};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::StepError;

/// Values of a weight that are in memory at once.
const GROUP_VALUES: usize = 1 << 22;

/// Writes the merged checkpoint into the output folder of `ctx`, in shards of at most
/// `max_shard_bytes`.
///
/// # Errors
/// When a file cannot be read or written, or the step is cancelled.
pub fn write(
    merge: &Merge,
    max_shard_bytes: usize,
    ctx: &StepContext<'_>,
) -> Result<(), StepError> {
    let (threads, output) = (ctx.threads(), ctx.output_dir());
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|source| StepError::Threads { threads, source })?;
    let parts = merge.parts()?;
    explain(merge, &parts, ctx);
    let specs = parts.iter().map(|part| TensorSpec::new(&*part.name, part.dtype, &*part.shape));
    let mut writer = CheckpointWriter::create(output, specs.collect(), max_shard_bytes)?;
    for (done, part) in (1..).zip(&parts) {
        write_part(&mut writer, merge, part, &pool, ctx)?;
        ctx.progress("tensor", done, parts.len() as u64, &[]);
        check_cancelled(ctx)?;
    }
    writer.finish()?;
    let source = merge.base().dir();
    match merge.config() {
        None => {
            files::copy(&source.join("config.json"), output)?;
        }
        Some(config) => {
            let path = output.join("config.json");
            let written = fs::write(&path, config);
            written.map_err(|source| CheckpointError::Write { path, source })?;
        }
    }
    files::copy_companions(source, output)?;
    Ok(())
}

fn write_part(
    writer: &mut CheckpointWriter,
    merge: &Merge,
    part: &Part<'_>,
    pool: &ThreadPool,
    ctx: &StepContext<'_>,
) -> Result<(), StepError> {
    if part.shape.contains(&0) {
        return Ok(());
    }
    let weight = pool.install(|| merge.weight(part))?;
    let rows_at_once = (GROUP_VALUES / part.row_len().max(1)).max(1);
    for start in (0..part.num_rows()).step_by(rows_at_once) {
        check_cancelled(ctx)?;
        let rows = start..(start + rows_at_once).min(part.num_rows());
        let bytes = pool.install(|| weight.rows(rows));
        writer.append_bytes(&part.name, &bytes)?;
    }
    merge.release(&part.name);
    Ok(())
}

/// Says what a user would not expect.
fn explain(merge: &Merge, parts: &[Part<'_>], ctx: &StepContext<'_>) {
    let count = parts.iter().filter(|part| merge.is_dequantized(part)).count();
    if count > 0 {
        let message = format!(
            "the adapter was trained on 4-bit weights: {count} layers are dequantized from their \
             codes, merged in f32 and rounded once"
        );
        ctx.log(LogLevel::Info, message);
    }
    if merge.unties() {
        let message = "the adapter changes one of embedding and `lm_head`, which share a weight: \
                       the merged model has one for each";
        ctx.log(LogLevel::Info, message);
    }
}

fn check_cancelled(ctx: &StepContext<'_>) -> Result<(), StepError> {
    if ctx.is_cancelled() { Err(StepError::Cancelled) } else { Ok(()) }
}
