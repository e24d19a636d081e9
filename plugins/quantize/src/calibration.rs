//! From a data config to the samples that are calibrated on.

use std::path::Path;

use olive_kit_calibrate::Calibration;
use olive_kit_checkpoint::Decoder;
use olive_kit_text::{Block, Tokenizer, pack};
use olive_plugin_api::{Diagnostic, LogLevel, StepContext};

use crate::config::Data;
use crate::error::QuantizeError;

const DATA: &str = "/data_config";
/// Samples where the settings do not say.
const SAMPLES: usize = 128;

/// The samples that are calibrated on.
#[derive(Debug)]
pub(crate) struct Samples {
    /// Their tokens.
    pub(crate) calibration: Calibration,
    /// Samples that the data config has.
    available: usize,
    /// Samples that were asked for.
    wanted: usize,
    /// Whether the settings say how many.
    is_asked: bool,
}

impl Samples {
    /// A finding about samples that the model has no positions for.
    pub(crate) fn too_long(&self, decoder: &Decoder) -> Option<Diagnostic> {
        let longest = self.calibration.sequences.iter().map(Vec::len).max()?;
        let limit = decoder.max_positions;
        (longest > limit).then(|| {
            let message =
                format!("a sample has {longest} tokens, and the model has positions for {limit}");
            let problem = Diagnostic::error("out-of-range", DATA, message);
            problem.with_help(format!("set `max_seq_len` of the data config to {limit} or less"))
        })
    }

    /// Says how many there are, and that they are fewer than asked for where they are.
    pub(crate) fn announce(&self, ctx: &StepContext<'_>) {
        let (count, tokens) = (self.calibration.sequences.len(), self.calibration.num_tokens());
        let of = if self.available > count {
            format!(", drawn from {}", self.available)
        } else {
            String::new()
        };
        ctx.log(LogLevel::Info, format!("{count} samples of {tokens} tokens to calibrate on{of}"));
        if self.available < self.wanted {
            let level = if self.is_asked { LogLevel::Warning } else { LogLevel::Info };
            let wanted = self.wanted;
            let message = format!("the data has {count} samples, fewer than the {wanted} wanted");
            ctx.log(level, message);
        }
    }
}

/// Reads, tokenizes and packs what the settings name, with the tokenizer in `model_dir`, and draws
/// samples.
///
/// # Errors
/// [`QuantizeError::Refused`] when no data are named or they do not fit the config.
pub(crate) fn load(
    model_dir: &Path,
    settings: &Data,
    ctx: &StepContext<'_>,
) -> Result<Samples, QuantizeError> {
    let Some(name) = &settings.data_config else {
        let message = "there is nothing to calibrate on: `data_config` is not set";
        let problem = Diagnostic::error("missing-setting", DATA, message);
        let help = "name a data config, best of what the model was tuned on; Olive would download \
                    `wikitext` here";
        return Err(problem.with_help(help).into());
    };
    let tokenizer = Tokenizer::open(model_dir).map_err(|error| error.finding(""))?;
    let packed = pack(&tokenizer, ctx.data_config(name)?).map_err(|error| error.finding(DATA))?;
    let sequences: Vec<_> = packed.blocks.iter().flat_map(sequences).collect();
    if sequences.is_empty() {
        let message = format!("the data of `{name}` have no token to calibrate on");
        return Err(Diagnostic::error("empty-data", DATA, message).into());
    }
    let (available, wanted) = (sequences.len(), settings.nsamples.unwrap_or(SAMPLES));
    let sequences = draw(sequences, wanted, settings.seed);
    let calibration = Calibration { sequences };
    Ok(Samples { calibration, available, wanted, is_asked: settings.nsamples.is_some() })
}

/// The texts of a block that do not see each other, without padding.
fn sequences(block: &Block) -> Vec<Vec<u32>> {
    let lengths = block.sample_lengths.clone();
    let lengths = lengths.unwrap_or_else(|| vec![u32::try_from(block.len()).unwrap_or(u32::MAX)]);
    let mut start = 0;
    let samples = lengths.into_iter().map(|length| {
        let end = (start + length as usize).min(block.len());
        let tokens = (start..end).filter(|&at| block.attends(at)).map(|at| block.input_ids[at]);
        start = end;
        tokens.collect::<Vec<_>>()
    });
    samples.filter(|tokens| !tokens.is_empty()).collect()
}

/// At most `count` of `sequences`, drawn by `seed`, in their order.
fn draw(sequences: Vec<Vec<u32>>, count: usize, seed: u64) -> Vec<Vec<u32>> {
    if sequences.len() <= count {
        return sequences;
    }
    let mut state = seed;
    let mut places: Vec<usize> = (0..sequences.len()).collect();
    for taken in 0..count {
        let left = places.len() - taken;
        // The remainder's bias is below 1e-9 of a draw.
        let offset = usize::try_from(next(&mut state) % left as u64).unwrap_or_default();
        places.swap(taken, taken + offset);
    }
    let mut drawn = vec![false; sequences.len()];
    for &place in &places[..count] {
        drawn[place] = true;
    }
    let kept = sequences.into_iter().zip(drawn).filter(|(_, is_drawn)| *is_drawn);
    kept.map(|(sequence, _)| sequence).collect()
}

/// `SplitMix64`: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(count: u32) -> Vec<Vec<u32>> {
        (0..count).map(|token| vec![token]).collect()
    }

    #[test]
    fn a_draw_is_in_order_without_doubles_and_by_its_seed() {
        let drawn = draw(of(50), 10, 7);
        assert_eq!(drawn.len(), 10);
        assert!(drawn.is_sorted() && drawn.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(draw(of(50), 10, 7), drawn);
        assert_ne!(draw(of(50), 10, 8), drawn);
        assert_eq!(draw(of(5), 10, 7), of(5));
    }

    #[test]
    fn texts_of_a_block_are_apart_and_without_padding() {
        let block = Block {
            input_ids: vec![5, 6, 7, 8, 9, 0],
            attention_mask: Some(vec![true, true, true, true, true, false]),
            sample_lengths: Some(vec![2, 3]),
            ..Block::default()
        };
        assert_eq!(sequences(&block), [vec![5, 6], vec![7, 8, 9]]);
        let plain = Block { input_ids: vec![1, 2], ..Block::default() };
        assert_eq!(sequences(&plain), [vec![1, 2]]);
    }
}
