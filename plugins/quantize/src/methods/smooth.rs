//! `SmoothQuant` at a site: scales that even out inputs and weights, and what 8 bits then cost.

use olive_kit_calibrate::{Inputs, LayerWeights, Site};
use olive_kit_solve::{
    Activations, SolveError, Weight, best_smooth_scales, int8_error, smooth_scales,
};
use olive_plugin_api::LogLevel;

use super::source::Source;
use super::{Matrix, Work};
use crate::config::{Alpha, SmoothQuantConfig};
use crate::error::QuantizeError;
use crate::memory::SMOOTH_TOKENS;

pub(super) fn visit(
    work: &mut Work<'_>,
    settings: &SmoothQuantConfig,
    site: Site,
    layer: &mut LayerWeights<'_>,
    inputs: &mut Inputs<'_>,
) -> Result<(), QuantizeError> {
    let mut matrices = work.matrices(site, layer)?;
    let Some(first) = matrices.first() else { return Ok(()) };
    let path = first.path.clone();
    let seen = activations(inputs, &path)?;
    let plain = vec![1.0; seen.inputs()];
    let before = errors(&matrices, &seen, &plain)?;
    let Some(source) = Source::of(site, layer, work.decoder) else {
        let what = "inputs keep their scales: several of them are one value of heads that share it";
        work.report.note(LogLevel::Debug, &path, what);
        report(work, &matrices, &before, &before);
        return Ok(());
    };
    let found = scales(settings.alpha, &matrices, &seen).map_err(QuantizeError::of(&path))?;
    let Some((alpha, found)) = found else {
        work.report.note(LogLevel::Debug, &path, "inputs keep their scales: no others are better");
        report(work, &matrices, &before, &before);
        return Ok(());
    };
    work.report.note(LogLevel::Debug, &path, &format!("inputs are scaled with alpha {alpha:.2}"));
    let scales = source.divide(work, site, layer, &found)?;
    let after = errors(&matrices, &seen, &scales)?;
    report(work, &matrices, &before, &after);
    for matrix in &mut matrices {
        for row in matrix.weight.chunks_exact_mut(matrix.linear.in_features) {
            row.iter_mut().zip(&scales).for_each(|(weight, scale)| *weight *= scale);
        }
        layer.replace_weight(&matrix.linear.name, &matrix.weight)?;
        work.made.keep_floats(format!("{}.weight", matrix.path), matrix.weight.clone());
    }
    Ok(())
}

/// What is seen of the inputs of a site; `path` is a layer there.
fn activations(inputs: &mut Inputs<'_>, path: &str) -> Result<Activations, QuantizeError> {
    let mut seen = Activations::new(inputs.width(), inputs.num_rows(), SMOOTH_TOKENS);
    inputs.each(|rows| seen.add(rows).map_err(QuantizeError::of(path)))?;
    Ok(seen)
}

/// Scales with their exponent; `None` where none are better than none.
fn scales(
    alpha: Alpha,
    matrices: &[Matrix],
    seen: &Activations,
) -> Result<Option<(f32, Vec<f32>)>, SolveError> {
    let weights: Vec<_> = matrices.iter().map(weight).collect();
    match alpha {
        #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
        Alpha::Exponent(alpha) => {
            let alpha = alpha as f32;
            Ok(Some((alpha, smooth_scales(&weights, seen, alpha)?)))
        }
        Alpha::Auto => {
            let best = best_smooth_scales(&weights, seen)?;
            Ok(best.alpha.map(|alpha| (alpha, best.scales)))
        }
    }
}

/// Error of each matrix's outputs in 8 bits.
fn errors(
    matrices: &[Matrix],
    seen: &Activations,
    scales: &[f32],
) -> Result<Vec<f64>, QuantizeError> {
    let error = |matrix: &Matrix| {
        int8_error(weight(matrix), seen, scales).map_err(QuantizeError::of(&matrix.path))
    };
    matrices.iter().map(error).collect()
}

fn report(work: &mut Work<'_>, matrices: &[Matrix], before: &[f64], after: &[f64]) {
    for (matrix, (before, after)) in matrices.iter().zip(before.iter().zip(after)) {
        work.report.changed_matrix(&matrix.path, *before, *after);
    }
}

fn weight(matrix: &Matrix) -> Weight<'_> {
    Weight { values: &matrix.weight, n: matrix.linear.out_features }
}
