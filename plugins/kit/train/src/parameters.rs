//! The factors of LoRA adapters as variables.

use std::path::Path;

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use olive_kit_checkpoint::adapter::{self, LoraWeights};
use olive_kit_checkpoint::{AdapterConfig, Dtype, Linear};
use olive_kit_decoder::{Adapters, LoraLayer};

use crate::error::TrainError;
use crate::random::Random;

/// Stream of random numbers of the initial factors; data orders take those from 0.
const STREAM: u64 = u64::MAX;

/// What new adapters are like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoraSettings {
    /// Rank of every adapter.
    pub rank: usize,
    /// Factor on `B A`.
    pub scale: f64,
    /// Probability that an entry of an adapter's input is dropped while training, below 1.
    pub dropout: f64,
    /// Seed of the first factors.
    pub seed: u64,
}

/// The factors that are trained.
#[derive(Debug)]
pub struct LoraParameters {
    adapters: Adapters,
    /// `A` and `B` of every layer in the order of `adapters`.
    variables: Vec<Var>,
}

impl LoraParameters {
    /// New adapters for these layers, that do nothing yet: `A` as PEFT's Kaiming-uniform start,
    /// uniform within `1 / sqrt(in_features)`, and `B` zero.
    ///
    /// # Errors
    /// When a tensor cannot be made.
    pub fn new(linears: &[Linear], settings: &LoraSettings) -> Result<Self, TrainError> {
        let mut adapters = Adapters::none();
        for (stream, linear) in linears.iter().enumerate() {
            let mut random = Random::new(settings.seed, STREAM - stream as u64);
            let bound = (linear.in_features as f64).sqrt().recip();
            #[expect(clippy::cast_possible_truncation, reason = "parameters are f32")]
            let uniform = |_| (bound * (2.0 * random.unit() - 1.0)) as f32;
            let a: Vec<f32> = (0..settings.rank * linear.in_features).map(uniform).collect();
            let b = vec![0.0_f32; linear.out_features * settings.rank];
            let layer = LoraLayer {
                a: Tensor::from_vec(a, (settings.rank, linear.in_features), &Device::Cpu)?,
                b: Tensor::from_vec(b, (linear.out_features, settings.rank), &Device::Cpu)?,
                scale: settings.scale,
                dropout: settings.dropout,
            };
            adapters.insert(&linear.name, layer);
        }
        Self::from_adapters(&adapters)
    }

    /// Parameters that start as copies of these adapters.
    ///
    /// # Errors
    /// When a tensor cannot be copied.
    pub fn from_adapters(adapters: &Adapters) -> Result<Self, TrainError> {
        let mut parameters = Self { adapters: Adapters::none(), variables: Vec::new() };
        for (module, layer) in adapters.iter() {
            let (a, b) = (Var::from_tensor(&layer.a)?, Var::from_tensor(&layer.b)?);
            let on_tape =
                LoraLayer { a: a.as_tensor().clone(), b: b.as_tensor().clone(), ..*layer };
            parameters.adapters.insert(module, on_tape);
            parameters.variables.extend([a, b]);
        }
        Ok(parameters)
    }

    /// The adapters, on candle's tape; they change with the parameters.
    pub fn adapters(&self) -> &Adapters {
        &self.adapters
    }

    /// Number of trained values.
    pub fn num_values(&self) -> usize {
        self.variables.iter().map(|variable| variable.elem_count()).sum()
    }

    /// Writes them as f32 into the folder `dir` in PEFT's layout, under a config that fits.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, dir: &Path, config: &AdapterConfig) -> Result<(), TrainError> {
        let values = self.variables.iter().map(|v| v.flatten_all()?.to_vec1::<f32>());
        let values = values.collect::<candle_core::Result<Vec<_>>>()?;
        let mut layers = Vec::new();
        for ((module, layer), pair) in self.adapters.iter().zip(values.chunks_exact(2)) {
            layers.push(LoraWeights {
                module,
                in_features: layer.a.dim(1)?,
                out_features: layer.b.dim(0)?,
                a: &pair[0],
                b: &pair[1],
            });
        }
        Ok(adapter::write(dir, config, &layers, Dtype::F32)?)
    }

    pub(crate) fn variables(&self) -> &[Var] {
        &self.variables
    }

    /// A gradient of zeros for every variable.
    pub(crate) fn zeros(&self) -> Vec<Vec<f32>> {
        self.variables.iter().map(|variable| vec![0.0; variable.elem_count()]).collect()
    }

    /// Adds the gradients in `store` to `sums`; a variable that the loss does not reach has none.
    pub(crate) fn accumulate(
        &self,
        store: &GradStore,
        sums: &mut [Vec<f32>],
    ) -> Result<(), TrainError> {
        for (variable, sums) in self.variables.iter().zip(sums) {
            let Some(gradient) = store.get(variable) else { continue };
            let gradient = gradient.flatten_all()?.to_vec1::<f32>()?;
            sums.iter_mut().zip(gradient).for_each(|(sum, gradient)| *sum += gradient);
        }
        Ok(())
    }
}
