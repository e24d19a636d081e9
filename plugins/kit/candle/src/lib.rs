//! Decoder models on a device of candle: the trainer's passes on an NVIDIA GPU.
//!
//! A [`CandleTransformer`] is an [`Engine`](olive_kit_decoder::Engine), as the one of
//! `olive-kit-decoder` is for the CPU, and follows it part by part: the same families, the same
//! adapters, the same masks from the same seed, the same gradients. Products are candle's, with
//! cuBLAS on a GPU; everything between them is either composed of candle's operations, on any
//! device, or one kernel of our own on a GPU (`kernels`, with the feature `cuda`).
//!
//! There is no tape. candle's would compute gradients of frozen weights too, add zeros to every
//! first gradient and keep what norms and gates make; here the backward of each part stands beside
//! its forward, and tensors are values.
//!
//! - Weights and activations are held as [`Dtype`](olive_kit_checkpoint::Dtype) says; sums of
//!   norms, softmax and the loss are taken in f32. Gradients come back in f32.
//! - f16 needs its loss scaled: see [`LossScale`].
//! - Trained values live on the host, with the optimizer. Each pass sends them in one copy and
//!   brings their gradients back in one.
//!
//! In reading order: a model (`transformer`), a pass over a batch (`training`), a layer with its
//! backward (`layer`), its parts.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use olive_kit_adapters::Adapters;
//! use olive_kit_candle::CandleTransformer;
//! use olive_kit_checkpoint::{Checkpoint, Dtype};
//! use olive_kit_decoder::{Batch, Engine};
//!
//! let checkpoint = Checkpoint::open("models/phi-3-mini")?;
//! let device = olive_kit_candle::gpu(0)?;
//! let mut transformer = CandleTransformer::load(&checkpoint, Dtype::BF16, &device)?;
//! let batch = Batch::causal(vec![1, 15, 27, 2], 1);
//! let loss = transformer.loss(&batch, &Adapters::none())?;
//! println!("{} over {} tokens", loss / batch.num_labels() as f64, batch.num_labels());
//! # Ok(())
//! # }
//! ```
//!
//! # Building for GPUs
//!
//! The feature `cuda` is in no default build. It needs nvcc, a C++ compiler and CUDA's libraries;
//! the GPU's architecture is read from `nvidia-smi`, or given where there is none. The pass `LoRA`
//! and its relatives, for an H100 and CUDA 13.0:
//!
//! ```sh
//! CUDA_COMPUTE_CAP=90 CUDARC_CUDA_VERSION=13000 \
//!     cargo build --release -p olive-plugin-lora --features cuda
//! ```
//!
//! and the proof that a GPU computes what the CPU does:
//!
//! ```sh
//! OLIVE_GPU=0 cargo test --release -p olive-kit-candle --features cuda
//! ```

mod transformer;
mod training;
mod layer;
mod linear;
mod adapted;
mod delta;
mod norm;
mod gate;
mod attention;
mod layout;
mod vocabulary_loss;
mod pass;
mod parameters;
mod loss_scale;
mod device;
#[cfg(feature = "cuda")]
mod kernels;

pub use candle_core::Device;
pub use device::gpu;
#[cfg(feature = "cuda")]
pub use kernels::peak_memory;
pub use loss_scale::LossScale;
pub use transformer::CandleTransformer;
