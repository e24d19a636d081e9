//! GPTQ at a site.

use olive_kit_calibrate::{Inputs, LayerWeights, Site};
use olive_kit_checkpoint::Linear;
use olive_kit_solve::{GptqOptions, Hessian, Solved};
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
    let mut quantized = matrices.iter().filter_map(|it| Some((it, it.grid?))).peekable();
    let mut shared: Option<(bool, Hessian)> = None;
    while let Some((matrix, grid)) = quantized.next() {
        let desc_act = settings.is_ordered(grid);
        let hessian = match shared.take().filter(|(is_ordered, _)| *is_ordered == desc_act) {
            Some((_, hessian)) => hessian,
            None => Hessian::new(&moments, &options(settings, desc_act))
                .map_err(QuantizeError::of(&matrix.path))?,
        };
        let Linear { out_features: n, in_features: k, .. } = matrix.linear;
        let solved = hessian.solve(&matrix.weight, n, k, grid);
        let solved = solved.map_err(QuantizeError::of(&matrix.path))?;
        // The last one's is gone before the weight is computed again, which takes as much memory.
        shared = quantized.peek().is_some().then_some((desc_act, hessian));
        say(work, &matrix.path, &solved);
        work.take(matrix, solved.coded, &moments, layer)?;
    }
    Ok(())
}

fn options(settings: &GptqConfig, desc_act: bool) -> GptqOptions {
    GptqOptions {
        damping: settings.damp_percent,
        desc_act,
        static_groups: settings.is_static(),
        ..GptqOptions::default()
    }
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
