//! The search for ranges at a site: what `AutoClip` does alone, and AWQ after its scales.

use olive_kit_calibrate::{Inputs, LayerWeights, Site};
use olive_kit_checkpoint::Linear;
use olive_kit_solve::{ClipOptions, Grid, Moments, clip, nearest};

use super::{Matrix, Work, moments};
use crate::config::AutoClipConfig;
use crate::error::QuantizeError;

pub(super) fn visit(
    work: &mut Work<'_>,
    settings: &AutoClipConfig,
    site: Site,
    layer: &mut LayerWeights<'_>,
    inputs: &mut Inputs<'_>,
) -> Result<(), QuantizeError> {
    let matrices = work.matrices(site, layer)?;
    let Some(first) = matrices.first() else { return Ok(()) };
    let moments = moments(inputs, &first.path)?;
    let AutoClipConfig { n_grid, max_shrink, .. } = *settings;
    let options = ClipOptions { n_grid, max_shrink };
    for matrix in &matrices {
        let Some(grid) = matrix.grid else { continue };
        let clipped = clipped(matrix, grid, &moments, &options)?;
        leave_in_floats(work, matrix, grid, clipped, &moments, layer)?;
    }
    Ok(())
}

/// The weight of a matrix within the ranges of least error.
pub(super) fn clipped(
    matrix: &Matrix,
    grid: Grid,
    moments: &Moments,
    options: &ClipOptions,
) -> Result<Vec<f32>, QuantizeError> {
    let Linear { out_features: n, in_features: k, .. } = matrix.linear;
    let found = clip(&matrix.weight, n, k, moments, grid, options);
    let mut weight = matrix.weight.clone();
    found.map_err(QuantizeError::of(&matrix.path))?.apply(&mut weight);
    Ok(weight)
}

/// Takes another weight in floats, and reports what rounding it to nearest will cost.
pub(super) fn leave_in_floats(
    work: &mut Work<'_>,
    matrix: &Matrix,
    grid: Grid,
    weight: Vec<f32>,
    moments: &Moments,
    layer: &mut LayerWeights<'_>,
) -> Result<(), QuantizeError> {
    let Linear { out_features: n, in_features: k, .. } = matrix.linear;
    let rounded = nearest(&weight, n, k, grid).map_err(QuantizeError::of(&matrix.path))?;
    work.measure(matrix, &rounded.dequantize(), moments)?;
    layer.replace_weight(&matrix.linear.name, &weight)?;
    work.made.keep_floats(format!("{}.weight", matrix.path), weight);
    Ok(())
}
