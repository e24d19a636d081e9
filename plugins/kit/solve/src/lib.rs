//! Calibrated quantization of one weight matrix at a time; knows no checkpoint and no file.
//!
//! A linear layer computes `y = x W^T` with a weight `W`, `[n, k]`. What is known of its inputs `x`
//! is their Gram matrix `X^T X` and how large each is in the mean: its [`Moments`]. With them the
//! error that codes make in the outputs, `‖X (W - Q)^T‖²`, is the trace of
//! `(W - Q) X^T X (W - Q)^T`, without another look at a token.
//!
//! - [`nearest()`] and [`k_quant()`] need no inputs;
//! - [`gptq()`] rounds input by input and lets those that follow make up for the error, with a
//!   [`Hessian`] that weights of the same inputs share;
//! - [`clip()`] narrows the ranges of groups; [`awq_scales`] widens the inputs that count;
//! - [`smooth_scales`] moves what is hard to quantize from inputs into weights, as far as their
//!   [`Activations`] tell; a [`Rotation`] spreads it over all inputs, and [`spin()`] learns one;
//! - [`output_error`] says what a quantization costs, and [`int8_error`] what one of inputs too does.
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

mod activations;
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
mod smooth;
mod spin;

pub use activations::Activations;
pub use awq::{AwqOptions, AwqScales, Weight, awq_scales};
pub use clip::{ClipOptions, Clipped, clip};
pub use error::SolveError;
pub use gptq::hessian::Hessian;
pub use gptq::{GptqOptions, Solved, gptq};
pub use grid::{Coded, Grid};
pub use k_quant::k_quant;
pub use loss::{output_error, outputs_square};
pub use moments::Moments;
pub use nearest::nearest;
pub use rotation::Rotation;
pub use smooth::{BestScales, best_smooth_scales, int8_error, smooth_scales};
pub use spin::{RoundingCost, SpinOptions, Spun, spin};
