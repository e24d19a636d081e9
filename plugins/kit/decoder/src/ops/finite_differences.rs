//! Checks a backward against the slope of its forward.

use candle_core::{Device, Result, Tensor, Var};

/// Step of the central difference; its error and that of f32 are then both near 1e-3.
const STEP: f32 = 1e-2;

/// Largest difference between a derivative and a slope, in parts of the largest derivative.
const TOLERANCE: f32 = 5e-3;

/// `len` values between -1 and 1, the same for the same seed.
pub(crate) fn random(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        f64::from(state) / f64::from(u32::MAX) * 2.0 - 1.0
    };
    #[expect(clippy::cast_possible_truncation, reason = "random anyway")]
    (0..len).map(|_| next() as f32).collect()
}

/// Checks the gradient of every entry of random arguments of these shapes, for a random weighting
/// of what `function` gives.
pub(crate) fn check(shapes: &[&[usize]], function: impl Fn(&[Tensor]) -> Result<Tensor>) {
    let values: Vec<Vec<f32>> =
        shapes.iter().zip(1..).map(|(shape, seed)| random(shape.iter().product(), seed)).collect();
    let arguments = |values: &[Vec<f32>]| -> Vec<Tensor> {
        let pairs = values.iter().zip(shapes);
        pairs.map(|(v, &shape)| Tensor::from_slice(v, shape, &Device::Cpu).unwrap()).collect()
    };
    let weighted = |arguments: &[Tensor]| -> Tensor {
        let result = function(arguments).unwrap();
        let weights = random(result.elem_count(), 99);
        let weights = Tensor::from_vec(weights, result.shape(), &Device::Cpu).unwrap();
        (result * weights).unwrap().sum_all().unwrap()
    };
    let at = |values: &[Vec<f32>]| -> f32 { weighted(&arguments(values)).to_scalar().unwrap() };
    let variables: Vec<Var> =
        arguments(&values).iter().map(|tensor| Var::from_tensor(tensor).unwrap()).collect();
    let tensors: Vec<Tensor> = variables.iter().map(|var| var.as_tensor().clone()).collect();
    let gradients = weighted(&tensors).backward().unwrap();
    for (argument, tensor) in tensors.iter().enumerate() {
        let gradient = gradients.get(tensor).unwrap();
        let gradient: Vec<f32> = gradient.flatten_all().unwrap().to_vec1().unwrap();
        let largest = gradient.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
        assert!(largest > 0.0, "argument {argument} has a gradient");
        for (entry, derivative) in gradient.iter().enumerate() {
            let moved = |step: f32| {
                let mut values = values.clone();
                values[argument][entry] += step;
                at(&values)
            };
            let slope = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            let difference = (slope - derivative).abs() / largest;
            assert!(
                difference <= TOLERANCE,
                "entry {entry} of argument {argument}: derivative {derivative}, slope {slope}"
            );
        }
    }
}
