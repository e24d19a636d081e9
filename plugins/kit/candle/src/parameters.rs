//! Trained values on the device, and their gradients.

use candle_core::{DType, Device, Result, Tensor};
use olive_kit_adapters::{Adapters, Factor, Gradients, Method, ParameterId};
use rayon::iter::{
    IndexedParallelIterator, IntoParallelIterator, IntoParallelRefMutIterator, ParallelIterator,
};
use rayon::slice::ParallelSlice;

/// The trained values of a pass, on the device.
///
/// The scale of a layer's adapter is multiplied into one of its tensors on the way, in f32, so that
/// no pass has to: `B` of LoRA, the first of the others.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    tensors: Vec<Tensor>,
    /// What each tensor was multiplied by.
    factors: Vec<f32>,
    /// What was sent, tensor after tensor.
    sent: Vec<f32>,
}

impl Parameters {
    /// Sends the values of `adapters` to the device in one copy, unless they are there already.
    pub(crate) fn refresh(
        &mut self,
        adapters: &Adapters,
        dtype: DType,
        device: &Device,
    ) -> Result<()> {
        self.factors = factors(adapters);
        if self.holds(adapters) {
            return Ok(());
        }
        self.tensors.clear();
        self.sent.resize(adapters.num_values(), 0.0);
        let places = split(&mut self.sent, adapters.parameters.iter().map(|p| p.values.len()));
        places.into_par_iter().zip(&adapters.parameters).zip(&self.factors).for_each(
            |((into, parameter), factor)| {
                let pairs = into.iter_mut().zip(&parameter.values);
                pairs.for_each(|(into, value)| *into = value * factor);
            },
        );
        if self.sent.is_empty() {
            return Ok(());
        }
        let all = Tensor::from_slice(&self.sent, self.sent.len(), device)?.to_dtype(dtype)?;
        let mut start = 0;
        for parameter in &adapters.parameters {
            let len = parameter.values.len();
            self.tensors.push(all.narrow(0, start, len)?.reshape(parameter.shape.as_slice())?);
            start += len;
        }
        Ok(())
    }

    /// Whether these very values are on the device.
    fn holds(&self, adapters: &Adapters) -> bool {
        let is_same_shape = self.tensors.len() == adapters.parameters.len()
            && self.tensors.iter().zip(&adapters.parameters).all(|(t, p)| t.dims() == p.shape);
        let mut rest = self.sent.as_slice();
        is_same_shape
            && adapters.parameters.iter().zip(&self.factors).all(|(parameter, factor)| {
                let (own, others) = rest.split_at(parameter.values.len());
                rest = others;
                let mut pairs = own.iter().zip(&parameter.values);
                pairs.all(|(sent, value)| sent.to_bits() == (value * factor).to_bits())
            })
    }

    pub(crate) fn get(&self, id: ParameterId) -> &Tensor {
        &self.tensors[id.0]
    }
}

/// Consecutive parts of these lengths.
fn split(mut values: &mut [f32], lengths: impl Iterator<Item = usize>) -> Vec<&mut [f32]> {
    let parts = lengths.map(|len| {
        let (own, others) = std::mem::take(&mut values).split_at_mut(len);
        values = others;
        own
    });
    parts.collect()
}

/// The scale of each layer, at the tensor that takes it.
#[expect(clippy::cast_possible_truncation, reason = "computed in f32")]
fn factors(adapters: &Adapters) -> Vec<f32> {
    let mut factors = vec![1.0; adapters.parameters.len()];
    for layer in adapters.layers.values() {
        let id = match &layer.method {
            Method::Lora { b, .. } => b,
            Method::Loha { w1_a, .. } => w1_a,
            Method::Lokr { w1: Factor::Whole(id) | Factor::Product(id, _), .. } => id,
        };
        factors[id.0] = layer.scale as f32;
    }
    factors
}

/// Gradients of one pass, on the device.
#[derive(Debug)]
pub(crate) struct DeviceGradients(Vec<Option<Tensor>>);

impl DeviceGradients {
    /// None yet, of this many parameters.
    pub(crate) fn new(adapters: &Adapters) -> Self {
        Self(vec![None; adapters.parameters.len()])
    }

    /// Adds to the gradient of one parameter; sums are taken in f32.
    pub(crate) fn add(&mut self, id: ParameterId, gradient: Tensor) -> Result<()> {
        let sum = match self.0[id.0].take() {
            None => gradient,
            Some(sum) => (sum.to_dtype(DType::F32)? + gradient.to_dtype(DType::F32)?)?,
        };
        self.0[id.0] = Some(sum);
        Ok(())
    }

    /// Brings all of them to the host in one copy; factors and the scale of the loss are taken out
    /// when they are added up.
    pub(crate) fn bring(self, parameters: &Parameters, loss_scale: f32) -> Result<Brought> {
        let (mut places, mut flat) = (Vec::new(), Vec::new());
        for (index, gradient) in self.0.into_iter().enumerate() {
            let Some(gradient) = gradient else { continue };
            places.push((index, gradient.elem_count(), parameters.factors[index] / loss_scale));
            flat.push(gradient.flatten_all()?);
        }
        let values = match flat.first().map(Tensor::dtype) {
            None => Vec::new(),
            Some(first) if flat.iter().all(|gradient| gradient.dtype() == first) => {
                Tensor::cat(&flat, 0)?.to_dtype(DType::F32)?.to_vec1()?
            }
            Some(_) => {
                let flat = flat.iter().map(|gradient| gradient.to_dtype(DType::F32));
                Tensor::cat(&flat.collect::<Result<Vec<_>>>()?, 0)?.to_vec1()?
            }
        };
        Ok(Brought { values, places })
    }
}

/// Gradients on the host.
#[derive(Debug)]
pub(crate) struct Brought {
    values: Vec<f32>,
    /// Index of a parameter, its number of values, and the factor on them.
    places: Vec<(usize, usize, f32)>,
}

impl Brought {
    pub(crate) fn is_finite(&self) -> bool {
        const AT_ONCE: usize = 1 << 16;
        self.values.par_chunks(AT_ONCE).all(|chunk| chunk.iter().all(|value| value.is_finite()))
    }

    pub(crate) fn add_to(&self, gradients: &mut Gradients) {
        let mut parts: Vec<Option<(&[f32], f32)>> = vec![None; gradients.as_slice().len()];
        let mut rest = self.values.as_slice();
        for &(index, len, factor) in &self.places {
            let (own, others) = rest.split_at(len);
            parts[index] = Some((own, factor));
            rest = others;
        }
        gradients.as_mut_slice().par_iter_mut().zip(parts).for_each(|(sums, part)| {
            let Some((values, factor)) = part else { return };
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += factor * value);
        });
    }
}
