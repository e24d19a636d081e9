//! What the distributions of a model gain where a linear layer is rounded less.
//!
//! The sensitivity of mlx-lm's `dynamic_quant` and of Olive's `kld_gradient`: with all linear layers
//! rounded to a low precision, the gradient of `KL(model ‖ rounded model)` with respect to each
//! weight, times the difference of that weight from the one in a high precision. The gradient itself
//! is never made: `<dL/dW, D>` is the sum of `<dL/dy, D x>` over all tokens.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use olive_kit_checkpoint::{Checkpoint, Decoder, Linear};
use olive_kit_decoder::{
    Batch, EmbeddingGradient, GradientObserver, LinearGradient, Storage, Teacher, Transformer,
};

use crate::calibration::Calibration;
use crate::error::CalibrateError;
use crate::states::size_bytes;

/// Tokens that are computed at once, where sequences are shorter: each time all weights are rounded
/// anew.
const TOKENS_AT_ONCE: usize = 2048;
/// Logits of each of the two models that exist at a time, as in `kit/decoder`.
const LOGITS: usize = 1 << 23;
/// Matrices of the size of the widest that exist while its direction is made: as it is, its codes and
/// those on the other grid, what both stand for, and the product with it.
const MATRICES: u64 = 5;

/// A weight on two grids, `[out_features, in_features]` each.
#[derive(Debug, Clone, PartialEq)]
pub struct Rounded {
    /// What the codes of low precision stand for.
    pub low: Vec<f32>,
    /// What those of high precision stand for.
    pub high: Vec<f32>,
}

/// What rounding costs, and where it costs most.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sensitivity {
    /// Mean over sequences of the mean of their tokens: `KL(model ‖ model in low precision)`.
    pub divergence: f64,
    /// By how much that falls, in first order, when a linear layer goes to the high precision; by
    /// path, the layer of logits as `lm_head`. What a tied embedding gains is part of it.
    pub gains: BTreeMap<String, f64>,
}

/// The sensitivity of each linear layer of `checkpoint` to its rounding by `round`, for what the
/// model reads.
///
/// Every linear layer is rounded, and the embedding where it makes the logits. `progress` is called
/// before every few sequences and at the end, with the steps that are done and their number; what it
/// refuses ends the work. Memory: see [`sensitivity_bytes`].
///
/// # Errors
/// When there is nothing to read, the model cannot read it, a weight cannot be read or rounded, or
/// logits are not finite.
pub fn sensitivity<E>(
    checkpoint: &Checkpoint,
    calibration: &Calibration,
    round: impl Fn(&Linear, &[f32]) -> Result<Rounded, E> + Sync,
    mut progress: impl FnMut(usize, usize) -> Result<(), E>,
) -> Result<Sensitivity, E>
where
    E: From<CalibrateError> + Send,
{
    calibration.check(checkpoint.decoder())?;
    let (batches, num_sequences) = (batches(calibration), calibration.sequences.len());
    let total = 2 * batches.len();
    let transformer = Transformer::load(checkpoint, Storage::default());
    let mut transformer = transformer.map_err(CalibrateError::from)?;
    let (head, mut taught) = (transformer.head(), Vec::with_capacity(batches.len()));
    for (done, batch) in batches.iter().enumerate() {
        progress(done, total)?;
        taught.push(transformer.hidden_states(batch).map_err(CalibrateError::from)?);
    }
    let slopes = Slopes { weights: Weights::new(checkpoint, round), state: Mutex::default() };
    slopes.weights.lower(&mut transformer)?;
    let mut divergence = 0.0;
    for (index, (batch, hidden)) in batches.iter().zip(taught).enumerate() {
        progress(batches.len() + index, total)?;
        let share = ((batch.seq * num_sequences) as f64).recip();
        let teacher = Teacher { head: &head, hidden: &hidden, share };
        let found = transformer.divergence(batch, &teacher, &slopes).map_err(CalibrateError::from);
        divergence += found?;
        if let Some(error) = slopes.state().error.take() {
            return Err(error);
        }
        if !divergence.is_finite() {
            return Err(CalibrateError::LogitsNotFinite { len: batch.seq }.into());
        }
    }
    progress(total, total)?;
    Ok(Sensitivity { divergence, gains: slopes.into_gains() })
}

/// Peak memory of [`sensitivity`] in bytes, beside the program: all weights in f32, the table of the
/// logits once more, hidden states of all tokens, what one layer keeps for those that are computed at
/// once, and the widest matrix five times.
pub fn sensitivity_bytes(decoder: &Decoder, calibration: &Calibration) -> u64 {
    let of = |linear: &Linear| size_bytes(linear.out_features, linear.in_features);
    let table = of(&decoder.embedding_table());
    let num_tables = if decoder.ties_embeddings { 2 } else { 3 };
    let layers: u64 = decoder.linears_of_layers().map(|linear| of(&linear)).sum();
    let widest = decoder.linears(0).iter().map(of).fold(table, u64::max);
    let (hidden, inner) = (decoder.hidden_size, decoder.intermediate_size);
    let heads = 2 * (decoder.query_width() + decoder.kv_width());
    // The stream before each layer; and of one layer what it keeps, and room to compute in.
    let of_token = (decoder.num_layers + 8) * hidden + 2 * heads + 5 * inner;
    let longest = calibration.sequences.iter().map(Vec::len).max().unwrap_or_default();
    let at_once = longest.max(TOKENS_AT_ONCE.min(calibration.num_tokens()));
    let logits = LOGITS.min(at_once * decoder.vocab_size);
    layers
        + num_tables * table
        + size_bytes(calibration.num_tokens(), hidden)
        + size_bytes(at_once, of_token)
        + size_bytes(logits, 3)
        + MATRICES * widest
}

