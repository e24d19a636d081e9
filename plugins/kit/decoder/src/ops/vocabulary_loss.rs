//! The cross entropy of next tokens, from hidden states, some rows of logits at a time.

use std::sync::{Arc, OnceLock};

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use crate::batch::Batch;
use crate::values::{gradient, input, output};
use crate::weight::Weight;
use olive_kit_kernels::product::{Matrix, MatrixMut, Threads, multiply};
use olive_kit_kernels::vector::{exp_shifted, max, scale, vectorized};

/// Logits that may exist at a time.
const MAX_LOGITS: usize = 1 << 24;

/// `sum(log(sum(exp(logits))) - logits[label]) / count` over all labels, of hidden states
/// `[rows, hidden_size]`.
///
/// Only positions with a label are computed. The logits would have to be computed again for the
/// gradient, so it is made along with the loss, when it will be wanted.
pub(crate) struct VocabularyLoss {
    /// `[vocab_size, hidden_size]`
    weight: Arc<Weight>,
    predictions: Vec<Prediction>,
    num_rows: usize,
    count: usize,
    is_tracked: bool,
    /// `[rows, hidden_size]`
    gradient: OnceLock<Vec<f32>>,
}

#[derive(Clone, Copy)]
struct Prediction {
    row: usize,
    label: usize,
}

impl VocabularyLoss {
    /// The loss over the labels of `batch`, which are checked; divided by `count`.
    pub(crate) fn new(weight: Arc<Weight>, batch: &Batch, count: usize, is_tracked: bool) -> Self {
        let predictions = batch.predictions().filter_map(|(row, label)| {
            usize::try_from(label).ok().map(|label| Prediction { row, label })
        });
        Self {
            weight,
            predictions: predictions.collect(),
            num_rows: batch.labels.len(),
            count: count.max(1),
            is_tracked,
            gradient: OnceLock::new(),
        }
    }

    /// The loss on the tape.
    pub(crate) fn apply(self, hidden: &Tensor) -> Result<Tensor> {
        if hidden.dims() != [self.num_rows, self.weight.columns()] {
            let (found, rows) = (hidden.shape(), self.num_rows);
            let width = self.weight.columns();
            candle_core::bail!("hidden states are {found:?}, but the batch needs [{rows}, {width}]")
        }
        hidden.apply_op1(self)
    }

    /// Losses of some predictions, summed, and the rows of the gradient they belong to.
    fn chunk(&self, predictions: &[Prediction], hidden: &[f32], gradient: &mut [f32]) -> f64 {
        let (width, vocab_size) = (self.weight.columns(), self.weight.rows());
        let num_rows = predictions.len();
        let rows =
            predictions.iter().flat_map(|&Prediction { row, .. }| row_of(hidden, row, width));
        let rows: Vec<f32> = rows.copied().collect();
        let mut logits = vec![0.0; num_rows * vocab_size];
        let into = MatrixMut::new(&mut logits, num_rows, vocab_size);
        let rows = Matrix::new(&rows, num_rows, width);
        multiply(into, rows, self.weight.matrix().transposed(), 1.0, Threads::All);
        let losses: Vec<f64> = logits
            .par_chunks_mut(vocab_size)
            .zip(predictions.par_iter())
            .map(|(logits, prediction)| self.cross_entropy(logits, prediction.label))
            .collect();
        if self.is_tracked {
            let logits = Matrix::new(&logits, num_rows, vocab_size);
            let mut rows = vec![0.0; num_rows * width];
            let into = MatrixMut::new(&mut rows, num_rows, width);
            multiply(into, logits, self.weight.matrix(), 1.0, Threads::All);
            for (prediction, from) in predictions.iter().zip(rows.chunks(width)) {
                gradient[prediction.row * width..][..width].copy_from_slice(from);
            }
        }
        losses.iter().sum()
    }

    /// The loss of one row; its logits become their gradient.
    fn cross_entropy(&self, logits: &mut [f32], label: usize) -> f64 {
        let expected = f64::from(logits[label]);
        let (largest, sum) = vectorized(|| {
            let largest = max(logits);
            let sum = exp_shifted(logits, largest);
            if self.is_tracked {
                scale(logits, 1.0 / (sum * self.count as f32));
            }
            (largest, sum)
        });
        logits[label] -= 1.0 / self.count as f32;
        f64::from(largest) + f64::from(sum).ln() - expected
    }
}

impl CustomOp1 for VocabularyLoss {
    fn name(&self) -> &'static str {
        "vocabulary-loss"
    }

    #[expect(clippy::cast_possible_truncation, reason = "summed in f64, given in f32")]
    fn cpu_fwd(&self, hidden: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let hidden = input(hidden, layout)?;
        let mut gradient = vec![0.0; if self.is_tracked { hidden.len() } else { 0 }];
        let chunks = (self.predictions.len() * self.weight.rows()).div_ceil(MAX_LOGITS).max(1);
        let at_once = self.predictions.len().div_ceil(chunks).max(1);
        let chunks = self.predictions.chunks(at_once);
        let sum: f64 = chunks.map(|chunk| self.chunk(chunk, hidden, &mut gradient)).sum();
        self.gradient.get_or_init(|| gradient);
        Ok(output(vec![(sum / self.count as f64) as f32], ()))
    }

    fn bwd(&self, hidden: &Tensor, _loss: &Tensor, dloss: &Tensor) -> Result<Option<Tensor>> {
        let Some(values) = self.gradient.get() else {
            candle_core::bail!("the backward of the loss needs its forward")
        };
        let factor: f32 = dloss.to_scalar()?;
        gradient(values.iter().map(|value| value * factor).collect(), hidden).map(Some)
    }
}

fn row_of(values: &[f32], row: usize, width: usize) -> &[f32] {
    &values[row * width..][..width]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::finite_differences::{check, random};

    fn batch() -> Batch {
        let labels = vec![0, 3, Batch::IGNORED, 8, 1, 2];
        Batch { labels, ..Batch::causal(vec![0; 6], 2) }
    }

    #[test]
    fn the_gradient_is_the_slope() {
        let weight = Arc::new(Weight::new(random(9 * 5, 3), 9, 5));
        check(&[&[6, 5]], |x| {
            let loss = VocabularyLoss::new(Arc::clone(&weight), &batch(), 4, true);
            loss.apply(&x[0])
        });
    }

    #[test]
    fn equal_logits_cost_the_logarithm_of_their_number() {
        let weight = Arc::new(Weight::new(vec![0.0; 9 * 5], 9, 5));
        let hidden = Tensor::ones((6, 5), candle_core::DType::F32, &candle_core::Device::Cpu);
        let loss = VocabularyLoss::new(weight, &batch(), 3, false).apply(&hidden.unwrap()).unwrap();
        assert!((loss.to_scalar::<f32>().unwrap() - 9.0_f32.ln()).abs() < 1e-6);
    }
}
