//! Axes of pictures: from values to places, and round values to write beside them.

use super::super::figures::number;

/// Ticks on an axis, about.
const TICKS: f64 = 5.0;
/// Ticks on an axis, at most.
const MOST_TICKS: u32 = 12;

/// From values to places on the picture.
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Scale {
    pub(super) fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }
}

/// Smallest and largest of `values`, never the same.
pub(super) fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) =
        values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
    if low < high {
        (low, high)
    } else {
        let room = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
        (low - room, high + room)
    }
}

/// Round values from below `low` to above `high`.
pub(super) fn ticks(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / TICKS;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let step = step.into_iter().find(|step| *step >= rough).unwrap_or(power * 10.0);
    let first = (low / step).floor();
    let ticks = (0..MOST_TICKS).map(|index| (first + f64::from(index)) * step);
    let mut ticks: Vec<f64> = ticks.take_while(|tick| *tick < high + step * 0.999).collect();
    if ticks.len() < 2 {
        ticks = vec![low, high];
    }
    ticks
}

/// A tick with as many digits as its neighbours need.
pub(super) fn label(tick: f64, ticks: &[f64]) -> String {
    let step = ticks.get(1).zip(ticks.first()).map_or(1.0, |(second, first)| second - first);
    if tick.abs() < step * 1e-6 {
        return "0".into();
    }
    if step < 0.001 || tick.abs() >= 1e6 {
        return number(tick);
    }
    let digits = (0..4).find(|&digits| step * 10_f64.powi(digits) > 0.999).unwrap_or(4);
    format!("{tick:.*}", usize::try_from(digits).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_ticks(low: f64, high: f64, expected: &[&str]) {
        let ticks = ticks(low, high);
        let labels: Vec<String> = ticks.iter().map(|&tick| label(tick, &ticks)).collect();
        assert_eq!(labels, expected);
    }

    #[test]
    fn ticks_are_round_and_hold_the_range() {
        check_ticks(0.93, 3.01, &["0.5", "1.0", "1.5", "2.0", "2.5", "3.0", "3.5"]);
        check_ticks(1.0, 40.0, &["0", "10", "20", "30", "40"]);
        check_ticks(0.0, 1e-4, &["0", "2e-5", "4e-5", "6e-5", "8e-5", "1e-4"]);
        check_ticks(-5.0, 5.0, &["-6", "-4", "-2", "0", "2", "4", "6"]);
    }

    #[test]
    fn one_value_has_room_around_it() {
        assert_eq!(range([5.0].into_iter()), (4.5, 5.5));
        assert_eq!(range([0.0, 0.0].into_iter()), (-1.0, 1.0));
    }
}
