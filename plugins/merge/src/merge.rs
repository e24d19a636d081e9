//! From a checkpoint and an adapter to the merged checkpoint, tensor by tensor.

mod parts;

use std::fs;
use std::path::Path;

use olive_kit_adapters::{AdapterFolder, QuantizedBase};
use olive_kit_checkpoint::{
    Checkpoint, CheckpointError, CheckpointWriter, Dtype, Tensor, TensorSpec, files,
};
use olive_plugin_api::{LogLevel, StepContext};
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde_json::Value;

use self::parts::{Part, Source};
use crate::error::MergeError;
use crate::weight::BaseWeight;

/// Values of a weight that are in memory at once.
const GROUP_VALUES: usize = 1 << 22;

/// A checkpoint and an adapter that fits it.
#[derive(Debug)]
pub struct Merge<'a> {
    checkpoint: &'a Checkpoint,
    adapter: &'a AdapterFolder,
    quantized: Option<QuantizedBase>,
    /// Whether embedding and `lm_head`, one weight before, become two.
    unties: bool,
}

impl<'a> Merge<'a> {
    /// Merges `adapter`, which was opened for the checkpoint's decoder; `quantized` says how the
    /// checkpoint's weights were held while it was trained.
    ///
    /// # Errors
    /// When a tensor of the adapter cannot be read.
    pub fn new(
        checkpoint: &'a Checkpoint,
        adapter: &'a AdapterFolder,
        quantized: Option<QuantizedBase>,
    ) -> Result<Self, MergeError> {
        let unties = checkpoint.decoder().ties_embeddings && parts::is_untied(adapter)?;
        Ok(Self { checkpoint, adapter, quantized, unties })
    }

    /// Writes the merged checkpoint into the output folder of `ctx`, in shards of at most
    /// `max_shard_bytes`.
    ///
    /// # Errors
    /// When a file cannot be read or written, or the step is cancelled.
    pub fn write(&self, max_shard_bytes: usize, ctx: &StepContext<'_>) -> Result<(), MergeError> {
        let (threads, output) = (ctx.threads(), ctx.output_dir());
        let pool = ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|source| MergeError::Threads { threads, source })?;
        let parts = self.parts()?;
        self.explain(&parts, ctx);
        let specs = parts.iter().map(|part| TensorSpec::new(&*part.name, part.dtype, &*part.shape));
        let mut writer = CheckpointWriter::create(output, specs.collect(), max_shard_bytes)?;
        for (done, part) in (1..).zip(&parts) {
            self.write_part(&mut writer, part, &pool, ctx)?;
            ctx.progress("tensor", done, parts.len() as u64, &[]);
            check_cancelled(ctx)?;
        }
        writer.finish()?;
        self.write_config(output)?;
        files::copy_companions(self.checkpoint.dir(), output)?;
        Ok(())
    }

    fn write_part(
        &self,
        writer: &mut CheckpointWriter,
        part: &Part<'_>,
        pool: &ThreadPool,
        ctx: &StepContext<'_>,
    ) -> Result<(), MergeError> {
        match &part.source {
            _ if part.shape.contains(&0) => Ok(()),
            Source::Copied(tensor) => {
                writer.append_bytes(&part.name, tensor.bytes)?;
                self.checkpoint.release(tensor.name);
                Ok(())
            }
            Source::Replaced(tensor) => append_converted(writer, part, tensor, ctx),
            Source::Merged { linear, is_adapted } => {
                let adapter = is_adapted.then(|| self.adapter.layer(linear)).transpose()?;
                let base = pool.install(|| self.base_weight(linear))?;
                let (num_rows, row_len) = (linear.out_features, linear.in_features);
                for start in (0..num_rows).step_by(group_rows(row_len)) {
                    check_cancelled(ctx)?;
                    let rows = start..(start + group_rows(row_len)).min(num_rows);
                    let merge = || base.merged(adapter.as_ref(), rows, part.dtype);
                    for bytes in pool.install(merge) {
                        writer.append_bytes(&part.name, &bytes)?;
                    }
                }
                if let BaseWeight::Dense(tensor) = base {
                    self.checkpoint.release(tensor.name);
                }
                Ok(())
            }
        }
    }

    /// Copies `config.json`, changed where the merged model is another one.
    fn write_config(&self, output: &Path) -> Result<(), MergeError> {
        let source = self.checkpoint.dir().join("config.json");
        let is_quantized = self.checkpoint.description().quantization.is_some();
        if !self.unties && !is_quantized {
            files::copy(&source, output)?;
            return Ok(());
        }
        let mut config = self.checkpoint.config().clone();
        if self.unties {
            config.insert("tie_word_embeddings".into(), false.into());
        }
        config.shift_remove("quantization_config");
        let path = output.join("config.json");
        let text = format!("{:#}\n", Value::Object(config));
        let written = fs::write(&path, text);
        written.map_err(|source| CheckpointError::Write { path, source })?;
        Ok(())
    }

    /// Says what a user would not expect.
    fn explain(&self, parts: &[Part<'_>], ctx: &StepContext<'_>) {
        let is_four_bit = |part: &&Part<'_>| match &part.source {
            Source::Merged { linear, .. } => self.is_four_bit(linear),
            Source::Copied(_) | Source::Replaced(_) => false,
        };
        let count = parts.iter().filter(is_four_bit).count();
        if count > 0 {
            let message = format!(
                "the adapter was trained on 4-bit weights: {count} layers are dequantized from \
                 their codes, merged in f32 and rounded once"
            );
            ctx.log(LogLevel::Info, message);
        }
        if self.unties {
            let message = "the adapter changes one of embedding and `lm_head`, which share a \
                           weight: the merged model has one for each";
            ctx.log(LogLevel::Info, message);
        }
    }
}

/// Rows of a weight that are in memory at once, whole blocks of them.
fn group_rows(row_len: usize) -> usize {
    let block = olive_kit_adapters::BLOCK_ROWS;
    (GROUP_VALUES / row_len.max(1)).next_multiple_of(block).max(block)
}

fn append_converted(
    writer: &mut CheckpointWriter,
    part: &Part<'_>,
    tensor: &Tensor<'_>,
    ctx: &StepContext<'_>,
) -> Result<(), MergeError> {
    let rows = (GROUP_VALUES / tensor.row_len().max(1)).max(1);
    for start in (0..tensor.num_rows()).step_by(rows) {
        check_cancelled(ctx)?;
        let values = tensor.rows_f32(start..(start + rows).min(tensor.num_rows()));
        writer.append_f32(&part.name, &values)?;
    }
    Ok(())
}

fn check_cancelled(ctx: &StepContext<'_>) -> Result<(), MergeError> {
    if ctx.is_cancelled() { Err(MergeError::Cancelled) } else { Ok(()) }
}

/// The type of weights that are stored in 4 bits, once they are floats.
pub(crate) fn float_dtype(checkpoint: &Checkpoint) -> Dtype {
    checkpoint.description().dtype.unwrap_or(Dtype::BF16)
}