/// Sequences of one length are computed together, as many as have room.
fn batches(calibration: &Calibration) -> Vec<Batch> {
    let mut by_length: BTreeMap<usize, Vec<&[u32]>> = BTreeMap::new();
    for sequence in &calibration.sequences {
        by_length.entry(sequence.len()).or_default().push(sequence);
    }
    let batches = by_length.into_iter().flat_map(|(len, sequences)| {
        let at_once = (TOKENS_AT_ONCE / len).max(1);
        let batch = |sequences: &[&[u32]]| Batch::causal(sequences.concat(), sequences.len());
        sequences.chunks(at_once).map(batch).collect::<Vec<_>>()
    });
    batches.collect()
}

/// Weights that are read and rounded when they are needed.
struct Weights<'a, R> {
    checkpoint: &'a Checkpoint,
    /// Linear layers by path, that of logits by its own.
    linears: BTreeMap<String, Linear>,
    round: R,
}

impl<'a, R> Weights<'a, R> {
    fn new(checkpoint: &'a Checkpoint, round: R) -> Self {
        let decoder = checkpoint.decoder();
        let head = Linear { name: Decoder::LM_HEAD_MODULE.to_owned(), ..decoder.lm_head() };
        let linears = decoder.linears_of_layers().chain([head]);
        let linears = linears.map(|linear| (linear.name.clone(), linear)).collect();
        Self { checkpoint, linears, round }
    }

    /// Puts the weights of low precision into a model.
    fn lower<E: From<CalibrateError>>(&self, transformer: &mut Transformer) -> Result<(), E>
    where
        R: Fn(&Linear, &[f32]) -> Result<Rounded, E>,
    {
        for linear in self.linears.values() {
            let Rounded { low, .. } = self.rounded(linear)?;
            if !transformer.replace_weight(&linear.name, &low) {
                let module = linear.name.clone();
                return Err(CalibrateError::NoModule { module, layer: None }.into());
            }
        }
        Ok(())
    }

    /// The difference of the weight of a linear layer in low precision from that in high precision.
    fn direction<E: From<CalibrateError>>(&self, linear: &Linear) -> Result<Vec<f32>, E>
    where
        R: Fn(&Linear, &[f32]) -> Result<Rounded, E>,
    {
        let Rounded { mut low, high } = self.rounded(linear)?;
        low.iter_mut().zip(&high).for_each(|(low, high)| *low -= high);
        Ok(low)
    }

    fn rounded<E: From<CalibrateError>>(&self, linear: &Linear) -> Result<Rounded, E>
    where
        R: Fn(&Linear, &[f32]) -> Result<Rounded, E>,
    {
        let is_head = linear.name == Decoder::LM_HEAD_MODULE;
        let tensor =
            if is_head { self.checkpoint.decoder().lm_head().weight() } else { linear.weight() };
        let shape = [linear.out_features, linear.in_features];
        let weight = self.checkpoint.shaped(&tensor, &shape).map_err(CalibrateError::from)?;
        let rounded = (self.round)(linear, &weight.to_f32());
        self.checkpoint.release(&tensor);
        rounded
    }
}

/// Takes the slope of the divergence along the direction of each linear layer.
struct Slopes<'a, R, E> {
    weights: Weights<'a, R>,
    state: Mutex<State<E>>,
}

struct State<E> {
    /// The direction that was needed last, and the path of its linear layer: that of logits is
    /// needed some times on end.
    direction: Option<(String, Vec<f32>)>,
    gains: BTreeMap<String, f64>,
    error: Option<E>,
}

impl<E> Default for State<E> {
    fn default() -> Self {
        Self { direction: None, gains: BTreeMap::new(), error: None }
    }
}

impl<R, E> Slopes<'_, R, E> {
    fn state(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn into_gains(self) -> BTreeMap<String, f64> {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).gains
    }
}

impl<R, E> Slopes<'_, R, E>
where
    R: Fn(&Linear, &[f32]) -> Result<Rounded, E>,
    E: From<CalibrateError>,
{
    fn add(&self, module: &str, along: impl FnOnce(&[f32]) -> f64) {
        let Some(linear) = self.weights.linears.get(module) else { return };
        let mut state = self.state();
        if state.error.is_some() {
            return;
        }
        let known = state.direction.take().filter(|(path, _)| path == module);
        let direction = match known {
            Some((_, direction)) => direction,
            None => match self.weights.direction(linear) {
                Ok(direction) => direction,
                Err(error) => {
                    state.error = Some(error);
                    return;
                }
            },
        };
        *state.gains.entry(module.to_owned()).or_default() += along(&direction);
        state.direction = Some((module.to_owned(), direction));
    }
}

impl<R, E> GradientObserver for Slopes<'_, R, E>
where
    R: Fn(&Linear, &[f32]) -> Result<Rounded, E> + Sync,
    E: From<CalibrateError> + Send,
{
    fn linear(&self, seen: &LinearGradient<'_>) {
        self.add(seen.module(), |direction| seen.along(direction));
    }

    fn embedding(&self, seen: &EmbeddingGradient<'_>) {
        if self.weights.checkpoint.decoder().ties_embeddings {
            self.add(Decoder::LM_HEAD_MODULE, |direction| seen.along(direction));
        }
    }
}

impl<R, E> fmt::Debug for Slopes<'_, R, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Slopes").finish_non_exhaustive()
    }
}
