//! Clipping of gradients, as torch's `clip_grad_norm_`.

use olive_kit_adapters::Gradients;
use rayon::prelude::*;

/// Values whose squares are summed at once; sums do not depend on the number of threads.
const PIECE: usize = 1 << 14;

/// Scales the gradients down when their global L2 norm exceeds `max_norm`; returns the norm before.
///
/// The factor is `max_norm / (norm + 1e-6)`, at most 1. A `max_norm` of 0 only measures.
pub(crate) fn clip(gradients: &mut Gradients, max_norm: f64) -> f64 {
    let pieces: Vec<_> = gradients.as_slice().iter().flat_map(|one| one.chunks(PIECE)).collect();
    let squares = |piece: &[f32]| piece.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>();
    let sums: Vec<_> = pieces.into_par_iter().map(squares).collect();
    let norm = sums.into_iter().sum::<f64>().sqrt();
    let factor = max_norm / (norm + 1e-6);
    if max_norm > 0.0 && factor < 1.0 {
        #[expect(clippy::cast_possible_truncation, reason = "gradients are f32")]
        let factor = factor as f32;
        let gradients = gradients.as_mut_slice().par_iter_mut().flatten();
        gradients.for_each(|g| *g *= factor);
    }
    norm
}

#[cfg(test)]
mod tests {
    use olive_kit_adapters::Parameter;

    use super::*;

    fn check(max_norm: f64, expected: [f32; 2]) {
        let parameter =
            |value| Parameter { name: String::new(), shape: vec![1], values: vec![value] };
        let mut gradients = Gradients::zeros(&[parameter(0.0), parameter(0.0)]);
        gradients.as_mut_slice()[0][0] = 3.0;
        gradients.as_mut_slice()[1][0] = -4.0;
        assert!((clip(&mut gradients, max_norm) - 5.0).abs() < 1e-12);
        for (found, expected) in gradients.as_slice().iter().flatten().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn long_gradients_are_shortened_and_short_ones_left() {
        check(1.0, [0.6, -0.8]);
        check(10.0, [3.0, -4.0]);
        check(0.0, [3.0, -4.0]);
    }
}
