//! Checks a backward against the slope of its forward.

use olive_kit_testing::random;

/// Step of the central difference; its error and that of f32 are then both near 1e-3.
const STEP: f32 = 1e-2;

/// Largest difference between a derivative and a slope, in parts of the largest derivative.
const TOLERANCE: f32 = 5e-3;

/// Checks the gradient of every entry of random arguments of these lengths, for a random weighting
/// of what `forward` gives; `backward` gives one gradient for each argument.
pub(crate) fn check(
    lengths: &[usize],
    forward: impl Fn(&[&[f32]]) -> Vec<f32>,
    backward: impl Fn(&[&[f32]], &[f32]) -> Vec<Vec<f32>>,
) {
    let values: Vec<Vec<f32>> =
        lengths.iter().zip(1..).map(|(&length, seed)| random(length, seed)).collect();
    check_at(&values, forward, backward);
}

/// As [`check`], at these arguments.
pub(crate) fn check_at(
    values: &[Vec<f32>],
    forward: impl Fn(&[&[f32]]) -> Vec<f32>,
    backward: impl Fn(&[&[f32]], &[f32]) -> Vec<Vec<f32>>,
) {
    let borrowed: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
    let weights = random(forward(&borrowed).len(), 99);
    let at = |values: &[Vec<f32>]| -> f64 {
        let borrowed: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
        let result = forward(&borrowed);
        result.iter().zip(&weights).map(|(r, w)| f64::from(*r) * f64::from(*w)).sum()
    };
    for (argument, gradient) in backward(&borrowed, &weights).iter().enumerate() {
        let largest = gradient.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
        assert!(largest > 0.0, "argument {argument} has a gradient");
        for (entry, derivative) in gradient.iter().enumerate() {
            let moved = |step: f32| {
                let mut values = values.to_vec();
                values[argument][entry] += step;
                at(&values)
            };
            #[expect(clippy::cast_possible_truncation, reason = "compared in f32")]
            let slope = ((moved(STEP) - moved(-STEP)) / f64::from(2.0 * STEP)) as f32;
            let difference = (slope - derivative).abs() / largest;
            assert!(
                difference <= TOLERANCE,
                "entry {entry} of argument {argument}: derivative {derivative}, slope {slope}"
            );
        }
    }
}
