//! What rounding costs the outputs of layers, for calibration data.

use olive_kit_calibrate::{Inputs, LayerWeights, Memory, Order, Site, Visitor, stream};
use olive_kit_checkpoint::{Checkpoint, Decoder, Linear};
use olive_plugin_api::{LogLevel, StepContext};

use super::scores::{Grids, Unit};
use crate::calibration::Samples;
use crate::config::Method;
use crate::error::QuantizeError;
use crate::memory::Need;
use crate::methods::moments;
use crate::report::told;
use crate::targets::{Targets, own_head};
use crate::walk::Stop;

/// Linear layers with what rounding costs their outputs; query, key and value of a layer are one.
///
/// # Errors
/// When the model cannot read the samples, a weight cannot be rounded, or the step is cancelled.
pub(super) fn by_outputs(
    checkpoint: &Checkpoint,
    grids: Grids,
    samples: &Samples,
    ctx: &StepContext<'_>,
) -> Result<Vec<Unit>, QuantizeError> {
    let (decoder, calibration) = (checkpoint.decoder(), &samples.calibration);
    samples.announce(ctx);
    let (memory, order) = (Memory::new(ctx.scratch_dir()), Order::TrueSequential);
    // No codes are kept, but the layer of logits is measured too.
    let targets = Targets {
        usual: grids.low,
        linears: vec![(own_head(decoder), grids.low)],
        embedding: None,
        left: Vec::new(),
        unties: false,
    };
    let need = Need { decoder, method: Method::Nearest, targets: &targets };
    let needed = need.on_data(calibration, &memory, order);
    ctx.log(LogLevel::Info, format!("memory needed: {}", told(needed)));
    let mut measure = Measure { grids, ctx, total: decoder.num_layers as u64, units: Vec::new() };
    stream(checkpoint, calibration, &memory, order, &mut measure, &mut Stop(ctx))?;
    Ok(measure.units)
}

/// Measures each site and leaves it as it is.
struct Measure<'a> {
    grids: Grids,
    ctx: &'a StepContext<'a>,
    /// Number of layers.
    total: u64,
    units: Vec<Unit>,
}

impl Visitor for Measure<'_> {
    type Error = QuantizeError;

    fn visit(
        &mut self,
        site: Site,
        layer: &mut LayerWeights<'_>,
        inputs: &mut Inputs<'_>,
    ) -> Result<(), QuantizeError> {
        let linears = layer.linears(site).to_vec();
        let Some(first) = linears.first() else { return Ok(()) };
        let moments = moments(inputs, &first.name)?;
        let units = linears.iter().map(|linear| -> Result<Unit, QuantizeError> {
            let weight = layer.weight(&linear.name)?;
            let linear = match site {
                Site::LmHead => {
                    Linear { name: Decoder::LM_HEAD_MODULE.to_owned(), ..linear.clone() }
                }
                Site::Qkv | Site::Output | Site::GateUp | Site::Down => linear.clone(),
            };
            Unit::measured(&linear, &weight, self.grids, Some(&moments))
        });
        let units = units.collect::<Result<Vec<_>, _>>()?;
        match site {
            Site::Qkv => self.units.extend(units.into_iter().reduce(Unit::with)),
            Site::Output | Site::GateUp | Site::Down | Site::LmHead => self.units.extend(units),
        }
        if let (Site::Down, Some(index)) = (site, layer.index()) {
            self.ctx.progress("layer", index as u64 + 1, self.total, &[]);
        }
        Ok(())
    }
}
