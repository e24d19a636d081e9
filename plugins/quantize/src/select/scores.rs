//! What rounding costs the weights of a layer, and how layers are ranked by it.

use olive_kit_checkpoint::{Checkpoint, Decoder, LayerLinears, Linear};
use olive_kit_solve::{Grid, Moments, nearest, output_error};
use olive_plugin_api::StepContext;

use crate::config::{Algorithm, Bits, GroupSize, Override, SelectiveMixedPrecisionConfig};
use crate::error::QuantizeError;
use crate::targets::own_head;

/// What keeps quotients finite, as in Olive.
const LEAST: f64 = 1e-12;
/// Inputs of a group where the settings do not say.
const GROUP_SIZE: usize = 128;

/// The grids that are compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grids {
    pub(super) low: Grid,
    pub(super) high: Grid,
}

/// Linear layers that have one precision, and what rounding costs them.
pub(super) struct Unit {
    pub(super) paths: Vec<String>,
    pub(super) num_weights: usize,
    /// Bytes of their codes, low and high.
    pub(super) bytes: [u64; 2],
    cost: Cost,
}

/// Errors of rounded weights.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    /// Sum of squares of the weights.
    signal: f64,
    low: Noise,
    high: Noise,
    /// What the divergence of logits falls by; 0 where no gradient is taken.
    divergence: f64,
}

/// Error on one grid.
#[derive(Debug, Clone, Copy, Default)]
struct Noise {
    /// Sum of squares.
    sum: f64,
    /// Largest mean square of a row.
    largest: f64,
    /// Square of that of outputs, relative to them; 0 where no data are read.
    of_outputs: f64,
}

impl Grids {
    pub(super) fn of(config: &SelectiveMixedPrecisionConfig) -> Self {
        let low = Grid {
            bits: config.bits.count(),
            group_size: config.group_size.map_or(Some(GROUP_SIZE), GroupSize::inputs),
            is_symmetric: config.sym,
        };
        let high = Grid {
            bits: config.high_bits.count(),
            group_size: config.high_group_size.map_or(low.group_size, GroupSize::inputs),
            is_symmetric: config.high_sym.unwrap_or(config.sym),
        };
        Self { low, high }
    }
}

/// A grid as a quantizer is told of it.
pub(super) fn told(bits: Bits, grid: Grid) -> Override {
    Override {
        bits: Some(bits),
        symmetric: Some(grid.is_symmetric),
        group_size: Some(grid.group_size.map_or(GroupSize::Row, GroupSize::Inputs)),
    }
}

/// Bytes of the codes of a linear layer: with scales of 16 bits, and zero points of `bits` where zero
/// is not in the middle.
pub(super) fn bytes(linear: &Linear, grid: Grid) -> u64 {
    let (n, k) = (linear.out_features as u64, linear.in_features as u64);
    let groups = n * grid.group_size.map_or(1, |size| k.div_ceil(size.max(1) as u64));
    let bits = |count: u64| (count * u64::from(grid.bits)).div_ceil(8);
    let zero_points = if grid.is_symmetric { 0 } else { bits(groups) };
    bits(n * k) + 2 * groups + zero_points
}

/// All linear layers, that of logits by its own name.
pub(super) fn linears(decoder: &Decoder) -> Vec<Linear> {
    decoder.linears_of_layers().chain([own_head(decoder)]).collect()
}

/// Linear layers with what rounding costs their weights.
///
/// Query, key and value of a layer are one, since graphs have one matrix for them.
///
/// # Errors
/// When a weight cannot be read or rounded, or the step is cancelled.
pub(super) fn by_weights(
    checkpoint: &Checkpoint,
    grids: Grids,
    ctx: &StepContext<'_>,
) -> Result<Vec<Unit>, QuantizeError> {
    let decoder = checkpoint.decoder();
    let measured = |linear: &Linear, tensor: &str| -> Result<Unit, QuantizeError> {
        if ctx.is_cancelled() {
            return Err(QuantizeError::Cancelled);
        }
        let shape = [linear.out_features, linear.in_features];
        let weight = checkpoint.shaped(tensor, &shape)?.to_f32();
        let unit = Unit::measured(linear, &weight, grids, None)?;
        checkpoint.release(tensor);
        Ok(unit)
    };
    let mut units: Vec<Unit> = Vec::new();
    let total = decoder.num_layers as u64;
    for index in 0..decoder.num_layers {
        let LayerLinears { qkv, output, gate_up, down } = decoder.layer_linears(index);
        let qkv: Result<Vec<_>, _> = qkv.iter().map(|it| measured(it, &it.weight())).collect();
        units.extend(qkv?.into_iter().reduce(Unit::with));
        for linear in [output].iter().chain(&gate_up).chain(&[down]) {
            units.push(measured(linear, &linear.weight())?);
        }
        ctx.progress("layer", index as u64 + 1, total, &[]);
    }
    units.push(measured(&own_head(decoder), &decoder.lm_head().weight())?);
    Ok(units)
}

