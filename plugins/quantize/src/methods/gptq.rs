//! GPTQ at a site.

use olive_kit_calibrate::{Inputs, LayerWeights, Site};
use olive_kit_checkpoint::Linear;
use olive_kit_solve::{GptqOptions, Solved, gptq};
use olive_plugin_api::LogLevel;

use super::{Work, moments};
use crate::config::GptqConfig;
use crate::error::QuantizeError;

pub(super) fn visit(
    work: &mut Work<'_>,
    settings: &GptqConfig,
    site: Site,
    layer: &mut LayerWeights<'_>,
    inputs: &mut Inputs<'_>,
) -> Result<(), QuantizeError> {
    let matrices = work.matrices(site, layer)?;
    let Some(first) = matrices.first() else { return Ok(()) };
    let moments = moments(inputs, &first.path)?;
    for matrix in &matrices {
        let Some(grid) = matrix.grid else { continue };
        let options = GptqOptions {
            damping: settings.damp_percent,
            desc_act: settings.is_ordered(grid),
            static_groups: settings.is_static(),
            ..GptqOptions::default()
        };
        let Linear { out_features: n, in_features: k, .. } = matrix.linear;
        let solved = gptq(&matrix.weight, n, k, &moments, grid, &options);
        let solved = solved.map_err(QuantizeError::of(&matrix.path))?;
        say(work, &matrix.path, &solved);
        work.take(matrix, solved.coded, &moments, layer)?;
    }
    Ok(())
}

/// Says what was other than asked for.
fn say(work: &Work<'_>, path: &str, solved: &Solved) {
    let Solved { damping, num_raised, num_dead, .. } = solved;
    if *num_raised > 0 {
        let what = format!("its Hessian is singular, so `damp_percent` was raised to {damping}");
        work.report.note(LogLevel::Warning, path, &what);
    }
    if *num_dead > 0 {
        let what = format!("{num_dead} inputs are zero in all of the calibration data");
        work.report.note(LogLevel::Debug, path, &what);
    }
}
