//! Trained values on the device, and their gradients.

use candle_core::{DType, Device, Result, Tensor};
use olive_kit_adapters::{Adapters, Factor, Gradients, Method, ParameterId};

/// The trained values of one pass.
///
/// The scale of a layer's adapter is multiplied into one of its tensors on the way, in f32, so that
/// no pass has to: `B` of LoRA, the first of the others.
#[derive(Debug)]
pub(crate) struct Parameters {
    tensors: Vec<Tensor>,
    /// What each tensor was multiplied by.
    factors: Vec<f32>,
}

impl Parameters {
    /// Sends the values of `adapters` to the device in one copy.
    pub(crate) fn send(adapters: &Adapters, dtype: DType, device: &Device) -> Result<Self> {
        let factors = factors(adapters);
        if adapters.parameters.is_empty() {
            return Ok(Self { tensors: Vec::new(), factors });
        }
        let mut values = Vec::with_capacity(adapters.num_values());
        for (parameter, &factor) in adapters.parameters.iter().zip(&factors) {
            if factor == 1.0 {
                values.extend_from_slice(&parameter.values);
            } else {
                values.extend(parameter.values.iter().map(|value| value * factor));
            }
        }
        let len = values.len();
        let all = Tensor::from_vec(values, len, device)?.to_dtype(dtype)?;
        let mut start = 0;
        let tensors = adapters.parameters.iter().map(|parameter| {
            let tensor = all.narrow(0, start, parameter.values.len())?;
            start += parameter.values.len();
            tensor.reshape(parameter.shape.as_slice())
        });
        Ok(Self { tensors: tensors.collect::<Result<_>>()?, factors })
    }

    pub(crate) fn get(&self, id: ParameterId) -> &Tensor {
        &self.tensors[id.0]
    }
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
        self.values.iter().all(|value| value.is_finite())
    }

    pub(crate) fn add_to(&self, gradients: &mut Gradients) {
        let mut rest = self.values.as_slice();
        for &(index, len, factor) in &self.places {
            let (own, others) = rest.split_at(len);
            rest = others;
            let sums = gradients.get_mut(ParameterId(index)).iter_mut();
            sums.zip(own).for_each(|(sum, value)| *sum += factor * value);
        }
    }
}
