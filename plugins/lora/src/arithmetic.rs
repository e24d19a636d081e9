//! How many operations a training takes, by the algorithm alone.

use olive_kit_adapters::Adapters;
use olive_kit_checkpoint::Decoder;

/// Floating-point operations for each token of a sequence of `seq`, multiplications and additions
/// counted apart.
///
/// Frozen weights are multiplied twice, forward and for the gradient of their input; adapters three
/// times; scores and the attention of a causal pass, on half the tokens, forward once and backward
/// twice. What is computed again to save memory is not counted, so that it lowers the share of the
/// processor's peak that a training reaches.
pub(crate) fn per_token(decoder: &Decoder, adapters: &Adapters, seq: usize) -> f64 {
    let linears = decoder.linears_of_layers();
    let head = decoder.hidden_size * decoder.vocab_size;
    let frozen: usize =
        linears.map(|linear| linear.in_features * linear.out_features).sum::<usize>() + head;
    let seen = |layer| decoder.window(layer).unwrap_or(seq).min(seq) as f64 / 2.0;
    let seen: f64 = (0..decoder.num_layers).map(seen).sum();
    let attention = 2.0 * seen * decoder.query_width() as f64;
    2.0 * (2.0 * frozen as f64 + 3.0 * adapters.num_values() as f64 + 3.0 * attention)
}
