//! A linear layer with a frozen weight, and what adapts it.

use candle_core::{D, DType, Device, Result, Tensor};
use olive_kit_adapters::{Method, ParameterId};
use olive_kit_checkpoint::{self as checkpoint, Checkpoint, Tensor as Stored};
use olive_kit_decoder::DecoderError;

use crate::adapted::{Dora, Lora};
use crate::delta::Delta;
use crate::device::device_error;
use crate::parameters::DeviceGradients;
use crate::pass::Pass;

/// `y = W x + bias`, adapted where the adapters name it.
#[derive(Debug)]
pub(crate) struct Linear {
    module: String,
    /// `[out_features, in_features]`
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    /// A layer without bias.
    pub(crate) fn new(module: String, weight: Tensor) -> Self {
        Self { module, weight, bias: None }
    }

    /// Sends the layer's weight to the device.
    pub(crate) fn load(
        checkpoint: &Checkpoint,
        linear: &checkpoint::Linear,
        dtype: DType,
        device: &Device,
    ) -> std::result::Result<Self, DecoderError> {
        let weight = send(&checkpoint.linear(linear)?, dtype, device)?;
        checkpoint.release(&linear.weight());
        let bias = linear.bias().map(|name| {
            let stored = checkpoint.shaped(&name, &[linear.out_features])?;
            send(&stored, dtype, device)
        });
        Ok(Self { module: linear.name.clone(), weight, bias: bias.transpose()? })
    }

    pub(crate) fn out_features(&self) -> usize {
        self.weight.dims()[0]
    }

    /// Whether a gradient of `x`, or of what adapts the layer, needs `x`.
    pub(crate) fn needs_input(&self, pass: &Pass<'_>) -> bool {
        pass.adapters.layers.contains_key(&self.module)
            || pass.adapters.saved.contains_key(&self.module)
    }

    /// `y`, `[rows, out_features]`, of `x`, `[rows, in_features]`.
    pub(crate) fn forward(&self, x: &Tensor, pass: &Pass<'_>) -> Result<Tensor> {
        let weight = self.saved(pass).map_or(&self.weight, |id| pass.parameters.get(id));
        let y = x.matmul(&weight.t()?)?;
        let y = match self.adapted(pass)? {
            Some(Adapted::Lora(lora)) => lora.forward(x, y)?,
            Some(Adapted::Dora(dora)) => dora.forward(x, y)?,
            Some(Adapted::Delta(delta)) => (y + x.matmul(&delta.formed.t()?)?)?,
            None => y,
        };
        match self.bias(pass) {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }

    /// The gradient of `x` where it is needed; adds those of what is trained, from `dy`.
    pub(crate) fn backward(
        &self,
        x: &Tensor,
        dy: &Tensor,
        needs_input: bool,
        pass: &Pass<'_>,
        gradients: &mut DeviceGradients,
    ) -> Result<Option<Tensor>> {
        if let Some(id) = pass.adapters.biases.get(&self.module) {
            gradients.add(*id, dy.to_dtype(DType::F32)?.sum(0)?)?;
        }
        if let Some(id) = self.saved(pass) {
            gradients.add(id, dy.t()?.matmul(x)?)?;
            let weight = pass.parameters.get(id);
            return needs_input.then(|| dy.matmul(weight)).transpose();
        }
        match self.adapted(pass)? {
            Some(Adapted::Lora(lora)) => {
                let through_adapter = lora.backward(x, dy, needs_input, gradients)?;
                through_adapter.map(|dx| dy.matmul(&self.weight)? + dx).transpose()
            }
            Some(Adapted::Dora(dora)) => dora.backward(x, dy, needs_input, gradients),
            Some(Adapted::Delta(delta)) => {
                delta.backward(&dy.t()?.matmul(x)?, pass, gradients)?;
                let dx = || dy.matmul(&self.weight)? + dy.matmul(&delta.formed)?;
                needs_input.then(dx).transpose()
            }
            None => needs_input.then(|| dy.matmul(&self.weight)).transpose(),
        }
    }

    /// What the adapters make of this layer in this pass.
    fn adapted<'a>(&'a self, pass: &Pass<'a>) -> Result<Option<Adapted<'a>>> {
        let Some(layer) = pass.layer(&self.module) else { return Ok(None) };
        let Method::Lora { a, b, magnitude } = &layer.method else {
            let masks = pass.masks;
            if masks.is_some_and(|masks| masks.drops_module(&self.module, layer.drop.module)) {
                return Ok(None);
            }
            let rows = masks.and_then(|masks| masks.mask(&self.module, layer.drop.rank));
            let delta = Delta::form(layer, rows, &self.weight, pass)?;
            return Ok(Some(Adapted::Delta(delta)));
        };
        let lora = Lora {
            a: pass.parameters.get(*a),
            b: pass.parameters.get(*b),
            ids: (*a, *b),
            mask: pass.masks.and_then(|masks| masks.mask(&self.module, layer.drop.input)),
        };
        let Some(id) = magnitude else { return Ok(Some(Adapted::Lora(lora))) };
        let magnitude = pass.parameters.get(*id).flatten_all()?;
        Dora::new(lora, &self.weight, *id, &magnitude).map(|dora| Some(Adapted::Dora(dora)))
    }

    fn saved(&self, pass: &Pass<'_>) -> Option<ParameterId> {
        pass.adapters.saved.get(&self.module).copied()
    }

    fn bias<'a>(&'a self, pass: &Pass<'a>) -> Option<&'a Tensor> {
        let trained = pass.adapters.biases.get(&self.module);
        trained.map(|id| pass.parameters.get(*id)).or(self.bias.as_ref())
    }
}

/// What adapts one layer in one pass.
enum Adapted<'a> {
    Lora(Lora<'a>),
    Dora(Dora<'a>),
    Delta(Delta),
}

/// A stored tensor on the device.
pub(crate) fn send(
    stored: &Stored<'_>,
    dtype: DType,
    device: &Device,
) -> std::result::Result<Tensor, DecoderError> {
    let bytes = stored.rows_bytes(0..stored.num_rows());
    let stored_as = crate::device::dtype_of(stored.dtype);
    Tensor::from_raw_buffer(bytes, stored_as, stored.shape, device)
        .and_then(|tensor| tensor.to_dtype(dtype))
        .map_err(device_error)
}

/// Splits the columns of `x` into parts of these widths.
pub(crate) fn columns(x: &Tensor, widths: &[usize]) -> Result<Vec<Tensor>> {
    let mut start = 0;
    let parts = widths.iter().map(|&width| {
        start += width;
        x.narrow(D::Minus1, start - width, width)
    });
    parts.collect()
}
