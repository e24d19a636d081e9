//! The cross entropy of next tokens, from hidden states, some rows of logits at a time.

use candle_core::{D, DType, Result, Tensor};
use olive_kit_decoder::Batch;

use crate::linear::Linear;
use crate::parameters::DeviceGradients;
use crate::pass::Pass;

/// Logits that may exist at a time.
const MAX_LOGITS: usize = 1 << 25;

/// The loss over the labels of a batch, which are checked.
pub(crate) struct VocabularyLoss<'a> {
    lm_head: &'a Linear,
    softcap: Option<f64>,
    /// Rows of hidden states that predict, and what.
    rows: Vec<u32>,
    labels: Vec<u32>,
    /// Share of each label that is spread over the vocabulary.
    smoothing: f64,
}

impl<'a> VocabularyLoss<'a> {
    pub(crate) fn new(
        lm_head: &'a Linear,
        softcap: Option<f64>,
        batch: &Batch,
        smoothing: f64,
    ) -> Self {
        let number = |value| u32::try_from(value).unwrap_or(u32::MAX);
        let predictions = batch
            .predictions()
            .map(|(row, label)| (number(row), u32::try_from(label).unwrap_or(0)));
        let (rows, labels) = predictions.unzip();
        Self { lm_head, softcap, rows, labels, smoothing }
    }

    /// The losses of hidden states `[rows, hidden_size]`, chunk by chunk.
    pub(crate) fn forward(&self, hidden: &Tensor, pass: &Pass<'_>) -> Result<Losses> {
        let losses = self.chunks().map(|(rows, labels)| {
            let (_, logits, labels) = self.logits(hidden, rows, labels, pass)?;
            losses(&logits, &labels, self.softcap, 0.0)
        });
        Ok(Losses(losses.collect::<Result<_>>()?))
    }

    /// The same; gives the gradient of the hidden states, of `share` times the sum of losses.
    pub(crate) fn forward_and_backward(
        &self,
        hidden: &Tensor,
        share: f64,
        pass: &Pass<'_>,
        gradients: &mut DeviceGradients,
    ) -> Result<(Losses, Tensor)> {
        let (mut all_losses, mut of_rows) = (Vec::new(), Vec::new());
        for (rows, labels) in self.chunks() {
            let (rows, logits, labels) = self.logits(hidden, rows, labels, pass)?;
            all_losses.push(losses(&logits, &labels, self.softcap, self.smoothing)?);
            let of_logits = gradient(&logits, &labels, self.softcap, self.smoothing, share)?;
            drop(logits);
            of_rows.extend(self.lm_head.backward(&rows, &of_logits, true, pass, gradients)?);
        }
        // Rows that predict nothing take the gradient of a row of zeros.
        let (num_rows, width) = hidden.dims2()?;
        of_rows.push(Tensor::zeros((1, width), hidden.dtype(), hidden.device())?);
        let zeros = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        let mut sources = vec![zeros; num_rows];
        for (source, &row) in (0..).zip(&self.rows) {
            sources[row as usize] = source;
        }
        let sources = Tensor::from_vec(sources, num_rows, hidden.device())?;
        let of_hidden = Tensor::cat(&of_rows, 0)?.index_select(&sources, 0)?;
        Ok((Losses(all_losses), of_hidden))
    }

    /// Rows and labels of each chunk, in order.
    fn chunks(&self) -> impl Iterator<Item = (&[u32], &[u32])> {
        let chunks = (self.rows.len() * self.lm_head.out_features()).div_ceil(MAX_LOGITS).max(1);
        let at_once = self.rows.len().div_ceil(chunks).max(1);
        self.rows.chunks(at_once).zip(self.labels.chunks(at_once))
    }

    /// The hidden states of some rows, their logits and labels.
    fn logits(
        &self,
        hidden: &Tensor,
        rows: &[u32],
        labels: &[u32],
        pass: &Pass<'_>,
    ) -> Result<(Tensor, Tensor, Tensor)> {
        let rows = hidden.index_select(&Tensor::new(rows, hidden.device())?, 0)?;
        let logits = self.lm_head.forward(&rows, pass)?;
        Ok((rows, logits, Tensor::new(labels, hidden.device())?))
    }
}

/// The loss of each prediction, `[predictions]` of each chunk, on the device.
pub(crate) struct Losses(Vec<Tensor>);

impl Losses {
    /// Their sum, once the device has computed them.
    pub(crate) fn sum(&self) -> Result<f64> {
        let sums = self.0.iter().map(|losses| {
            let losses = losses.to_vec1::<f32>()?;
            Ok(losses.into_iter().map(f64::from).sum::<f64>())
        });
        sums.sum()
    }
}

/// With `p` the softmax of capped logits and `s` the smoothing: `(1 - s) (-ln p[label]) + s mean(-ln p)`,
/// `[rows]` in f32.
fn losses(
    logits: &Tensor,
    labels: &Tensor,
    softcap: Option<f64>,
    smoothing: f64,
) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if logits.device().is_cuda() {
        return crate::kernels::losses(logits, labels, softcap, smoothing);
    }
    let capped = soft_cap(&logits.to_dtype(DType::F32)?, softcap)?;
    let picked = capped.gather(&labels.unsqueeze(1)?, 1)?.squeeze(1)?;
    let mut expected = (picked * (1.0 - smoothing))?;
    if smoothing > 0.0 {
        expected = (expected + (capped.mean(D::Minus1)? * smoothing)?)?;
    }
    let largest = capped.max_keepdim(D::Minus1)?;
    let sum = capped.broadcast_sub(&largest)?.exp()?.sum(D::Minus1)?;
    (largest.squeeze(1)? + sum.log()?)? - expected
}

/// The gradient of `share` times the losses: `share (p - (1 - s) at the label - s / vocab_size)`,
/// in the type of the logits.
fn gradient(
    logits: &Tensor,
    labels: &Tensor,
    softcap: Option<f64>,
    smoothing: f64,
    share: f64,
) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if logits.device().is_cuda() {
        return crate::kernels::loss_gradient(logits, labels, softcap, smoothing, share);
    }
    let capped = soft_cap(&logits.to_dtype(DType::F32)?, softcap)?;
    let (rows, vocab_size) = logits.dims2()?;
    let probabilities = candle_nn::ops::softmax_last_dim(&capped)?;
    let spread = smoothing / vocab_size as f64;
    let at_label =
        Tensor::full(smoothing - 1.0, (rows, 1), logits.device())?.to_dtype(DType::F32)?;
    let spread = (probabilities - spread)?;
    let mut gradient = spread.scatter_add(&labels.unsqueeze(1)?, &at_label, 1)?;
    if let Some(cap) = softcap {
        gradient = (gradient * (capped / cap)?.sqr()?.affine(-1.0, 1.0)?)?;
    }
    (gradient * share)?.to_dtype(logits.dtype())
}

/// Logits `l`, or `c tanh(l / c)` where there is a cap `c`.
pub(crate) fn soft_cap(logits: &Tensor, cap: Option<f64>) -> Result<Tensor> {
    match cap {
        Some(cap) => (logits / cap)?.tanh()? * cap,
        None => Ok(logits.clone()),
    }
}
