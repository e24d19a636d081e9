//! Compiling kernels and launching them on the stream of a tensor's device.

#![expect(unsafe_code, reason = "launching kernels on device memory")]

use std::sync::OnceLock;

use candle_core::cuda_backend::CudaStorageSlice;
use candle_core::cuda_backend::cudarc::driver::{DevicePtr, LaunchConfig, PushKernelArg};
use candle_core::cuda_backend::cudarc::nvrtc::compile_ptx;
use candle_core::{DType, Device, Result, Shape, Storage, Tensor};

const SOURCE: &str = include_str!("kernels.cu");

/// Name under which a device keeps the compiled kernels.
const MODULE: &str = "olive-kit-candle";

/// Threads of a block; whole warps.
const THREADS: u32 = 256;

/// What a kernel is called with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Argument {
    /// An address on the device, or a 64-bit number.
    Long(u64),
    Number(u32),
    Float(f32),
}

impl Argument {
    /// The values of a contiguous tensor.
    pub(super) fn tensor(tensor: &Tensor) -> Result<Self> {
        if !tensor.is_contiguous() {
            candle_core::bail!("a kernel needs contiguous values, not {:?}", tensor.layout());
        }
        Self::start(tensor)
    }

    /// The first value of a tensor with any strides.
    pub(super) fn start(tensor: &Tensor) -> Result<Self> {
        let (storage, layout) = tensor.storage_and_layout();
        let Storage::Cuda(storage) = &*storage else {
            candle_core::bail!("a kernel needs values on a GPU");
        };
        let stream = storage.device.cuda_stream();
        let address = match &storage.slice {
            CudaStorageSlice::U32(slice) => slice.device_ptr(&stream).0,
            CudaStorageSlice::BF16(slice) => slice.device_ptr(&stream).0,
            CudaStorageSlice::F16(slice) => slice.device_ptr(&stream).0,
            CudaStorageSlice::F32(slice) => slice.device_ptr(&stream).0,
            _ => candle_core::bail!("a kernel takes no {:?}", tensor.dtype()),
        };
        let offset = layout.start_offset() * tensor.dtype().size_in_bytes();
        Ok(Self::Long(address + offset as u64))
    }

    #[expect(clippy::cast_possible_truncation, reason = "kernels compute in f32")]
    pub(super) fn float(value: f64) -> Self {
        Self::Float(value as f32)
    }
}

/// A count as a kernel's 32-bit number.
pub(super) fn number(value: usize) -> Result<Argument> {
    u32::try_from(value).map(Argument::Number).map_err(candle_core::Error::wrap)
}

/// A tensor whose values the next kernel writes, all of them.
pub(super) fn empty(shape: impl Into<Shape>, dtype: DType, device: &Device) -> Result<Tensor> {
    // SAFETY: every caller hands it to a kernel that writes every value, on the same stream.
    unsafe { Tensor::empty(shape, dtype, device) }
}

/// Launches a kernel with a block of threads for each row.
pub(super) fn by_row(name: &str, like: &Tensor, rows: usize, arguments: &[Argument]) -> Result<()> {
    launch(name, like, rows, arguments)
}

/// Launches a kernel with a thread for each entry.
pub(super) fn by_entry(
    name: &str,
    like: &Tensor,
    entries: usize,
    arguments: &[Argument],
) -> Result<()> {
    launch(name, like, entries.div_ceil(THREADS as usize), arguments)
}

/// Launches the kernel called `name` for values of the type of `like`.
fn launch(name: &str, like: &Tensor, blocks: usize, arguments: &[Argument]) -> Result<()> {
    if blocks == 0 {
        return Ok(());
    }
    let Device::Cuda(device) = like.device() else {
        candle_core::bail!("`{name}` runs on a GPU");
    };
    let suffix = match like.dtype() {
        DType::F32 => "f32",
        DType::F16 => "f16",
        DType::BF16 => "bf16",
        other => candle_core::bail!("`{name}` takes no {other:?}"),
    };
    let function =
        device.get_or_load_custom_func(&format!("{name}_{suffix}"), MODULE, compiled()?)?;
    let mut launch = function.builder();
    for argument in arguments {
        match argument {
            Argument::Long(value) => launch.arg(value),
            Argument::Number(value) => launch.arg(value),
            Argument::Float(value) => launch.arg(value),
        };
    }
    let blocks = u32::try_from(blocks).map_err(candle_core::Error::wrap)?;
    let config =
        LaunchConfig { grid_dim: (blocks, 1, 1), block_dim: (THREADS, 1, 1), shared_mem_bytes: 0 };
    // SAFETY: arguments have the number and types of the kernel's parameters, which read and write
    // within the tensors they came from; those live until the launch is in the stream, and memory
    // is freed in the order of the stream.
    unsafe { launch.launch(config) }.map_err(candle_core::Error::wrap)?;
    Ok(())
}

/// The kernels, compiled once per process.
fn compiled() -> Result<&'static str> {
    static COMPILED: OnceLock<String> = OnceLock::new();
    if let Some(compiled) = COMPILED.get() {
        return Ok(compiled);
    }
    let compiled = compile_ptx(SOURCE).map_err(candle_core::Error::wrap)?;
    Ok(COMPILED.get_or_init(|| compiled.to_src()))
}
