//! The cross entropy of next tokens, from hidden states, some rows of logits at a time.

use olive_kit_adapters::Gradients;
use olive_kit_kernels::Accumulate;
use olive_kit_kernels::vector::{exp_shifted, max, scale, vectorized};
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use crate::batch::Batch;
use crate::layer::Room;
use crate::linear::Linear;
use crate::softcap::{soft_cap, soft_cap_gradient};

/// Logits that may exist at a time.
const MAX_LOGITS: usize = 1 << 23;

/// The loss over the labels of a batch, which are checked.
#[derive(Debug)]
pub(crate) struct VocabularyLoss<'a> {
    lm_head: &'a Linear,
    softcap: Option<f32>,
    predictions: Vec<Prediction>,
    /// By which the sum of losses is divided.
    count: usize,
    /// Share of each label that is spread over the vocabulary.
    smoothing: f32,
}

#[derive(Debug, Clone, Copy)]
struct Prediction {
    row: usize,
    label: usize,
}

impl<'a> VocabularyLoss<'a> {
    #[expect(clippy::cast_possible_truncation, reason = "computed in f32")]
    pub(crate) fn new(
        lm_head: &'a Linear,
        softcap: Option<f64>,
        batch: &Batch,
        count: usize,
        smoothing: f64,
    ) -> Self {
        let predictions = batch.predictions().filter_map(|(row, label)| {
            usize::try_from(label).ok().map(|label| Prediction { row, label })
        });
        Self {
            lm_head,
            softcap: softcap.map(|cap| cap as f32),
            predictions: predictions.collect(),
            count: count.max(1),
            smoothing: smoothing as f32,
        }
    }

    /// The sum of all losses divided by the count, of hidden states `[rows, hidden_size]`.
    pub(crate) fn forward(&self, hidden: &[f32], room: &mut Room<'_>) -> f64 {
        self.chunks(|chunk| self.chunk(chunk, hidden, None, room))
    }

    /// The same; writes the gradient of the hidden states and adds those of `lm_head`.
    pub(crate) fn forward_and_backward(
        &self,
        hidden: &[f32],
        gradient: &mut [f32],
        gradients: &mut Gradients,
        room: &mut Room<'_>,
    ) -> f64 {
        gradient.fill(0.0);
        self.chunks(|chunk| self.chunk(chunk, hidden, Some((gradient, gradients)), room))
    }

    fn chunks(&self, mut work: impl FnMut(&[Prediction]) -> f64) -> f64 {
        let vocab_size = self.lm_head.out_features();
        let chunks = (self.predictions.len() * vocab_size).div_ceil(MAX_LOGITS).max(1);
        let at_once = self.predictions.len().div_ceil(chunks).max(1);
        self.predictions.chunks(at_once).map(&mut work).sum::<f64>() / self.count as f64
    }

    /// Losses of some predictions, summed, and the rows of the gradient they belong to.
    fn chunk(
        &self,
        predictions: &[Prediction],
        hidden: &[f32],
        backward: Option<(&mut [f32], &mut Gradients)>,
        room: &mut Room<'_>,
    ) -> f64 {
        let (width, vocab_size) = (self.lm_head.in_features(), self.lm_head.out_features());
        let mut rows = room.scratch.take(predictions.len() * width);
        for (prediction, into) in predictions.iter().zip(rows.chunks_mut(width)) {
            into.copy_from_slice(&hidden[prediction.row * width..][..width]);
        }
        let mut logits = room.scratch.take(predictions.len() * vocab_size);
        let packed = self.lm_head.input(&rows);
        self.lm_head.forward(&packed, &mut logits, &room.pass, room.scratch);
        let wants_gradient = backward.is_some();
        let losses: Vec<f64> = logits
            .par_chunks_mut(vocab_size)
            .zip(predictions.par_iter())
            .map(|(logits, prediction)| {
                self.cross_entropy(logits, prediction.label, wants_gradient)
            })
            .collect();
        if let Some((gradient, gradients)) = backward {
            let mut of_rows = room.scratch.take(rows.len());
            let into = Some((&mut of_rows[..], Accumulate::No));
            let x = Some(&packed);
            self.lm_head.backward(x, &logits, into, &room.pass, gradients, room.scratch);
            for (prediction, from) in predictions.iter().zip(of_rows.chunks(width)) {
                gradient[prediction.row * width..][..width].copy_from_slice(from);
            }
            room.scratch.give(of_rows);
        }
        drop(packed);
        room.scratch.give(logits);
        room.scratch.give(rows);
        losses.iter().sum()
    }

