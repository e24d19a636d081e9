//! What a linear layer gains is the slope of the divergence, computed from logits alone.

use std::collections::BTreeMap;

use olive_kit_adapters::Adapters;
use olive_kit_calibrate::{
    CalibrateError, Calibration, Rounded, Sensitivity, sensitivity, sensitivity_bytes,
};
use olive_kit_checkpoint::{Checkpoint, Decoder, Linear};
use olive_kit_decoder::{Batch, Storage, Transformer};

use crate::recorder::open;

/// Step of the central difference, in parts of the way from high to low precision.
const STEP: f32 = 0.03;
/// Largest difference between a gain and a slope, in parts of the largest gain: divergences in f32
/// are known to 1e-5 of themselves.
const SLOPE: f64 = 1e-2;
/// Largest difference between two divergences, in parts of them.
const DIVERGENCE: f64 = 1e-4;

#[test]
fn gains_are_slopes_of_the_divergence() {
    for model in ["tiny-llama", "tiny-phi3"] {
        let (checkpoint, calibration) = (open(model), calibration());
        let found = found(&checkpoint, &calibration).unwrap();
        let mut models = Models::load(&checkpoint);
        let at_low = models.divergence(&calibration);
        assert!(at_low > 1e-3, "{model}: {at_low}");
        assert!((found.divergence / at_low - 1.0).abs() <= DIVERGENCE, "{model}: {found:?}");
        let linears = models.rounded.keys().cloned().collect::<Vec<_>>();
        assert!(found.gains.keys().eq(&linears), "{model}: {:?}", found.gains);
        let largest = found.gains.values().fold(0.0_f64, |largest, gain| largest.max(gain.abs()));
        for module in linears {
            let expected = models.slope(&module, &calibration);
            let gain = found.gains[&module];
            assert!(
                (gain - expected).abs() <= SLOPE * largest,
                "{model}: {module} {gain} {expected}"
            );
        }
    }
}

#[test]
fn what_cannot_be_rounded_or_goes_on_too_long_ends_the_work() {
    let (checkpoint, calibration) = (open("tiny-llama"), calibration());
    let refuses = |linear: &Linear, _: &[f32]| -> Result<Rounded, CalibrateError> {
        Err(CalibrateError::NoModule { module: linear.name.clone(), layer: None })
    };
    let error = sensitivity(&checkpoint, &calibration, refuses, |_, _| Ok(())).unwrap_err();
    assert!(matches!(error, CalibrateError::NoModule { .. }), "{error}");
    let mut seen = Vec::new();
    let round = |_: &Linear, weight: &[f32]| Ok(on_two_grids(weight));
    let ended = sensitivity(&checkpoint, &calibration, round, |done, total| {
        seen.push((done, total));
        if done == 3 { Err(CalibrateError::Cancelled) } else { Ok(()) }
    });
    assert!(matches!(ended, Err(CalibrateError::Cancelled)), "{ended:?}");
    assert_eq!(seen, [(0, 4), (1, 4), (2, 4), (3, 4)]);
    let none = found(&checkpoint, &Calibration::default()).unwrap_err();
    assert!(matches!(none, CalibrateError::NoSequences), "{none}");
}

#[test]
fn more_samples_need_room_for_their_hidden_states_only() {
    let checkpoint = open("tiny-llama");
    let bytes = |count: usize| {
        let calibration = Calibration { sequences: vec![vec![1; 32]; count] };
        sensitivity_bytes(checkpoint.decoder(), &calibration)
    };
    assert_eq!(bytes(2000) - bytes(1000), 1000 * 32 * 64 * 4);
}

/// Sequences of two lengths: two batches.
fn calibration() -> Calibration {
    let tokens = |start: u32, len: u32| (0..len).map(|at| (start + 7 * at) % 320).collect();
    Calibration { sequences: vec![tokens(3, 12), tokens(50, 8), tokens(100, 12)] }
}

fn found(
    checkpoint: &Checkpoint,
    calibration: &Calibration,
) -> Result<Sensitivity, CalibrateError> {
    let round = |_: &Linear, weight: &[f32]| Ok(on_two_grids(weight));
    sensitivity(checkpoint, calibration, round, |_, _| Ok(()))
}

/// Steps of a seventh and of a hundredth of the largest weight.
fn on_two_grids(weight: &[f32]) -> Rounded {
    let largest = weight.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let on = |steps: f32| {
        let step = largest / steps;
        weight.iter().map(|value| (value / step).round() * step).collect()
    };
    Rounded { low: on(7.0), high: on(100.0) }
}

/// A model as it is, and one in low precision.
struct Models {
    wanted: Transformer,
    lowered: Transformer,
    rounded: BTreeMap<String, Rounded>,
}

impl Models {
    fn load(checkpoint: &Checkpoint) -> Self {
        let [wanted, mut lowered] =
            [(); 2].map(|()| Transformer::load(checkpoint, Storage::default()).unwrap());
        let decoder = checkpoint.decoder();
        let own = Linear { name: Decoder::LM_HEAD_MODULE.to_owned(), ..decoder.lm_head() };
        let head = (decoder.lm_head().weight(), own);
        let linears = decoder.linears_of_layers().map(|linear| (linear.weight(), linear));
        let mut rounded = BTreeMap::new();
        for (tensor, linear) in linears.chain([head]) {
            let weight = checkpoint.tensor(&tensor).unwrap().to_f32();
            let made = on_two_grids(&weight);
            assert!(lowered.replace_weight(&linear.name, &made.low));
            rounded.insert(linear.name, made);
        }
        Self { wanted, lowered, rounded }
    }

    /// Mean over sequences of the mean of their tokens, of logits in f64.
    fn divergence(&mut self, calibration: &Calibration) -> f64 {
        let vocab_size = self.wanted.decoder().vocab_size;
        let of_sequence = calibration.sequences.iter().map(|tokens| {
            let batch = Batch::causal(tokens.clone(), 1);
            let wanted = self.wanted.logits(&batch, &Adapters::none()).unwrap();
            let found = self.lowered.logits(&batch, &Adapters::none()).unwrap();
            let rows = wanted.chunks(vocab_size).zip(found.chunks(vocab_size));
            rows.map(|(wanted, found)| divergence(wanted, found)).sum::<f64>() / tokens.len() as f64
        });
        of_sequence.sum::<f64>() / calibration.sequences.len() as f64
    }

    /// How much the divergence grows from high to low precision of one linear layer, at the latter.
    fn slope(&mut self, module: &str, calibration: &Calibration) -> f64 {
        let [above, below] = [STEP, -STEP].map(|step| {
            let Rounded { low, high } = &self.rounded[module];
            let moved = low.iter().zip(high).map(|(low, high)| low + step * (low - high));
            let moved: Vec<f32> = moved.collect();
            assert!(self.lowered.replace_weight(module, &moved));
            self.divergence(calibration)
        });
        assert!(self.lowered.replace_weight(module, &self.rounded[module].low));
        (above - below) / f64::from(2.0 * STEP)
    }
}

/// `Σ p (ln p - ln q)`
fn divergence(wanted: &[f32], found: &[f32]) -> f64 {
    let distribution = |logits: &[f32]| {
        let exponentials: Vec<f64> = logits.iter().map(|logit| f64::from(*logit).exp()).collect();
        let sum: f64 = exponentials.iter().sum();
        exponentials.into_iter().map(|exponential| exponential / sum).collect::<Vec<_>>()
    };
    let (p, q) = (distribution(wanted), distribution(found));
    p.iter().zip(&q).map(|(p, q)| p * (p.ln() - q.ln())).sum()
}
