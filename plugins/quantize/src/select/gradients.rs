//! What rounding costs the distributions of next tokens, for calibration data.

use olive_kit_calibrate::{Rounded, sensitivity, sensitivity_bytes};
use olive_kit_checkpoint::{Checkpoint, LayerLinears, Linear};
use olive_kit_solve::nearest;
use olive_plugin_api::{LogLevel, StepContext};

use super::scores::{Grids, Unit};
use crate::calibration::Samples;
use crate::error::QuantizeError;
use crate::memory::PROGRAM;
use crate::report::told;
use crate::targets::own_head;

/// Linear layers with what high bits let `KL(model ‖ model in low bits)` fall by, in first order;
/// query, key and value of a layer are one.
///
/// # Errors
/// When the model cannot read the samples, a weight cannot be rounded, or the step is cancelled.
pub(super) fn by_gradients(
    checkpoint: &Checkpoint,
    grids: Grids,
    samples: &Samples,
    ctx: &StepContext<'_>,
) -> Result<Vec<Unit>, QuantizeError> {
    let (decoder, calibration) = (checkpoint.decoder(), &samples.calibration);
    samples.announce(ctx);
    let needed = PROGRAM as u64 + sensitivity_bytes(decoder, calibration);
    ctx.log(LogLevel::Info, format!("memory needed: {}", told(needed)));
    let round = |linear: &Linear, weight: &[f32]| -> Result<Rounded, QuantizeError> {
        let made = |grid| {
            let coded = nearest(weight, linear.out_features, linear.in_features, grid);
            coded.map(|coded| coded.dequantize()).map_err(QuantizeError::of(&linear.name))
        };
        Ok(Rounded { low: made(grids.low)?, high: made(grids.high)? })
    };
    let progress = |done: usize, total: usize| {
        if ctx.is_cancelled() {
            return Err(QuantizeError::Cancelled);
        }
        ctx.progress("batch", done as u64, total as u64, &[]);
        Ok(())
    };
    let found = sensitivity(checkpoint, calibration, round, progress)?;
    let (bits, divergence) = (grids.low.bits, found.divergence);
    let message =
        format!("with all layers in {bits} bits the divergence is {divergence:.4} nats a token");
    ctx.log(LogLevel::Info, message);
    let unit = |linear: &Linear| {
        let gain = found.gains.get(&linear.name).copied().unwrap_or_default();
        Unit::diverging(linear, grids, gain)
    };
    let mut units: Vec<Unit> = Vec::new();
    for index in 0..decoder.num_layers {
        let LayerLinears { qkv, output, gate_up, down } = decoder.layer_linears(index);
        units.extend(qkv.iter().map(unit).reduce(Unit::with));
        units.extend([output].iter().chain(&gate_up).chain(&[down]).map(unit));
    }
    units.push(unit(&own_head(decoder)));
    Ok(units)
}
