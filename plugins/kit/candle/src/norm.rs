//! RMS norm: Zhang and Sennrich, "Root Mean Square Layer Normalization" (2019).

use candle_core::{D, DType, Device, Result, Tensor};
use olive_kit_checkpoint::Checkpoint;
use olive_kit_decoder::DecoderError;

use crate::device::device_error;
use crate::parameters::DeviceGradients;
use crate::pass::Pass;

/// `y = w x / sqrt(mean(x^2) + epsilon)`, row by row; computed in f32.
#[derive(Debug)]
pub(crate) struct Norm {
    module: String,
    /// What multiplies, `[width]` in f32; one more than what is stored where the family says so.
    weight: Tensor,
    /// Added to a trained weight.
    offset: f64,
    epsilon: f64,
}

impl Norm {
    /// The norm whose weight is called `name`.
    pub(crate) fn load(
        checkpoint: &Checkpoint,
        name: &str,
        device: &Device,
    ) -> std::result::Result<Self, DecoderError> {
        let decoder = checkpoint.decoder();
        let offset = if decoder.norm_adds_one { 1.0 } else { 0.0 };
        let stored = checkpoint.tensor(name)?.to_f32().into_owned();
        let width = stored.len();
        let weight = Tensor::from_vec(stored, width, device).and_then(|weight| weight + offset);
        Ok(Self {
            module: name.trim_end_matches(".weight").to_owned(),
            weight: weight.map_err(device_error)?,
            offset,
            epsilon: decoder.norm_epsilon,
        })
    }

    /// The norm of each row of `x`, `[.., width]`.
    pub(crate) fn forward(&self, x: &Tensor, pass: &Pass<'_>) -> Result<Tensor> {
        let weight = self.weight(pass)?;
        #[cfg(feature = "cuda")]
        if x.device().is_cuda() {
            return crate::kernels::norm(x, &weight, self.epsilon);
        }
        self.normalized(x)?.broadcast_mul(&weight)?.to_dtype(x.dtype())
    }

    /// The gradient of `x`, from `dy` of its norm; a trained weight gets its own.
    ///
    /// With `n = x r`, `r` the reciprocal of the root, and `g = w dy`: `dx = r (g - n mean(g n))`
    /// and `dw = sum over rows of dy n`.
    pub(crate) fn backward(
        &self,
        x: &Tensor,
        dy: &Tensor,
        pass: &Pass<'_>,
        gradients: &mut DeviceGradients,
    ) -> Result<Tensor> {
        let weight = self.weight(pass)?;
        if let Some(id) = pass.adapters.saved.get(&self.module) {
            let width = weight.elem_count();
            let by_row = (self.normalized(x)? * dy.to_dtype(DType::F32)?)?.reshape(((), width))?;
            gradients.add(*id, by_row.sum(0)?)?;
        }
        #[cfg(feature = "cuda")]
        if x.device().is_cuda() {
            return crate::kernels::norm_gradient(x, dy, &weight, self.epsilon);
        }
        let wide = x.to_dtype(DType::F32)?;
        let reciprocal = self.reciprocal(&wide)?;
        let normalized = wide.broadcast_mul(&reciprocal)?;
        let from_above = dy.to_dtype(DType::F32)?.broadcast_mul(&weight)?;
        let along = (&from_above * &normalized)?.mean_keepdim(D::Minus1)?;
        let across = (from_above - normalized.broadcast_mul(&along)?)?;
        across.broadcast_mul(&reciprocal)?.to_dtype(x.dtype())
    }

    /// Whether the weight is trained.
    pub(crate) fn is_trained(&self, pass: &Pass<'_>) -> bool {
        pass.adapters.saved.contains_key(&self.module)
    }

    /// What multiplies in this pass.
    fn weight(&self, pass: &Pass<'_>) -> Result<Tensor> {
        match pass.adapters.saved.get(&self.module) {
            Some(id) => pass.parameters.get(*id).to_dtype(DType::F32)? + self.offset,
            None => Ok(self.weight.clone()),
        }
    }

    fn normalized(&self, x: &Tensor) -> Result<Tensor> {
        let wide = x.to_dtype(DType::F32)?;
        wide.broadcast_mul(&self.reciprocal(&wide)?)
    }

    fn reciprocal(&self, wide: &Tensor) -> Result<Tensor> {
        (wide.sqr()?.mean_keepdim(D::Minus1)? + self.epsilon)?.sqrt()?.recip()
    }
}
