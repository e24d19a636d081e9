//! How far the distributions of next tokens are from those of a teacher.

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use olive_kit_adapters::{Adapters, Gradients};
use olive_kit_kernels::Accumulate;
use olive_kit_kernels::vector::{exp_shifted, max, vectorized};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use crate::batch::Batch;
use crate::error::DecoderError;
use crate::layer::Room;
use crate::linear::Linear;
use crate::observer::GradientObserver;
use crate::pass::Pass;
use crate::scratch::Scratch;
use crate::softcap::{soft_cap, soft_cap_gradient};
use crate::transformer::Transformer;

/// Logits of student or teacher that may exist at a time.
const MAX_LOGITS: usize = 1 << 23;

/// What makes the logits of a teacher, kept when the rest of it is gone.
#[derive(Debug)]
pub struct LogitsHead(Linear);

/// What a model is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Teacher<'a> {
    /// What makes its logits.
    pub head: &'a LogitsHead,
    /// Its hidden states after the last norm, `[batch * seq, hidden_size]`.
    pub hidden: &'a [f32],
    /// What the divergence of each token is multiplied by before all are summed.
    pub share: f64,
}

impl Transformer {
    /// What makes the logits of this model now.
    pub fn head(&self) -> LogitsHead {
        let Linear { module, .. } = &self.lm_head;
        LogitsHead(Linear::new(module.clone(), Arc::clone(self.lm_head.weight())))
    }

    /// The divergence `Σ KL(teacher ‖ this model)` of the distributions at all tokens of a batch,
    /// padding included, each times the teacher's share; the observer sees its gradients.
    ///
    /// One layer's activations are in memory, and the others computed again.
    ///
    /// # Errors
    /// When the batch does not fit the model.
    ///
    /// # Panics
    /// When the teacher has hidden states of another length.
    pub fn divergence(
        &mut self,
        batch: &Batch,
        teacher: &Teacher<'_>,
        observer: &dyn GradientObserver,
    ) -> Result<f64, DecoderError> {
        let adapters = Adapters::none();
        let pass = Pass::observed(&adapters, observer);
        self.over(batch, pass, |run, workspace| run.divergence(batch, teacher, workspace))
    }
}

/// The loss that the divergence is, with the linear layer that makes the student's logits.
#[derive(Debug)]
pub(crate) struct DivergenceLoss<'a> {
    lm_head: &'a Linear,
    softcap: Option<f32>,
    teacher: &'a Teacher<'a>,
}

impl<'a> DivergenceLoss<'a> {
    #[expect(clippy::cast_possible_truncation, reason = "computed in f32")]
    pub(crate) fn new(lm_head: &'a Linear, softcap: Option<f64>, teacher: &'a Teacher<'a>) -> Self {
        Self { lm_head, softcap: softcap.map(|cap| cap as f32), teacher }
    }

    /// The sum over all rows of hidden states, `[rows, hidden_size]`; writes their gradient.
    pub(crate) fn forward_and_backward(
        &self,
        hidden: &[f32],
        gradient: &mut [f32],
        gradients: &mut Gradients,
        room: &mut Room<'_>,
    ) -> f64 {
        assert_eq!(self.teacher.hidden.len(), hidden.len(), "hidden states of the teacher");
        let width = self.lm_head.in_features();
        let num_rows = hidden.len() / width;
        let at_once = (MAX_LOGITS / self.lm_head.out_features()).max(1);
        let mut sum = 0.0;
        for start in (0..num_rows).step_by(at_once) {
            let rows = start * width..(start + at_once).min(num_rows) * width;
            let gradient = &mut gradient[rows.clone()];
            sum += self.chunk(&hidden[rows.clone()], rows, gradient, gradients, room);
        }
        sum
    }

    /// The sum over some rows, whose values are at `place` in those of the teacher.
    fn chunk(
        &self,
        hidden: &[f32],
        place: Range<usize>,
        gradient: &mut [f32],
        gradients: &mut Gradients,
        room: &mut Room<'_>,
    ) -> f64 {
        let vocab_size = self.lm_head.out_features();
        let num_logits = hidden.len() / self.lm_head.in_features() * vocab_size;
        let mut logits = room.scratch.take(num_logits);
        let packed = self.lm_head.input(hidden);
        self.lm_head.forward(&packed, &mut logits, &room.pass, room.scratch);
        let wanted = self.wanted(place, num_logits, room.scratch);
        let rows = logits.par_chunks_mut(vocab_size).zip(wanted.par_chunks(vocab_size));
        let divergences: Vec<f64> = rows.map(|(logits, wanted)| self.row(logits, wanted)).collect();
        room.scratch.give(wanted);
        let into = Some((gradient, Accumulate::No));
        self.lm_head.backward(Some(&packed), &logits, into, &room.pass, gradients, room.scratch);
        drop(packed);
        room.scratch.give(logits);
        self.teacher.share * divergences.iter().sum::<f64>()
    }

    /// The teacher's logits.
    fn wanted(&self, place: Range<usize>, num_logits: usize, scratch: &mut Scratch) -> Vec<f32> {
        let LogitsHead(head) = self.teacher.head;
        let mut wanted = scratch.take(num_logits);
        let hidden = head.input(&self.teacher.hidden[place]);
        let adapters = Adapters::none();
        head.forward(&hidden, &mut wanted, &Pass::inference(&adapters), scratch);
        wanted
    }

    /// The divergence of one row; its logits become their gradient, `share (q - p)` with `p` the
    /// distribution that is wanted and `q` that of the row.
    ///
    /// `Σ p (ln p - ln q)` is summed as `Σ p (a - b) - ln Σ e^a + ln Σ e^b` of the logits `a` and
    /// `b`, in f64: the parts nearly cancel.
    fn row(&self, logits: &mut [f32], wanted: &[f32]) -> f64 {
        let mut p = wanted.to_vec();
        if let Some(cap) = self.softcap {
            vectorized(|| soft_cap(logits, cap));
            vectorized(|| soft_cap(&mut p, cap));
        }
        let capped = self.softcap.map(|cap| (logits.to_vec(), cap));
        let differences: Vec<f32> = p.iter().zip(&*logits).map(|(a, b)| a - b).collect();
        let (largest_p, largest_q) = (max(&p), max(logits));
        let (sum_p, sum_q) = (exp_shifted(&mut p, largest_p), exp_shifted(logits, largest_q));
        let moved = p.iter().zip(&differences).map(|(p, it)| f64::from(*p) * f64::from(*it));
        let moved = moved.sum::<f64>() / f64::from(sum_p);
        let sums = f64::from(sum_q).ln() - f64::from(sum_p).ln();
        #[expect(clippy::cast_possible_truncation, reason = "computed in f32")]
        let share = self.teacher.share as f32;
        for (q, p) in logits.iter_mut().zip(&p) {
            *q = share * (*q / sum_q - p / sum_p);
        }
        if let Some((capped, cap)) = capped {
            vectorized(|| soft_cap_gradient(&capped, cap, logits));
        }
        moved + f64::from(largest_q) - f64::from(largest_p) + sums
    }
}
