//! New adapters: first values as PEFT's.

mod orthogonal;

use std::collections::BTreeMap;
use std::ops::Range;

use olive_kit_checkpoint::{Checkpoint, Decoder, Linear, LinearWeight};

use crate::adapters::{Adapters, Layer};
use crate::config::{AdapterConfig, LayerSettings, LokrStart, LoraStart, MethodConfig};
use crate::error::AdapterError;
use crate::layout::{self, HADA_W2_B, LORA_A, LORA_B, MAGNITUDE};
use crate::parameter::{Parameter, ParameterId};
use crate::random::Random;
use crate::rows::BLOCK_ROWS;
use crate::targets::Targets;

/// Stream of random numbers of the first layer; the others follow downwards.
const STREAM: u64 = u64::MAX;

impl Adapters {
    /// Adapters under `config` for the parts of `decoder` that `targets` holds.
    ///
    /// `base` writes rows of a weight or bias of the base model, by tensor name; it is asked for
    /// what is trained itself (modules to save, biases) and for weights under `DoRA`, whose first
    /// magnitudes are the norms of their rows.
    ///
    /// # Errors
    /// Those of `base`, and settings that [`AdapterConfig::resolve`] refuses.
    pub fn new<E: From<AdapterError>>(
        config: &AdapterConfig,
        decoder: &Decoder,
        targets: &Targets,
        seed: u64,
        mut base: impl FnMut(&str, Range<usize>, &mut [f32]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let settings = LayerSettings::new(config)?;
        let mut adapters = Self::none();
        for (stream, linear) in targets.linears.iter().enumerate() {
            let random = Random::new(seed, STREAM - stream as u64);
            let layer = adapters.start_layer(config, &settings, linear, random)?;
            let weight = weight_name(decoder, &linear.name);
            adapters.start_magnitude(&layer, linear, |rows, into| base(&weight, rows, into))?;
            adapters.layers.insert(linear.name.clone(), layer);
        }
        for linear in &targets.biased {
            let is_adapted = adapters.layers.contains_key(&linear.name);
            let shape = [linear.out_features];
            let id = adapters.push(bias_parameter(&linear.name, is_adapted), &shape, Vec::new());
            let bias = format!("{}.bias", linear.name);
            adapters.fill(id, |rows, into| base(&bias, rows, into))?;
            adapters.biases.insert(linear.name.clone(), id);
        }
        for saved in &targets.saved {
            let id = adapters.push(format!("{}.weight", saved.path), &saved.shape, Vec::new());
            let weight = weight_name(decoder, &saved.path);
            adapters.fill(id, |rows, into| base(&weight, rows, into))?;
            adapters.saved.insert(saved.path.clone(), id);
            if saved.has_bias {
                let bias = format!("{}.bias", saved.path);
                let id = adapters.push(bias.clone(), &saved.shape[..1], Vec::new());
                adapters.fill(id, |rows, into| base(&bias, rows, into))?;
                adapters.biases.insert(saved.path.clone(), id);
            }
        }
        Ok(adapters)
    }

    /// Adds a parameter.
    pub(crate) fn push(&mut self, name: String, shape: &[usize], values: Vec<f32>) -> ParameterId {
        self.parameters.push(Parameter { name, shape: shape.to_vec(), values });
        ParameterId(self.parameters.len() - 1)
    }

    fn start_layer(
        &mut self,
        config: &AdapterConfig,
        settings: &LayerSettings,
        linear: &Linear,
        mut random: Random,
    ) -> Result<Layer, AdapterError> {
        let rank = settings.rank(&linear.name);
        let mut orthogonal = match &config.method {
            MethodConfig::Lora(lora) if lora.start == LoraStart::Orthogonal => {
                let (rows, columns) = (linear.out_features, linear.in_features);
                Some(orthogonal::factors(rank, columns, rows, &mut random)?)
            }
            _ => None,
        };
        let method = layout::method(&config.method, linear, rank, |name, shape| {
            let count = shape.iter().product();
            let values = match (&mut orthogonal, start(&config.method, name)) {
                (Some(factors), _) if name == LORA_A => std::mem::take(&mut factors.a),
                (Some(factors), _) if name == LORA_B => std::mem::take(&mut factors.b),
                (_, Start::Zero) => vec![0.0; count],
                (_, Start::Kaiming) => random.uniform((shape[1] as f64).sqrt().recip(), count),
                (_, Start::Normal) => random.normal((rank as f64).recip(), count),
            };
            Ok::<_, AdapterError>(self.push(format!("{}.{name}", linear.name), shape, values))
        })?;
        Ok(Layer {
            method,
            scale: settings.scale(&linear.name),
            drop: layout::drop(&config.method),
        })
    }

    /// Sets the magnitudes of a layer, where it has some, to the norms of `W + scale B A`.
    fn start_magnitude<E>(
        &mut self,
        layer: &Layer,
        linear: &Linear,
        mut weight: impl FnMut(Range<usize>, &mut [f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let crate::Method::Lora { magnitude: Some(magnitude), .. } = layer.method else {
            return Ok(());
        };
        let (num_rows, row_len) = (linear.out_features, linear.in_features);
        let mut values = vec![0.0; BLOCK_ROWS.min(num_rows) * row_len];
        let mut norms = Vec::with_capacity(num_rows);
        for start in (0..num_rows).step_by(BLOCK_ROWS) {
            let rows = start..(start + BLOCK_ROWS).min(num_rows);
            let values = &mut values[..rows.len() * row_len];
            weight(rows.clone(), values)?;
            self.add_delta(layer, rows, values);
            norms.extend(values.chunks(row_len).map(crate::rows::norm));
        }
        self.parameters[magnitude.0].values = norms;
        Ok(())
    }

    /// Gives a parameter the values that `rows` writes.
    fn fill<E>(
        &mut self,
        id: ParameterId,
        mut rows: impl FnMut(Range<usize>, &mut [f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let parameter = &mut self.parameters[id.0];
        parameter.values = vec![0.0; parameter.shape.iter().product()];
        rows(0..parameter.shape[0], &mut parameter.values)
    }
}

/// Rows of the weights and biases of `checkpoint`, by tensor name, for [`Adapters::new`]; weights in
/// 4 bits as what their codes stand for.
pub fn checkpoint_rows(
    checkpoint: &Checkpoint,
) -> impl FnMut(&str, Range<usize>, &mut [f32]) -> Result<(), AdapterError> + '_ {
    let linears = checkpoint.decoder().all_linears();
    let linears: BTreeMap<_, _> = linears.into_iter().map(|l| (l.weight(), l)).collect();
    // The weight in 4 bits that was asked for last, as its rows come in parts.
    let mut codes = None;
    move |name, rows, into| {
        let linear = linears.get(name).filter(|linear| checkpoint.is_four_bit(linear));
        let Some(linear) = linear else {
            into.copy_from_slice(&checkpoint.tensor(name)?.rows_f32(rows));
            return Ok(());
        };
        if !matches!(&codes, Some((read, _)) if read == name) {
            codes = Some((name.to_owned(), checkpoint.weight(linear)?));
        }
        if let Some((_, LinearWeight::FourBit(weight))) = &codes {
            let columns = linear.in_features;
            weight.dequantize(rows.start * columns..rows.end * columns, into);
        }
        Ok(())
    }
}

/// Name of the base's weight of a module; the head may share the embedding's.
pub(crate) fn weight_name(decoder: &Decoder, path: &str) -> String {
    if path == Decoder::LM_HEAD_MODULE && decoder.ties_embeddings {
        return Decoder::EMBEDDING.to_owned();
    }
    format!("{path}.weight")
}

/// Name of a trained bias, which PEFT finds inside the adapter where there is one.
pub(crate) fn bias_parameter(path: &str, is_adapted: bool) -> String {
    if is_adapted { format!("{path}.base_layer.bias") } else { format!("{path}.bias") }
}

/// How a tensor starts.
enum Start {
    Zero,
    /// Uniform within `1 / sqrt(columns)`: `kaiming_uniform_` with `a = sqrt(5)`.
    Kaiming,
    /// Normal with deviation `1 / rank`.
    Normal,
}

fn start(method: &MethodConfig, name: &str) -> Start {
    match method {
        _ if name == MAGNITUDE => Start::Zero,
        MethodConfig::Lora(lora) => match (lora.start, name) {
            (LoraStart::Kaiming | LoraStart::Gaussian, LORA_B) => Start::Zero,
            (LoraStart::Gaussian, _) => Start::Normal,
            _ => Start::Kaiming,
        },
        MethodConfig::Loha(loha) if name == HADA_W2_B && !loha.starts_random => Start::Zero,
        MethodConfig::Loha(_) => Start::Kaiming,
        MethodConfig::Lokr(lokr) => {
            let is_zero = match lokr.start {
                LokrStart::LeftZero => [layout::LOKR_W1, layout::LOKR_W1_A].contains(&name),
                LokrStart::Random => false,
                LokrStart::RightZero => [layout::LOKR_W2, layout::LOKR_W2_B].contains(&name),
            };
            if is_zero { Start::Zero } else { Start::Kaiming }
        }
    }
}
