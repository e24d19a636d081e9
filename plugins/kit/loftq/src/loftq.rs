//! The alternation of rounding and low-rank approximation.

use std::num::NonZero;

use olive_kit_kernels::product::add_product;
use olive_kit_kernels::{Matrix, MatrixMut, Threads};
use olive_kit_quant::{FourBit, FourBitFormat, QuantError};
use rayon::prelude::*;

use crate::low_rank::LowRank;

/// A weight `W`, `[rows, columns]`, as `Q + B A`.
///
/// An adapter adds `scale B A`. PEFT leaves the scale out of account, so that its start is right
/// where it is 1, `lora_alpha = r`; for another scale, divide `a` and `b` by its square root.
#[derive(Debug, Clone, PartialEq)]
pub struct Loftq {
    /// `Q`: codes of the weight less what the adapter adds.
    pub quantized: FourBit,
    /// `A`, `[rank, columns]`.
    pub a: Vec<f32>,
    /// `B`, `[rows, rank]`.
    pub b: Vec<f32>,
}

/// Rounds `weight`, `[rows, columns]`, and finds the adapter that makes up for most of the error;
/// on all threads of rayon's pool.
///
/// Li et al., "`LoftQ`: LoRA-Fine-Tuning-Aware Quantization for Large Language Models" (2023): each
/// iteration rounds `W - B A`, from `A = B = 0` on, and takes for `B A` the nearest matrix of
/// `rank` to the rest, `W - Q`. `A` and `B` share its singular values, a square root each. This is
/// PEFT's `loftq_init` for 4 bits, which rounds by bitsandbytes too, with another algorithm for the
/// singular vectors, [`LowRank::nearest`].
///
/// Peak memory is one more matrix in f32, the codes, and three times the adapter with 32 to 64 more
/// ranks.
///
/// # Errors
/// When a weight is not finite or the block size is unknown.
///
/// # Panics
/// When `weight` has another length.
pub fn loftq(
    weight: &[f32],
    rows: usize,
    columns: usize,
    rank: usize,
    iterations: NonZero<usize>,
    format: FourBitFormat,
) -> Result<Loftq, QuantError> {
    assert_eq!(weight.len(), rows * columns, "a {rows} x {columns} matrix");
    let mut rest = weight.to_vec();
    let mut iteration = 1;
    loop {
        let quantized = FourBit::quantize(&rest, format)?;
        subtract(weight, &quantized, &mut rest);
        let LowRank { left: b, right: a } = LowRank::nearest(&rest, rows, columns, rank);
        if iteration == iterations.get() {
            return Ok(Loftq { quantized, a, b });
        }
        rest.copy_from_slice(weight);
        let (left, right) = (Matrix::new(&b, rows, rank), Matrix::new(&a, rank, columns));
        add_product(MatrixMut::new(&mut rest, rows, columns), left, right, -1.0, Threads::All);
        iteration += 1;
    }
}

/// `into = weight - quantized`
fn subtract(weight: &[f32], quantized: &FourBit, into: &mut [f32]) {
    const TASK_VALUES: usize = 1 << 16;
    let tasks = into.par_chunks_mut(TASK_VALUES).zip(weight.par_chunks(TASK_VALUES));
    tasks.enumerate().for_each(|(index, (into, weight))| {
        let first = index * TASK_VALUES;
        quantized.dequantize(first..first + into.len(), into);
        for (into, weight) in into.iter_mut().zip(weight) {
            *into = weight - *into;
        }
    });
}
