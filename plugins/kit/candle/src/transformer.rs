//! A decoder's frozen weights on a device.

use candle_core::{DType, Device, Result, Tensor};
use olive_kit_adapters::ParameterId;
use olive_kit_checkpoint::{Checkpoint, Decoder, Dtype};
use olive_kit_decoder::DecoderError;

use crate::device::dtype_of;
use crate::layer::Layer;
use crate::linear::{Linear, send};
use crate::loss_scale::LossScale;
use crate::norm::Norm;
use crate::parameters::Parameters;
use crate::pass::Pass;

/// The frozen weights of a decoder on a device, each held once, and what they compute.
#[derive(Debug)]
pub struct CandleTransformer {
    decoder: Decoder,
    dtype: Dtype,
    device: Device,
    embedding: Tensor,
    pub(crate) layers: Vec<Layer>,
    pub(crate) final_norm: Norm,
    pub(crate) lm_head: Linear,
    pub(crate) loss_scale: LossScale,
    /// The trained values of the last pass.
    pub(crate) parameters: Parameters,
}

impl CandleTransformer {
    /// Sends all weights of `checkpoint` to the device, as `dtype`, which is also what products
    /// multiply; the checkpoint's pages are released as they are copied.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape than the config says, when weights are in 4
    /// bits, and when the device has no room.
    pub fn load(
        checkpoint: &Checkpoint,
        dtype: Dtype,
        device: &Device,
    ) -> std::result::Result<Self, DecoderError> {
        checkpoint.validate()?;
        let decoder = checkpoint.decoder().clone();
        let held_as = dtype_of(dtype);
        let embedding = send(&checkpoint.tensor(Decoder::EMBEDDING)?, held_as, device)?;
        checkpoint.release(Decoder::EMBEDDING);
        let layers = (0..decoder.num_layers)
            .map(|index| Layer::load(checkpoint, index, held_as, device))
            .collect::<std::result::Result<_, _>>()?;
        let final_norm = Norm::load(checkpoint, Decoder::FINAL_NORM, device)?;
        let lm_head = if decoder.ties_embeddings {
            Linear::new(Decoder::LM_HEAD_MODULE.to_owned(), embedding.clone())
        } else {
            Linear::load(checkpoint, &decoder.lm_head(), held_as, device)?
        };
        let loss_scale = match dtype {
            Dtype::F16 => LossScale::FIRST,
            Dtype::F32 | Dtype::BF16 => LossScale::NONE,
        };
        Ok(Self {
            decoder,
            dtype,
            device: device.clone(),
            embedding,
            layers,
            final_norm,
            lm_head,
            loss_scale,
            parameters: Parameters::default(),
        })
    }

    /// What the model is.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// What weights and activations are held as.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Where it computes.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The factor on the loss of f16 passes; 1 for other types.
    pub fn loss_scale(&self) -> LossScale {
        self.loss_scale
    }

    pub(crate) fn held_as(&self) -> DType {
        dtype_of(self.dtype)
    }

    /// Rows of the embedding, `[tokens, hidden_size]`; ids are checked before.
    pub(crate) fn embed(&self, tokens: &Tensor, pass: &Pass<'_>) -> Result<Tensor> {
        let trained =
            pass.adapters.saved.get(Decoder::EMBEDDING_MODULE).map(|id| pass.parameters.get(*id));
        let rows = trained.unwrap_or(&self.embedding).index_select(tokens, 0)?;
        match self.decoder.embedding_scale_in(self.dtype) {
            Some(scale) => rows * f64::from(scale),
            None => Ok(rows),
        }
    }

    /// The parameter that is trained in place of the embedding, and the factor on its rows.
    pub(crate) fn trained_embedding(&self, pass: &Pass<'_>) -> Option<(ParameterId, f64)> {
        let id = pass.adapters.saved.get(Decoder::EMBEDDING_MODULE)?;
        let scale = self.decoder.embedding_scale_in(self.dtype);
        Some((*id, scale.map_or(1.0, f64::from)))
    }
}
