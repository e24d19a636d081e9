//! The weights that `tests/fixtures/make_four_bit.py` made its fixtures of.

/// In row-major order.
pub(crate) fn weights(rows: usize, columns: usize) -> Vec<f32> {
    (0..rows * columns).map(|index| if index < 64 { 0.0 } else { weight(index as u64) }).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "the values are f32")]
fn weight(index: u64) -> f32 {
    let u = (index * 2_654_435_761 % (1 << 32)) as f64 / 2.0_f64.powi(31) - 1.0;
    let scale = (1 + index / 64 * 40_503 % 1009) as f64 / 8192.0;
    (u * u * u * scale) as f32
}
