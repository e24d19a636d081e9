//! From a checkpoint and an adapter to the merged checkpoint, tensor by tensor.

use std::collections::BTreeMap;

use olive_kit_checkpoint::{
    Adapter, Checkpoint, CheckpointWriter, Linear, LoraPair, Tensor, TensorSpec, files,
};
use olive_plugin_api::StepContext;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::MergeError;
use crate::product::Delta;

pub(crate) const NO_ADAPTER: &str = "the input model has no adapter to merge";
pub(crate) const NO_ADAPTER_HELP: &str =
    "put a pass that trains an adapter before this one, or set `adapter_path` of the input model";

/// Values of a weight that are in memory at once.
const GROUP_VALUES: usize = 1 << 22;

/// A checkpoint and an adapter that fits it.
#[derive(Debug)]
pub struct Merge<'a> {
    checkpoint: &'a Checkpoint,
    /// By name of the weight they are added to.
    pairs: BTreeMap<String, LoraPair<'a>>,
}

impl<'a> Merge<'a> {
    /// Matches the adapter's layers with the checkpoint's.
    ///
    /// # Errors
    /// When the adapter changes a layer that the model lacks, has in other widths, or shares.
    pub fn new(checkpoint: &'a Checkpoint, adapter: &'a Adapter) -> Result<Self, MergeError> {
        let linears = linears(checkpoint);
        let ties = checkpoint.decoder().ties_embeddings;
        let mut pairs = BTreeMap::new();
        for module in adapter.modules() {
            if ties && (module == "lm_head" || module == checkpoint.decoder().lm_head().name) {
                return Err(MergeError::Tied { module: module.to_owned() });
            }
            let linear = linears.get(module);
            let linear = linear.ok_or_else(|| MergeError::NoLayer { module: module.to_owned() })?;
            if let Some(pair) = adapter.pair(module)? {
                check_widths(linear, &pair)?;
                pairs.insert(format!("{module}.weight"), pair);
            }
        }
        Ok(Self { checkpoint, pairs })
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
        let names = self.checkpoint.tensor_names();
        let tensors = names.into_iter().map(|name| self.checkpoint.tensor(name));
        let tensors = tensors.collect::<Result<Vec<_>, _>>()?;
        let specs = tensors.iter().map(|t| TensorSpec::new(t.name, t.dtype, t.shape));
        let mut writer = CheckpointWriter::create(output, specs.collect(), max_shard_bytes)?;
        for (done, tensor) in (1..).zip(&tensors) {
            match self.pairs.get(tensor.name) {
                Some(pair) => write_merged(&mut writer, tensor, pair, &pool, ctx)?,
                None if tensor.is_empty() => {}
                None => writer.append_bytes(tensor.name, tensor.bytes)?,
            }
            ctx.progress("tensor", done, tensors.len() as u64, &[]);
            check_cancelled(ctx)?;
        }
        writer.finish()?;
        files::copy(&self.checkpoint.dir().join("config.json"), output)?;
        files::copy_companions(self.checkpoint.dir(), output)?;
        Ok(())
    }
}

/// Every linear layer with a weight of its own, by module path.
fn linears(checkpoint: &Checkpoint) -> BTreeMap<String, Linear> {
    let decoder = checkpoint.decoder();
    let mut linears: Vec<_> =
        (0..decoder.num_layers).flat_map(|layer| decoder.linears(layer)).collect();
    if !decoder.ties_embeddings {
        linears.push(decoder.lm_head());
    }
    linears.into_iter().map(|linear| (linear.name.clone(), linear)).collect()
}

fn check_widths(linear: &Linear, pair: &LoraPair<'_>) -> Result<(), MergeError> {
    let (found_in, found_out) = (pair.a.row_len(), pair.b.num_rows());
    if (found_in, found_out) == (linear.in_features, linear.out_features) {
        return Ok(());
    }
    Err(MergeError::Misfit {
        module: linear.name.clone(),
        found_in,
        found_out,
        in_features: linear.in_features,
        out_features: linear.out_features,
    })
}

fn write_merged(
    writer: &mut CheckpointWriter,
    weight: &Tensor<'_>,
    pair: &LoraPair<'_>,
    pool: &ThreadPool,
    ctx: &StepContext<'_>,
) -> Result<(), MergeError> {
    let delta = Delta::new(pair);
    let group_rows = (GROUP_VALUES / weight.row_len().max(1)).max(1);
    for start in (0..weight.num_rows()).step_by(group_rows) {
        check_cancelled(ctx)?;
        let rows = start..(start + group_rows).min(weight.num_rows());
        for bytes in pool.install(|| delta.merged(weight, rows)) {
            writer.append_bytes(weight.name, &bytes)?;
        }
    }
    Ok(())
}

fn check_cancelled(ctx: &StepContext<'_>) -> Result<(), MergeError> {
    if ctx.is_cancelled() { Err(MergeError::Cancelled) } else { Ok(()) }
}
