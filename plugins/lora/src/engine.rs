//! Which device a training computes on.

use olive_kit_checkpoint::Checkpoint;
use olive_kit_decoder::{Engine, Storage, Transformer};
use olive_plugin_api::{Device, LogLevel, StepContext};

use crate::config::TorchDtype;
use crate::error::LoraError;

/// A model to train on.
pub(crate) struct Loaded {
    pub(crate) engine: Box<dyn Engine>,
    /// Whether a GPU computes, and not the threads of this process.
    pub(crate) is_on_gpu: bool,
}

/// Loads the weights for a GPU where the step is for one and there is one, else for the CPU; a step
/// for a GPU that is not trained on one says why.
///
/// # Errors
/// When the checkpoint does not hold what it should, or a device has no room.
pub(crate) fn load(
    checkpoint: &Checkpoint,
    storage: Storage,
    dtype: TorchDtype,
    ctx: &StepContext<'_>,
) -> Result<Loaded, LoraError> {
    if ctx.accelerator().device == Device::Gpu {
        let is_in_four_bits =
            storage.four_bit.is_some() || checkpoint.description().quantization.is_some();
        match gpu(is_in_four_bits) {
            Ok(gpu) => {
                let dtype_name = dtype.name();
                ctx.log(LogLevel::Info, format!("the GPU trains, all of it in {dtype_name}"));
                let engine = gpu.load(checkpoint, dtype)?;
                return Ok(Loaded { engine, is_on_gpu: true });
            }
            Err(reason) => ctx.log(LogLevel::Warning, format!("the CPU trains: {reason}")),
        }
    }
    let engine = Box::new(Transformer::load(checkpoint, storage)?);
    Ok(Loaded { engine, is_on_gpu: false })
}

/// The GPU that is trained on, or why none is.
#[cfg(feature = "cuda")]
fn gpu(is_in_four_bits: bool) -> Result<Gpu, String> {
    if is_in_four_bits {
        return Err("weights in 4 bits are computed with on the CPU only".to_owned());
    }
    olive_kit_candle::gpu(0).map(Gpu).map_err(|error| error.to_string())
}

#[cfg(feature = "cuda")]
struct Gpu(olive_kit_candle::Device);

#[cfg(feature = "cuda")]
impl Gpu {
    fn load(
        &self,
        checkpoint: &Checkpoint,
        dtype: TorchDtype,
    ) -> Result<Box<dyn Engine>, LoraError> {
        use olive_kit_checkpoint::Dtype;
        let dtype = match dtype {
            TorchDtype::Bfloat16 => Dtype::BF16,
            TorchDtype::Float16 => Dtype::F16,
            TorchDtype::Float32 => Dtype::F32,
        };
        let transformer = olive_kit_candle::CandleTransformer::load(checkpoint, dtype, &self.0)?;
        Ok(Box::new(transformer))
    }
}

/// No GPU in builds without the feature `cuda`.
#[cfg(not(feature = "cuda"))]
enum Gpu {}

#[cfg(not(feature = "cuda"))]
impl Gpu {
    fn load(&self, _: &Checkpoint, _: TorchDtype) -> Result<Box<dyn Engine>, LoraError> {
        match *self {}
    }
}

#[cfg(not(feature = "cuda"))]
fn gpu(_: bool) -> Result<Gpu, String> {
    Err("this build has no support for GPUs; one with the feature `cuda` has".to_owned())
}
