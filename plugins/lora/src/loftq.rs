//! A base whose linear layers are rounded to 4 bits, and adapters that start as what that loses.

use std::collections::BTreeMap;
use std::num::NonZero;

use olive_kit_adapters::{AdapterConfig, Adapters, Method, ParameterId};
use olive_kit_checkpoint::{
    Checkpoint, CheckpointWriter, DEFAULT_SHARD_BYTES, Decoder, TensorSpec, files,
};
use olive_kit_loftq::{Loftq, loftq};
use olive_kit_quant::FourBitFormat;
use olive_plugin_api::StepContext;

use crate::error::LoraError;
use crate::folder::folder;

/// Folder of the rounded base inside the output folder, as in Olive.
const MODEL: &str = "model";

/// Folder of the adapter before it is trained, as in Olive.
const START: &str = "loftq_init_adapter";

/// Rounds the weights that `adapters` adapt, writes them as a model, and sets `adapters` to what
/// rounding has lost.
///
/// Weights keep the type they were stored in; an adapter's scale is taken into account, which PEFT
/// leaves out. Peak memory is three matrices in f32 beside the adapters.
///
/// # Errors
/// When a file cannot be read or written, a weight is not finite, or the step is cancelled.
pub(crate) fn start(
    checkpoint: &Checkpoint,
    config: &AdapterConfig,
    adapters: &mut Adapters,
    iterations: NonZero<usize>,
    ctx: &StepContext<'_>,
) -> Result<Checkpoint, LoraError> {
    let dir = folder(&ctx.output_dir().join(MODEL))?;
    let adapted = adapted(adapters);
    let names = checkpoint.tensor_names();
    let tensors = names.into_iter().map(|name| checkpoint.tensor(name));
    let tensors = tensors.collect::<Result<Vec<_>, _>>()?;
    let specs = tensors.iter().map(|t| TensorSpec::new(t.name, t.dtype, t.shape)).collect();
    let mut writer = CheckpointWriter::create(&dir, specs, DEFAULT_SHARD_BYTES)?;
    for (done, tensor) in (1..).zip(&tensors) {
        ctx.check_cancelled()?;
        match adapted.get(tensor.name) {
            Some(factors) => {
                let (rows, columns) = (tensor.num_rows(), tensor.row_len());
                let (weight, format) = (tensor.to_f32(), FourBitFormat::NF4);
                let rounded = loftq(&weight, rows, columns, factors.rank, iterations, format)?;
                let mut values = weight.into_owned();
                rounded.quantized.dequantize(0..values.len(), &mut values);
                writer.append_f32(tensor.name, &values)?;
                factors.set(adapters, rounded);
            }
            None if tensor.is_empty() => {}
            None => writer.append_bytes(tensor.name, tensor.bytes)?,
        }
        checkpoint.release(tensor.name);
        ctx.progress("tensor", done, tensors.len() as u64, &[]);
    }
    writer.finish()?;
    files::copy(&checkpoint.dir().join("config.json"), &dir)?;
    files::copy_companions(checkpoint.dir(), &dir)?;
    adapters.write(&folder(&ctx.output_dir().join(START))?, config)?;
    Ok(Checkpoint::open(&dir)?)
}

/// The factors of one layer.
#[derive(Debug, Clone, Copy)]
struct Factors {
    a: ParameterId,
    b: ParameterId,
    rank: usize,
    scale: f64,
}

/// The factors by the name of the weight they belong to; `lm_head` is not rounded.
fn adapted(adapters: &Adapters) -> BTreeMap<String, Factors> {
    let layers =
        adapters.layers.iter().filter(|(path, _)| path.as_str() != Decoder::LM_HEAD_MODULE);
    let factors = layers.filter_map(|(path, layer)| match layer.method {
        Method::Lora { a, b, .. } => {
            let rank = adapters.parameter(a).shape[0];
            Some((format!("{path}.weight"), Factors { a, b, rank, scale: layer.scale }))
        }
        Method::Loha { .. } | Method::Lokr { .. } => None,
    });
    factors.collect()
}

impl Factors {
    /// Sets `A` and `B` so that `scale B A` is what was found.
    #[expect(clippy::cast_possible_truncation, reason = "parameters are f32")]
    fn set(self, adapters: &mut Adapters, found: Loftq) {
        let share = self.scale.sqrt().recip() as f32;
        for (id, mut values) in [(self.a, found.a), (self.b, found.b)] {
            for value in &mut values {
                *value *= share;
            }
            adapters.parameters[id.0].values = values;
        }
    }
}
