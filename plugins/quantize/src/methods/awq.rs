//! AWQ at a site: scales for the inputs, ranges for the groups, then round to nearest.

use olive_kit_calibrate::{Inputs, LayerWeights, Site};
use olive_kit_checkpoint::{Linear, LinearRole};
use olive_kit_solve::{AwqOptions, ClipOptions, Moments, Weight, awq_scales, nearest};
use olive_plugin_api::LogLevel;

use super::clip::{clipped, leave_in_floats};
use super::source::Source;
use super::{Matrix, Work, moments};
use crate::config::AwqConfig;
use crate::error::QuantizeError;

pub(super) fn visit(
    work: &mut Work<'_>,
    settings: &AwqConfig,
    site: Site,
    layer: &mut LayerWeights<'_>,
    inputs: &mut Inputs<'_>,
) -> Result<(), QuantizeError> {
    let mut matrices = work.matrices(site, layer)?;
    let Some(first) = matrices.first() else { return Ok(()) };
    let mut known = moments(inputs, &first.path)?;
    if let Some(scales) = scale(work, settings, site, layer, &mut matrices, &known)? {
        known.divide(&scales).map_err(QuantizeError::of(&matrices[0].path))?;
    }
    let options = ClipOptions { n_grid: settings.n_grid, ..ClipOptions::default() };
    for matrix in &matrices {
        let Some(grid) = matrix.grid else { continue };
        let weight = if settings.apply_clip && is_clipped(matrix.linear.role) {
            clipped(matrix, grid, &known, &options)?
        } else {
            matrix.weight.clone()
        };
        if settings.export_compatible {
            leave_in_floats(work, matrix, grid, weight, &known, layer)?;
            continue;
        }
        let Linear { out_features: n, in_features: k, .. } = matrix.linear;
        let coded = nearest(&weight, n, k, grid).map_err(QuantizeError::of(&matrix.path))?;
        work.take(matrix, coded, &known, layer)?;
    }
    Ok(())
}

/// Scales the weights of a site where that lowers the error, and what makes its inputs the other way
/// round; gives the scales.
fn scale(
    work: &mut Work<'_>,
    settings: &AwqConfig,
    site: Site,
    layer: &mut LayerWeights<'_>,
    matrices: &mut [Matrix],
    known: &Moments,
) -> Result<Option<Vec<f32>>, QuantizeError> {
    let Some(source) = Source::of(site, layer, work.decoder) else { return Ok(None) };
    let quantized = matrices.iter().filter_map(|matrix| Some((matrix, matrix.grid?)));
    let Some((first, grid)) = quantized.clone().next() else { return Ok(None) };
    let weights = quantized
        .map(|(matrix, _)| Weight { values: &matrix.weight, n: matrix.linear.out_features });
    let options = AwqOptions { duo_scaling: settings.duo_scaling, n_grid: settings.n_grid };
    let found = awq_scales(&weights.collect::<Vec<_>>(), known, grid, &options);
    let found = found.map_err(QuantizeError::of(&first.path))?;
    let Some(exponent) = found.exponent else { return Ok(None) };
    let what = format!("inputs are scaled by their magnitude to the power of {exponent:.2}");
    work.report.note(LogLevel::Debug, &first.path, &what);
    let scales = source.divide(work, site, layer, &found.scales)?;
    for matrix in matrices {
        for row in matrix.weight.chunks_exact_mut(matrix.linear.in_features) {
            row.iter_mut().zip(&scales).for_each(|(weight, scale)| *weight *= scale);
        }
        if matrix.grid.is_none() {
            layer.replace_weight(&matrix.linear.name, &matrix.weight)?;
            work.made.keep_floats(format!("{}.weight", matrix.path), matrix.weight.clone());
        }
    }
    Ok(Some(scales))
}

/// Ranges of what makes scores are left alone, as `AutoAWQ` does: errors there are multiplied.
fn is_clipped(role: LinearRole) -> bool {
    !matches!(role, LinearRole::Qkv | LinearRole::Query | LinearRole::Key)
}
