//! GPTQ of an embedding that makes the logits too.
//!
//! Its rows are read in two ways. As the weight of the logits it has inputs that say which errors
//! count; a row that is looked up is an input itself, and there all errors count alike. The first
//! is a Gram matrix, the second a share of its diagonal: damping.

use olive_kit_calibrate::{
    Calibration, Inputs, LayerWeights, Memory, Observer, Order, Site, Visitor, stream,
};
use olive_kit_checkpoint::{Checkpoint, Decoder};
use olive_kit_solve::{Coded, GptqOptions, Grid, Hessian, Moments};

use super::moments;
use crate::config::GptqConfig;
use crate::error::QuantizeError;

/// The least share of damping, for the rows that are looked up.
const LOOKUP_DAMPING: f64 = 0.1;
/// Tokens for each input of the logits; more of them change little.
const TOKENS_OF_INPUT: usize = 16;

/// An embedding that is solved for the logits.
pub(crate) struct Table {
    /// What is known of the inputs of the logits.
    pub(crate) inputs: Moments,
    hessian: Hessian,
    grid: Grid,
}

/// What is known of the inputs of the logits of the unquantized model.
///
/// # Errors
/// As [`stream`].
pub(crate) fn inputs_of_logits(
    checkpoint: &Checkpoint,
    calibration: &Calibration,
    memory: &Memory,
    observer: &mut dyn Observer,
) -> Result<Option<Moments>, QuantizeError> {
    let enough = TOKENS_OF_INPUT * checkpoint.decoder().hidden_size;
    let calibration = part(calibration, enough);
    let mut logits = Logits(None);
    stream(checkpoint, &calibration, memory, Order::TrueSequential, &mut logits, observer)?;
    Ok(logits.0)
}

impl Table {
    /// Takes what is known of the inputs of the logits, for an embedding on a grid.
    ///
    /// # Errors
    /// When the inputs say nothing.
    pub(crate) fn new(
        settings: &GptqConfig,
        grid: Grid,
        inputs: Moments,
    ) -> Result<Self, QuantizeError> {
        let is_ordered = settings.is_ordered(grid);
        let options = GptqOptions {
            damping: settings.damp_percent.max(LOOKUP_DAMPING),
            desc_act: is_ordered,
            // The layout of embeddings has no place for groups of inputs here and there.
            static_groups: is_ordered || settings.is_static(),
            ..GptqOptions::default()
        };
        let hessian = Hessian::new(&inputs, &options);
        let hessian = hessian.map_err(QuantizeError::of(Decoder::EMBEDDING_MODULE))?;
        Ok(Self { inputs, hessian, grid })
    }

    /// Codes of rows of the embedding, `[n, k]`.
    ///
    /// # Errors
    /// When the rows do not fit the grid.
    pub(super) fn solve(&self, rows: &[f32], [n, k]: [usize; 2]) -> Result<Coded, QuantizeError> {
        let solved = self.hessian.solve(rows, n, k, self.grid);
        Ok(solved.map_err(QuantizeError::of(Decoder::EMBEDDING_MODULE))?.coded)
    }
}

/// Sequences here and there that have about `enough` tokens; all where they have fewer.
fn part(calibration: &Calibration, enough: usize) -> Calibration {
    let step = (calibration.num_tokens() / enough.max(1)).max(1);
    Calibration { sequences: calibration.sequences.iter().step_by(step).cloned().collect() }
}

/// Looks at the logits only.
struct Logits(Option<Moments>);

impl Visitor for Logits {
    type Error = QuantizeError;

    fn visit(
        &mut self,
        site: Site,
        _layer: &mut LayerWeights<'_>,
        inputs: &mut Inputs<'_>,
    ) -> Result<(), QuantizeError> {
        if site == Site::LmHead {
            self.0 = Some(moments(inputs, Decoder::EMBEDDING_MODULE)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_spread_over_all_sequences() {
        let of = |count: u32| Calibration { sequences: (0..count).map(|at| vec![at; 8]).collect() };
        assert_eq!(part(&of(10), 1000), of(10));
        let part = part(&of(100), 200);
        assert_eq!(part.num_tokens(), 200);
        let first: Vec<u32> = part.sequences.iter().map(|tokens| tokens[0]).collect();
        assert_eq!(first[..4], [0, 4, 8, 12]);
        let nothing = super::part(&of(3), 0);
        assert_eq!(nothing.num_tokens(), 8);
    }
}
