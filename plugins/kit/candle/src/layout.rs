//! Where the tokens of a batch stand and what they may see.

use std::ops::Range;

use candle_core::{Device, Result, Tensor};
use olive_kit_checkpoint::Decoder;
use olive_kit_decoder::Batch;

/// Positions, rotations and visible keys of one batch, for all layers.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Number of sequences.
    pub(crate) batch: usize,
    /// Tokens of each.
    pub(crate) seq: usize,
    /// Cos of all angles, `[batch, seq, rotary_dim / 2]` in f32.
    pub(crate) cos: Tensor,
    pub(crate) sin: Tensor,
    /// The first key of each token's sample, `[batch * seq]`.
    starts: Option<Vec<u32>>,
    /// Keys that may be seen, `[batch * seq]`.
    key_mask: Option<Vec<bool>>,
    /// Both, `[batch * seq]`: starts, with the highest bit set where a key may not be seen.
    #[cfg(feature = "cuda")]
    pub(crate) visible: Tensor,
}

impl Layout {
    /// `LongRoPE` takes its long factors when a sequence, or the longest sample where sequences hold
    /// several, exceeds the original length, as the engine on the CPU.
    pub(crate) fn new(decoder: &Decoder, batch: &Batch, device: &Device) -> Result<Self> {
        let seq = batch.seq;
        let positions = batch.positions();
        let longest = positions.iter().max().map_or(0, |&last| last as usize + 1);
        let (cos, sin) = decoder.rope.tables(0..longest, longest);
        let starts = batch.sample_starts();
        let half = decoder.rope.rotary_dim / 2;
        let table = |values: Vec<f32>| {
            let rows = positions
                .iter()
                .flat_map(|&position| values[position as usize * half..][..half].iter().copied());
            Tensor::from_iter(rows, device)?.reshape((batch.batch, seq, half))
        };
        let (cos, sin) = (table(cos)?, table(sin)?);
        let key_mask = batch.attention_mask.clone().filter(|mask| mask.iter().any(|seen| !seen));
        Ok(Self {
            batch: batch.batch,
            seq,
            cos,
            sin,
            #[cfg(feature = "cuda")]
            visible: visible(starts.as_deref(), key_mask.as_deref(), batch, device)?,
            starts,
            key_mask,
        })
    }

    /// What is added to the scores of some queries and keys, `[batch, 1, queries, keys]` in f32, and
    /// 0 for queries that see no key, 1 for others, `[batch, 1, queries, 1]`, where there are such.
    pub(crate) fn mask(
        &self,
        queries: &Range<usize>,
        keys: &Range<usize>,
        window: Option<usize>,
        device: &Device,
    ) -> Result<(Tensor, Option<Tensor>)> {
        /// Makes a probability 0, but is no infinity, so that rows of nothing else stay numbers.
        const HIDDEN: f32 = -1e30;
        // One mask serves all sequences when nothing tells them apart.
        let is_shared = self.starts.is_none() && self.key_mask.is_none();
        let sequences = if is_shared { 1 } else { self.batch };
        let mut mask = Vec::with_capacity(sequences * queries.len() * keys.len());
        let mut sees = Vec::with_capacity(sequences * queries.len());
        for sequence in 0..sequences {
            for query in queries.clone() {
                let row = sequence * self.seq;
                let sample = self.starts.as_ref().map_or(0, |starts| starts[row + query] as usize);
                let start = (query + 1).saturating_sub(window.unwrap_or(usize::MAX)).max(sample);
                let is_seen = |key: usize| {
                    (start..=query).contains(&key)
                        && self.key_mask.as_ref().is_none_or(|mask| mask[row + key])
                };
                mask.extend(keys.clone().map(|key| if is_seen(key) { 0.0 } else { HIDDEN }));
                sees.push(keys.clone().any(is_seen));
            }
        }
        let mask = Tensor::from_vec(mask, (sequences, 1, queries.len(), keys.len()), device)?;
        let all_see = sees.iter().all(|sees| *sees);
        let sees = sees.into_iter().map(|sees| if sees { 1.0_f32 } else { 0.0 }).collect();
        let sees = Tensor::from_vec(sees, (sequences, 1, queries.len(), 1), device)?;
        Ok((mask, (!all_see).then_some(sees)))
    }
}

#[cfg(feature = "cuda")]
fn visible(
    starts: Option<&[u32]>,
    key_mask: Option<&[bool]>,
    batch: &Batch,
    device: &Device,
) -> Result<Tensor> {
    const HIDDEN: u32 = 1 << 31;
    let rows = 0..batch.input_ids.len();
    let visible = rows.map(|row| {
        let is_seen = key_mask.is_none_or(|mask| mask[row]);
        starts.map_or(0, |starts| starts[row]) | if is_seen { 0 } else { HIDDEN }
    });
    Tensor::from_vec(visible.collect(), batch.input_ids.len(), device)
}
