//! The linear layers beside the residual stream, with what is known of their inputs.

use olive_kit_calibrate::{Inputs, LayerWeights, Site, Visitor};
use olive_kit_checkpoint::{Checkpoint, Decoder, Linear};
use olive_kit_solve::{Grid, Moments, RoundingCost, SolveError, outputs_square};
use olive_plugin_api::StepContext;

use super::grams::{Grams, IN_MEMORY};
use crate::error::QuantizeError;
use crate::methods::moments;
use crate::rotate::turns::Turns;

/// Rows that are rounded at once.
pub(super) const ROWS: usize = 4096;

/// Looks at each site once and leaves it as it is.
pub(super) struct Sites<'a> {
    turns: &'a Turns,
    reads_logits: bool,
    /// Number of layers.
    total: u64,
    ctx: &'a StepContext<'a>,
    pub(super) collected: Collected,
}

/// What is known of all sites.
#[derive(Debug)]
pub(super) struct Collected {
    grams: Grams,
    sites: Vec<Known>,
    num_matrices: usize,
}

/// A site, with the number of the Gram matrix of its inputs.
#[derive(Debug)]
struct Known {
    site: Site,
    gram: usize,
    matrices: Vec<Matrix>,
}

/// A linear layer whose weight is rounded.
#[derive(Debug)]
struct Matrix {
    linear: Linear,
    /// Name of its weight where it is written.
    name: String,
    /// Square of its outputs over all tokens.
    square: f64,
}

impl<'a> Sites<'a> {
    pub(super) fn new(
        turns: &'a Turns,
        reads_logits: bool,
        num_layers: usize,
        ctx: &'a StepContext<'a>,
    ) -> Self {
        let grams = Grams::new(ctx.scratch_dir(), IN_MEMORY);
        let collected = Collected { grams, sites: Vec::new(), num_matrices: 0 };
        Self { turns, reads_logits, total: num_layers as u64, ctx, collected }
    }

    /// Moments of the inputs as they are before the stream is rotated.
    fn moments(
        &self,
        site: Site,
        layer: Option<usize>,
        path: &str,
        inputs: &mut Inputs<'_>,
    ) -> Result<Moments, QuantizeError> {
        let Some(layer) = layer.filter(|_| site == Site::Output) else {
            inputs.leave_out_norm_weight();
            return moments(inputs, path);
        };
        let (values, mut found) = (self.turns.values(layer), Moments::new(inputs.width()));
        inputs.each(|rows| {
            let mut rows = rows.to_vec();
            values.rotate_rows(&mut rows);
            found.add(&rows).map_err(QuantizeError::of(path))
        })?;
        Ok(found)
    }
}

impl Visitor for Sites<'_> {
    type Error = QuantizeError;

    fn visit(
        &mut self,
        site: Site,
        layer: &mut LayerWeights<'_>,
        inputs: &mut Inputs<'_>,
    ) -> Result<(), QuantizeError> {
        let linears = layer.linears(site).to_vec();
        let Some(first) = linears.first() else { return Ok(()) };
        if site == Site::LmHead && !self.reads_logits {
            return Ok(());
        }
        let moments = self.moments(site, layer.index(), &first.name, inputs)?;
        let mut matrices = Vec::with_capacity(linears.len());
        for linear in linears {
            let name = match site {
                Site::LmHead => Decoder::LM_HEAD.to_owned(),
                Site::Qkv | Site::Output | Site::GateUp | Site::Down => linear.weight(),
            };
            let (n, k) = (linear.out_features, linear.in_features);
            let mut weight = layer.weight(&linear.name)?;
            self.turns.fold(&name, k, &mut weight);
            let square = outputs_square(&weight, n, k, &moments);
            let square = square.map_err(QuantizeError::of(&linear.name))?;
            if square > 0.0 {
                matrices.push(Matrix { linear, name, square });
            }
        }
        let collected = &mut self.collected;
        collected.num_matrices += matrices.len();
        let gram = collected.grams.keep(moments.into_gram())?;
        collected.sites.push(Known { site, gram, matrices });
        if let (Site::Down, Some(index)) = (site, layer.index()) {
            self.ctx.progress("layer", index as u64 + 1, self.total, &[]);
        }
        Ok(())
    }
}

impl Collected {
    /// Adds what rounding costs each matrix, relative to its outputs: the mean of all.
    ///
    /// # Errors
    /// When a weight cannot be read or rounded, or the step is cancelled.
    pub(super) fn add(
        &mut self,
        checkpoint: &Checkpoint,
        turns: &Turns,
        grid: Grid,
        cost: &mut RoundingCost<'_>,
        ctx: &StepContext<'_>,
    ) -> Result<(), QuantizeError> {
        let Self { grams, sites, num_matrices } = self;
        let count = *num_matrices as f64;
        for Known { site, gram, matrices } in sites {
            let gram = grams.get(*gram)?;
            let rotated = match site {
                Site::Qkv | Site::GateUp | Site::LmHead => Some(cost.rotated_gram(&gram)),
                Site::Output | Site::Down => None,
            };
            for matrix in matrices {
                if ctx.is_cancelled() {
                    return Err(QuantizeError::Cancelled);
                }
                let (k, share) = (matrix.linear.in_features, 1.0 / (count * matrix.square));
                let weight = matrix.folded(checkpoint, turns)?;
                let added = match &rotated {
                    Some(rotated) => add_reader(cost, &weight, k, rotated, grid, share),
                    None => cost.add_writer(&weight, k, &gram, grid, share),
                };
                added.map_err(QuantizeError::of(&matrix.linear.name))?;
            }
        }
        Ok(())
    }
}

impl Matrix {
    /// Its weight before the stream is rotated.
    fn folded(&self, checkpoint: &Checkpoint, turns: &Turns) -> Result<Vec<f32>, QuantizeError> {
        let mut weight = checkpoint.linear(&self.linear)?.to_f32().into_owned();
        checkpoint.release(&self.linear.weight());
        turns.fold(&self.name, self.linear.in_features, &mut weight);
        Ok(weight)
    }
}

/// Adds what rounding costs a weight that reads the stream, some rows at a time.
fn add_reader(
    cost: &mut RoundingCost<'_>,
    weight: &[f32],
    k: usize,
    rotated_gram: &[f32],
    grid: Grid,
    share: f64,
) -> Result<(), SolveError> {
    let mut bands = weight.chunks(ROWS * k);
    bands.try_for_each(|rows| cost.add_reader(rows, rows.len() / k, rotated_gram, grid, share))
}
