//! Devices, and what crosses from candle to the trainer's errors.

use candle_core::Device;
use olive_kit_checkpoint::Dtype;
use olive_kit_decoder::DecoderError;

/// The GPU with this number.
///
/// # Errors
/// When this program was built without the feature `cuda`, or there is no such GPU.
pub fn gpu(ordinal: usize) -> Result<Device, DecoderError> {
    if !cfg!(feature = "cuda") {
        let reason = "this build has no support for GPUs; build with the feature `cuda`, or train \
                      on the CPU";
        return Err(DecoderError::Device(reason.to_owned()));
    }
    let device = Device::new_cuda(ordinal).map_err(device_error)?;
    #[cfg(feature = "cuda")]
    crate::kernels::keep_memory(&device).map_err(device_error)?;
    Ok(device)
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub(crate) fn device_error(error: candle_core::Error) -> DecoderError {
    DecoderError::Device(error.to_string())
}

/// candle's name of a type.
pub(crate) fn dtype_of(dtype: Dtype) -> candle_core::DType {
    match dtype {
        Dtype::F32 => candle_core::DType::F32,
        Dtype::F16 => candle_core::DType::F16,
        Dtype::BF16 => candle_core::DType::BF16,
    }
}
