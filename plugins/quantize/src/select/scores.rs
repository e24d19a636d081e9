//! Choices by what rounding costs the weights of a layer.

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
    paths: Vec<String>,
    num_weights: usize,
    cost: Cost,
}

/// Errors of rounded weights.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    /// Sum of squares of the weights.
    signal: f64,
    low: Noise,
    high: Noise,
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

/// Paths of the units that lose most, until no more than `ratio` of all weights are left.
pub(super) fn worst(units: Vec<Unit>, algorithm: Algorithm, ratio: f64) -> Vec<String> {
    let total: usize = units.iter().map(|unit| unit.num_weights).sum();
    let enough = total as f64 * (1.0 - ratio);
    let mut scored: Vec<_> =
        units.into_iter().map(|unit| (unit.cost.score(algorithm), unit)).collect();
    scored.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut paths, mut count) = (Vec::new(), 0);
    for (_, unit) in scored {
        count += unit.num_weights;
        paths.extend(unit.paths);
        if count as f64 >= enough {
            break;
        }
    }
    paths
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
        let cost = Cost { signal, low: noise(grids.low)?, high: noise(grids.high)? };
        Ok(Self { paths: vec![name.clone()], num_weights: n * k, cost })
    }

    /// What it loses, for people who look closely.
    pub(super) fn told(&self, algorithm: Algorithm) -> String {
        let paths: Vec<String> = self.paths.iter().map(|path| format!("`{path}`")).collect();
        format!("{}: score {:.4e}", paths.join(", "), self.cost.score(algorithm))
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
        self.cost = Cost {
            signal: self.cost.signal + other.cost.signal,
            low: both(self.cost.low, other.cost.low),
            high: both(self.cost.high, other.cost.high),
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
            Algorithm::HighPrecisionLmHead
            | Algorithm::HighPrecisionMlpDown
            | Algorithm::HighPrecisionMlpDownQkv => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(path: &str, num_weights: usize, [signal, low, high]: [f64; 3]) -> Unit {
        let noise = |sum| Noise { sum, largest: sum / 2.0, of_outputs: 1.0 / sum };
        let cost = Cost { signal, low: noise(low), high: noise(high) };
        Unit { paths: vec![path.to_owned()], num_weights, cost }
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
            assert_eq!(worst(units(), algorithm, 0.999)[0], first, "{algorithm:?}");
        }
    }

    #[test]
    fn as_many_are_chosen_as_the_ratio_leaves() {
        let count = |ratio| worst(units(), Algorithm::Snr, ratio).len();
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
            cost: Cost { signal: 1.0, low: noise, high: noise },
        };
        let joined = of(noise(&one, &made_one)).with(of(noise(&other, &made_other)));
        assert!((joined.cost.low.sum - whole.sum).abs() < 1e-12);
        assert!((joined.cost.low.largest - whole.largest).abs() < 1e-12);
        assert_eq!(joined.num_weights, 8);
    }
}
