//! Calibrated quantization of one weight matrix at a time; knows no checkpoint and no file.
//!
//! A linear layer computes `y = x W^T` with a weight `W`, `[n, k]`. What is known of its inputs `x`
//! is their Gram matrix `X^T X` and how large each is in the mean: its [`Moments`]. With them the
//! error that codes make in the outputs, `‖X (W - Q)^T‖²`, is the trace of
//! `(W - Q) X^T X (W - Q)^T`, without another look at a token.
//!
//! - [`nearest()`] and [`k_quant()`] need no inputs;
//! - [`gptq()`] rounds input by input and lets those that follow make up for the error;
//! - [`clip()`] narrows the ranges of groups; [`awq_scales`] widens the inputs that count;
//! - a [`Rotation`] spreads what is hard to quantize over all inputs;
//! - [`output_error`] says what a quantization costs.
//!
//! ```
//! use olive_kit_solve::{GptqOptions, Grid, Moments, gptq, nearest, output_error};
//!
//! let (n, k) = (2, 4);
//! let weight = [0.9, -0.3, 0.2, 0.6, -0.7, 0.4, 0.1, -0.2];
//! let inputs = [1.0, 0.9, 0.8, 1.1, -0.5, -0.6, -0.4, -0.5, 0.3, 0.1, 0.2, 0.4];
//! let mut moments = Moments::new(k);
//! moments.add(&inputs).unwrap();
//!
//! let grid = Grid { bits: 2, group_size: None, is_symmetric: false };
//! let rounded = nearest(&weight, n, k, grid).unwrap().dequantize();
//! let solved = gptq(&weight, n, k, &moments, grid, &GptqOptions::default()).unwrap();
//! let error = |made: &[f32]| output_error(&weight, made, n, k, &moments).unwrap();
//! assert!(error(&solved.coded.dequantize()) < error(&rounded));
//! ```
//!
//! Every result is the same bits for any number of threads.

mod awq;
mod clip;
mod error;
mod factor;
mod gptq;
mod grid;
mod hadamard;
mod k_quant;
mod lanes;
mod loss;
mod moments;
mod nearest;
mod rotation;

pub use awq::{AwqOptions, AwqScales, Weight, awq_scales};
pub use clip::{ClipOptions, Clipped, clip};
pub use error::SolveError;
pub use gptq::{GptqOptions, Solved, gptq};
pub use grid::{Coded, Grid};
pub use k_quant::k_quant;
pub use loss::output_error;
pub use moments::Moments;
pub use nearest::nearest;
pub use rotation::Rotation;