    /// The loss of one row; its logits become their gradient where it is wanted.
    ///
    /// With `p` the softmax and `s` the smoothing: `(1 - s) (-ln p[label]) + s mean(-ln p)`, and
    /// the gradient `p - (1 - s) at the label - s / vocab_size`.
    fn cross_entropy(&self, logits: &mut [f32], label: usize, wants_gradient: bool) -> f64 {
        if let Some(cap) = self.softcap {
            vectorized(|| soft_cap(logits, cap));
        }
        let capped = self.softcap.filter(|_| wants_gradient).map(|cap| (logits.to_vec(), cap));
        let smoothing = f64::from(self.smoothing);
        let mut expected = (1.0 - smoothing) * f64::from(logits[label]);
        if self.smoothing > 0.0 {
            let mean =
                logits.iter().map(|&logit| f64::from(logit)).sum::<f64>() / logits.len() as f64;
            expected += smoothing * mean;
        }
        let (largest, sum) = vectorized(|| {
            let largest = max(logits);
            let sum = exp_shifted(logits, largest);
            (largest, sum)
        });
        if wants_gradient {
            let share = 1.0 / self.count as f32;
            vectorized(|| scale(logits, share / sum));
            if self.smoothing > 0.0 {
                let spread = share * self.smoothing / logits.len() as f32;
                for logit in logits.iter_mut() {
                    *logit -= spread;
                }
            }
            logits[label] -= share * (1.0 - self.smoothing);
            if let Some((capped, cap)) = capped {
                vectorized(|| soft_cap_gradient(&capped, cap, logits));
            }
        }
        f64::from(largest) + f64::from(sum).ln() - expected
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use olive_kit_adapters::Adapters;
    use olive_kit_kernels::{FrozenMatrix, Precision};
    use olive_kit_testing::random;

    use super::*;
    use crate::finite_differences::check;
    use crate::pass::Pass;
    use crate::scratch::Scratch;

    fn batch() -> Batch {
        let labels = vec![0, 3, Batch::IGNORED, 8, 1, 2];
        Batch { labels, ..Batch::causal(vec![0; 6], 2) }
    }

    fn lm_head(values: &[f32]) -> Linear {
        let fill = |rows: std::ops::Range<usize>, into: &mut [f32]| {
            into.copy_from_slice(&values[rows.start * 5..rows.end * 5]);
        };
        Linear::new("lm_head".into(), Arc::new(FrozenMatrix::new(9, 5, Precision::F32, fill)))
    }

    fn check_gradient(softcap: Option<f64>, smoothing: f64) {
        let (lm_head, adapters) = (lm_head(&random(9 * 5, 3)), Adapters::none());
        let loss = VocabularyLoss::new(&lm_head, softcap, &batch(), 4, smoothing);
        let forward = |x: &[&[f32]]| {
            let mut room =
                Room { pass: Pass::inference(&adapters), scratch: &mut Scratch::default() };
            #[expect(clippy::cast_possible_truncation, reason = "compared in f32")]
            let loss = loss.forward(x[0], &mut room) as f32;
            vec![loss]
        };
        check(&[30], forward, |x, weight| {
            let mut room =
                Room { pass: Pass::inference(&adapters), scratch: &mut Scratch::default() };
            let mut gradient = vec![1.0; 30];
            let gradients = &mut Gradients::zeros(&[]);
            loss.forward_and_backward(x[0], &mut gradient, gradients, &mut room);
            scale(&mut gradient, weight[0]);
            vec![gradient]
        });
    }

    #[test]
    fn the_gradient_is_the_slope() {
        check_gradient(None, 0.0);
        check_gradient(None, 0.3);
        check_gradient(Some(1.5), 0.0);
        check_gradient(Some(1.5), 0.1);
    }

    #[test]
    fn equal_logits_cost_the_logarithm_of_their_number() {
        let (lm_head, adapters) = (lm_head(&[0.0; 9 * 5]), Adapters::none());
        for smoothing in [0.0, 0.5] {
            let loss = VocabularyLoss::new(&lm_head, None, &batch(), 3, smoothing);
            let mut room =
                Room { pass: Pass::inference(&adapters), scratch: &mut Scratch::default() };
            assert!((loss.forward(&[1.0; 30], &mut room) - 9.0_f64.ln()).abs() < 1e-6);
        }
    }
}
