//! Clipping of gradients, as torch's `clip_grad_norm_`.

/// Scales the gradients down when their global L2 norm exceeds `max_norm`; returns the norm before.
///
/// The factor is `max_norm / (norm + 1e-6)`, at most 1. A `max_norm` of 0 only measures.
pub fn clip(gradients: &mut [Vec<f32>], max_norm: f64) -> f64 {
    let squares = gradients.iter().flatten().map(|&g| f64::from(g) * f64::from(g));
    let norm = squares.sum::<f64>().sqrt();
    let factor = max_norm / (norm + 1e-6);
    if max_norm > 0.0 && factor < 1.0 {
        #[expect(clippy::cast_possible_truncation, reason = "gradients are f32")]
        let factor = factor as f32;
        gradients.iter_mut().flatten().for_each(|g| *g *= factor);
    }
    norm
}

#[cfg(test)]
mod tests {
    use super::clip;

    fn check(max_norm: f64, expected: [f32; 2]) {
        let mut gradients = [vec![3.0], vec![-4.0]];
        assert!((clip(&mut gradients, max_norm) - 5.0).abs() < 1e-12);
        for (found, expected) in gradients.iter().flatten().zip(expected) {
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