impl Unit {
    /// A linear layer with its weight, `[n, k]`, and what is known of its inputs.
    ///
    /// # Errors
    /// When the weight cannot be rounded.
    pub(super) fn measured(
        linear: &Linear,
        weight: &[f32],
        grids: Grids,
        moments: Option<&Moments>,
    ) -> Result<Self, QuantizeError> {
        let (n, k, name) = (linear.out_features, linear.in_features, &linear.name);
        let noise = |grid| -> Result<Noise, QuantizeError> {
            let coded = nearest(weight, n, k, grid).map_err(QuantizeError::of(name))?;
            let made = coded.dequantize();
            let of_outputs = match moments {
                Some(moments) => output_error(weight, &made, n, k, moments)
                    .map_err(QuantizeError::of(name))?
                    .powi(2),
                None => 0.0,
            };
            Ok(Noise { of_outputs, ..Noise::of(weight, &made, k) })
        };
        let signal = weight.iter().map(|value| f64::from(*value) * f64::from(*value)).sum();
        let (low, high) = (noise(grids.low)?, noise(grids.high)?);
        Ok(Self::of(linear, grids, Cost { signal, low, high, divergence: 0.0 }))
    }

    /// A linear layer in which high bits let the divergence of logits fall by so much.
    pub(super) fn diverging(linear: &Linear, grids: Grids, divergence: f64) -> Self {
        Self::of(linear, grids, Cost { divergence, ..Cost::default() })
    }

    fn of(linear: &Linear, grids: Grids, cost: Cost) -> Self {
        Self {
            paths: vec![linear.name.clone()],
            num_weights: linear.out_features * linear.in_features,
            bytes: [grids.low, grids.high].map(|grid| bytes(linear, grid)),
            cost,
        }
    }

    /// The lower, the more is gained by high bits.
    pub(super) fn score(&self, algorithm: Algorithm) -> f64 {
        match algorithm {
            // A million weights at a time, as in Olive.
            Algorithm::KldGradient => {
                -self.cost.divergence / (self.num_weights.max(1) as f64 / 1e6)
            }
            Algorithm::Snr
            | Algorithm::SnrRelative
            | Algorithm::Iqe
            | Algorithm::IqeRelative
            | Algorithm::OutputError
            | Algorithm::HighPrecisionLmHead
            | Algorithm::HighPrecisionMlpDown
            | Algorithm::HighPrecisionMlpDownQkv => self.cost.score(algorithm),
        }
    }

    /// The same for each byte that it costs, where the score is a gain of so much a weight.
    pub(super) fn score_of_byte(&self, algorithm: Algorithm) -> f64 {
        let score = self.score(algorithm);
        if matches!(algorithm, Algorithm::KldGradient | Algorithm::OutputError) {
            score * self.num_weights as f64 / self.extra_bytes().max(1) as f64
        } else {
            score
        }
    }

    /// Bytes that high bits take more than low ones.
    pub(super) fn extra_bytes(&self) -> u64 {
        let [low, high] = self.bytes;
        high.saturating_sub(low)
    }

    /// What it loses, for people who look closely.
    pub(super) fn told(&self, algorithm: Algorithm) -> String {
        format!("{}: score {:.4e}", self.named(), self.score(algorithm))
    }

    /// Its paths in a sentence.
    pub(super) fn named(&self) -> String {
        let paths: Vec<String> = self.paths.iter().map(|path| format!("`{path}`")).collect();
        paths.join(", ")
    }

    /// Both as one: rows of one matrix above those of the other.
    pub(super) fn with(mut self, other: Self) -> Self {
        let share = other.num_weights as f64 / (self.num_weights + other.num_weights).max(1) as f64;
        let both = |one: Noise, other: Noise| Noise {
            sum: one.sum + other.sum,
            largest: one.largest.max(other.largest),
            of_outputs: (1.0 - share) * one.of_outputs + share * other.of_outputs,
        };
        self.paths.extend(other.paths);
        self.num_weights += other.num_weights;
        self.bytes = [0, 1].map(|which| self.bytes[which] + other.bytes[which]);
        self.cost = Cost {
            signal: self.cost.signal + other.cost.signal,
            low: both(self.cost.low, other.cost.low),
            high: both(self.cost.high, other.cost.high),
            divergence: self.cost.divergence + other.cost.divergence,
        };
        self
    }
}

