//! The processor's peak of arithmetic, which products are compared with.

use std::time::{Duration, Instant};

use crate::matrix::Precision;
use crate::vector::vectorized;

/// Rounds of a burst, some hundred microseconds.
const ROUNDS: usize = 20_000;

/// How long the peak is looked for.
const LOOKING: Duration = Duration::from_millis(20);

/// Operations a second that the threads of the current pool do at most, multiplications and
/// additions counted apart: what chains of fused multiply-adds in registers reach, the best of
/// those tried for 20 ms. Where there are instructions for pairs of bfloat16, which do twice the
/// work of one of float32, the peak for that type is twice as high.
pub fn peak(precision: Precision) -> f64 {
    let rates = rayon::broadcast(|_| {
        let (started, mut best) = (Instant::now(), 0.0_f64);
        while started.elapsed() < LOOKING {
            // Enough independent sums to hide the latency of an addition, and few enough to stay in
            // registers: 8 to 12 of 256 or of 512 bits.
            best = best.max(burst::<64>()).max(burst::<96>()).max(burst::<128>());
        }
        best
    });
    let f32_peak: f64 = rates.iter().sum();
    match precision {
        Precision::Bf16 if has_pairs() => 2.0 * f32_peak,
        Precision::Bf16 | Precision::F32 => f32_peak,
    }
}

/// Operations a second of one thread that adds to so many sums.
fn burst<const SUMS: usize>() -> f64 {
    let (factor, addend) = (std::hint::black_box(0.999_f32), std::hint::black_box(0.001_f32));
    let started = Instant::now();
    // Sums of its own, not borrowed ones: only those stay in registers.
    let sums = vectorized(move || {
        let mut sums = std::hint::black_box([1.0_f32; SUMS]);
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = sum.mul_add(factor, addend);
            }
        }
        sums
    });
    let seconds = started.elapsed().as_secs_f64().max(1e-9);
    std::hint::black_box(&sums);
    (2 * SUMS * ROUNDS) as f64 / seconds
}

fn has_pairs() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::is_x86_feature_detected!("avx512bf16");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_a_number_of_operations() {
        let peak = peak(Precision::F32);
        assert!(peak > 1e8 && peak.is_finite(), "{peak}");
        assert!(self::peak(Precision::Bf16) > 1e8);
    }
}
