//! The files of ONNX Runtime for a target, from the wheel of its flavor.

use std::path::PathBuf;

use crate::error::ChoreError;
use crate::fetch::{self, wheel};

/// What ONNX Runtime is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavor {
    /// Processors.
    Cpu,
    /// NVIDIA's CUDA and `TensorRT`, beside processors.
    Cuda,
    /// `DirectML` on Windows, beside processors.
    DirectMl,
}

/// Folder with the library, what it loads, and its licenses, fetched if it is not there yet; `None`
/// when there is no build of this flavor for `target`.
pub(crate) fn files(flavor: Flavor, target: &str) -> Result<Option<PathBuf>, ChoreError> {
    let package = match flavor {
        Flavor::Cpu => "onnxruntime",
        Flavor::Cuda => "onnxruntime-gpu",
        Flavor::DirectMl => "onnxruntime-directml",
    };
    let Some(wheel) = wheel::runtime_for(package, target) else { return Ok(None) };
    fetch::runtime(&wheel).map(Some)
}