impl Noise {
    fn of(weight: &[f32], made: &[f32], k: usize) -> Self {
        let mut noise = Self::default();
        for (row, made) in weight.chunks_exact(k).zip(made.chunks_exact(k)) {
            let squares =
                row.iter().zip(made).map(|(weight, made)| f64::from(weight - made).powi(2));
            let sum: f64 = squares.sum();
            noise.sum += sum;
            noise.largest = noise.largest.max(sum / k as f64);
        }
        noise
    }
}

impl Cost {
    /// The lower, the more a layer gains by high bits.
    fn score(self, algorithm: Algorithm) -> f64 {
        let decibels = |noise: Noise| {
            let least = LEAST * LEAST;
            10.0 * (self.signal.max(least) / noise.sum.max(least)).log10()
        };
        let inverse = |noise: Noise| (noise.largest + LEAST).recip();
        match algorithm {
            Algorithm::Snr => decibels(self.low),
            Algorithm::SnrRelative => decibels(self.low) - decibels(self.high),
            Algorithm::Iqe => inverse(self.low),
            Algorithm::IqeRelative => inverse(self.low) / inverse(self.high),
            Algorithm::OutputError => self.high.of_outputs - self.low.of_outputs,
            Algorithm::KldGradient
            | Algorithm::HighPrecisionLmHead
            | Algorithm::HighPrecisionMlpDown
            | Algorithm::HighPrecisionMlpDownQkv => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::budget::{Budget, choose};
    use super::*;

    fn unit(path: &str, num_weights: usize, [signal, low, high]: [f64; 3]) -> Unit {
        let noise = |sum| Noise { sum, largest: sum / 2.0, of_outputs: 1.0 / sum };
        let cost = Cost { signal, low: noise(low), high: noise(high), divergence: 0.0 };
        Unit { paths: vec![path.to_owned()], num_weights, bytes: [0, 0], cost }
    }

    fn units() -> Vec<Unit> {
        vec![
            unit("quiet", 10, [100.0, 1.0, 0.1]),
            unit("loud", 10, [1000.0, 5.0, 0.01]),
            unit("noisy", 20, [100.0, 2.0, 1.0]),
        ]
    }

    #[test]
    fn each_algorithm_takes_what_it_is_named_for() {
        for (algorithm, first) in [
            (Algorithm::Snr, "noisy"),
            (Algorithm::SnrRelative, "loud"),
            (Algorithm::Iqe, "loud"),
            (Algorithm::IqeRelative, "loud"),
            (Algorithm::OutputError, "noisy"),
        ] {
            let choice = choose(units(), algorithm, Budget::Ratio(0.999));
            assert_eq!(choice.paths[0], first, "{algorithm:?}");
        }
    }

    #[test]
    fn as_many_are_chosen_as_the_ratio_leaves() {
        let count = |ratio| choose(units(), Algorithm::Snr, Budget::Ratio(ratio)).paths.len();
        assert_eq!([0.9, 0.5, 0.4, 0.2, 0.01].map(count), [1, 1, 2, 3, 3]);
    }

    #[test]
    fn joined_units_are_measured_as_one_matrix() {
        let [one, other]: [[f32; 4]; 2] = [[1.0, -2.0, 0.5, 3.0], [0.25, 4.0, -1.0, 0.0]];
        let [made_one, made_other]: [[f32; 4]; 2] = [[1.5, -2.0, 0.0, 3.0], [0.0, 4.0, -1.5, 0.5]];
        let noise = |weight: &[f32], made: &[f32]| Noise::of(weight, made, 2);
        let whole = noise(&[one, other].concat(), &[made_one, made_other].concat());
        let of = |noise| Unit {
            paths: Vec::new(),
            num_weights: 4,
            bytes: [4, 8],
            cost: Cost { signal: 1.0, low: noise, high: noise, divergence: 0.5 },
        };
        let joined = of(noise(&one, &made_one)).with(of(noise(&other, &made_other)));
        assert!((joined.cost.low.sum - whole.sum).abs() < 1e-12);
        assert!((joined.cost.low.largest - whole.largest).abs() < 1e-12);
        assert_eq!((joined.num_weights, joined.bytes), (8, [8, 16]));
        let score = joined.score(Algorithm::KldGradient);
        assert!((score * 8e-6 + 1.0).abs() < 1e-12, "{score}");
    }
}
