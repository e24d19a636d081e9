//! 95 % confidence intervals of statistics of repeated timings.
//!
//! Of the mean: `mean ± t * s / sqrt(n)` with Student's t of `n - 1` degrees of freedom. Of a
//! percentile: two samples between which it lies, chosen by the binomial distribution alone (W. J.
//! Conover, Practical Nonparametric Statistics, 3rd ed., section 3.2), so that nothing is assumed
//! of the shape of the distribution. Timings have long tails; of the two the second is the safer.

use olive_schemas::metric::Uncertainty;

use crate::statistic::Statistic;
use crate::uncertainty::Figure;

/// Share of what lies outside the interval at either end.
const TAIL: f64 = 0.025;

/// 97.5th percentile of the normal distribution.
const NORMAL: f64 = 1.959_963_984_540_054;

/// 97.5th percentiles of Student's t with 1 to 9 degrees of freedom (`scipy.stats.t.ppf(0.975, df)`).
const STUDENT: [f64; 9] = [
    12.706_204_736,
    4.302_652_730,
    3.182_446_305,
    2.776_445_105,
    2.570_581_836,
    2.446_911_851,
    2.364_624_252,
    2.306_004_135,
    2.262_157_163,
];

/// `statistic` of `samples`, with its interval where they are enough for one.
///
/// The standard error of a percentile is that of a normal distribution with the same interval.
pub(crate) fn figure(statistic: Statistic, samples: &[f64]) -> Figure {
    let (value, count) = (statistic.of(samples), samples.len());
    let uncertainty = match statistic {
        Statistic::Average => standard_error(samples).map(|stderr| {
            let half = student(count - 1) * stderr;
            Uncertainty { count, stderr, low: value - half, high: value + half }
        }),
        Statistic::Percentile(share) => around(samples, share).map(|[low, high]| {
            let stderr = (high - low) / (2.0 * NORMAL);
            Uncertainty { count, stderr, low, high }
        }),
        Statistic::Minimum | Statistic::Maximum => None,
    };
    Figure { value, uncertainty }
}

/// The mean of `samples`, with its interval where they are enough for one.
pub fn mean(samples: &[f64]) -> Figure {
    figure(Statistic::Average, samples)
}

/// The median of `samples`; NaN when there are none.
pub fn median(samples: &[f64]) -> f64 {
    Statistic::Percentile(0.5).of(samples)
}

/// The rate of `units` a second, where `time` is how many milliseconds they take.
///
/// The error is that of the first-order expansion; the ends of the interval change places.
pub(crate) fn rate(units: f64, time: Figure) -> Figure {
    let per_second = |milliseconds: f64| units * 1e3 / milliseconds;
    let value = per_second(time.value);
    let uncertainty = time.uncertainty.map(|it| Uncertainty {
        count: it.count,
        stderr: it.stderr / time.value * value,
        low: per_second(it.high),
        high: per_second(it.low),
    });
    Figure { value, uncertainty }
}

/// The figure with 5 decimals, as Olive reports times.
pub(crate) fn rounded(figure: Figure) -> Figure {
    let round = |value: f64| (value * 1e5).round() / 1e5;
    let uncertainty = figure.uncertainty.map(|it| Uncertainty {
        count: it.count,
        stderr: round(it.stderr),
        low: round(it.low),
        high: round(it.high),
    });
    Figure { value: round(figure.value), uncertainty }
}

/// Standard error of the mean; none of fewer than two samples.
fn standard_error(samples: &[f64]) -> Option<f64> {
    let count = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / count;
    let squares = samples.iter().map(|sample| (sample - mean).powi(2)).sum::<f64>();
    (samples.len() > 1).then(|| (squares / (count - 1.0) / count).sqrt())
}

/// 97.5th percentile of Student's t with `freedom` degrees of freedom.
///
/// From 10 on by the expansion in `1 / freedom` (Abramowitz and Stegun, 26.7.5), whose error is then
/// below 1e-5.
fn student(freedom: usize) -> f64 {
    if let Some(&known) = freedom.checked_sub(1).and_then(|index| STUDENT.get(index)) {
        return known;
    }
    let (z, n) = (NORMAL, freedom as f64);
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    let fourth = (79.0 * z.powi(9) + 776.0 * z.powi(7) + 1482.0 * z.powi(5)
        - 1920.0 * z.powi(3)
        - 945.0 * z)
        / 92160.0;
    z + first / n + second / n.powi(2) + third / n.powi(3) + fourth / n.powi(4)
}

/// The two samples between which the percentile at `share` lies; none when they are too few.
fn around(samples: &[f64], share: f64) -> Option<[f64; 2]> {
    let [low, high] = ranks(samples.len(), share)?;
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    Some([sorted[low], sorted[high]])
}

/// Places in `count` sorted samples between which the percentile at `share` lies.
///
/// The number of samples below it has a binomial distribution: `low` is the largest place with at
/// most [`TAIL`] below, `high` the smallest with at most [`TAIL`] above.
fn ranks(count: usize, share: f64) -> Option<[usize; 2]> {
    let mut probability = (1.0 - share).powi(i32::try_from(count).ok()?);
    let (mut below, mut low) = (0.0, None);
    for place in 0..count {
        below += probability;
        if below <= TAIL {
            low = Some(place);
        }
        if below >= 1.0 - TAIL {
            return Some([low?, place]);
        }
        probability *= (count - place) as f64 / (place + 1) as f64 * share / (1.0 - share);
    }
    None
}

#[cfg(test)]
mod tests {
    use olive_schemas::metric::Uncertainty;

    use super::{figure, ranks, rate, rounded, student};
    use crate::statistic::Statistic;
    use crate::uncertainty::Figure;

    /// `scipy.stats.t.ppf(0.975, freedom)`.
    #[test]
    fn percentiles_of_student_are_those_of_scipy() {
        for (freedom, expected) in [
            (1, 12.706_204_736),
            (4, 2.776_445_105),
            (9, 2.262_157_163),
            (10, 2.228_138_852),
            (19, 2.093_024_054),
            (49, 2.009_575_237),
            (999, 1.962_341_461),
        ] {
            assert!((student(freedom) - expected).abs() < 1e-5, "{freedom}: {}", student(freedom));
        }
    }

    /// `scipy.stats.sem` and `scipy.stats.t.interval(0.95, 4, mean, sem)` of the same samples.
    #[test]
    fn the_interval_of_a_mean_is_that_of_scipy() {
        let found = figure(Statistic::Average, &[35.0, 15.0, 50.0, 20.0, 40.0]);
        let Uncertainty { count, stderr, low, high } = found.uncertainty.unwrap();
        assert!((found.value - 32.0).abs() < 1e-12 && count == 5);
        assert!((stderr - 6.442_049_363_362_563).abs() < 1e-9, "{stderr}");
        assert!((low - 14.114_003_6).abs() < 1e-5 && (high - 49.885_996_4).abs() < 1e-5);
    }

    /// Places of Conover's table A3 for the median, less one as they are counted from 0.
    #[test]
    fn a_median_lies_between_the_places_of_the_table() {
        for (count, expected) in [
            (5, None),
            (6, Some([0, 5])),
            (9, Some([1, 7])),
            (10, Some([1, 8])),
            (15, Some([3, 11])),
            (20, Some([5, 14])),
            (30, Some([9, 20])),
        ] {
            assert_eq!(ranks(count, 0.5), expected, "{count}");
        }
    }

    #[test]
    fn few_samples_say_little_of_a_tail() {
        let samples: Vec<f64> = (1..=20).map(f64::from).collect();
        let p50 = figure(Statistic::Percentile(0.5), &samples).uncertainty.unwrap();
        assert!((p50.low - 6.0).abs() < 1e-12 && (p50.high - 15.0).abs() < 1e-12);
        for (statistic, samples) in [
            (Statistic::Percentile(0.9), &samples[..]),
            (Statistic::Maximum, &samples[..]),
            (Statistic::Average, &samples[..1]),
        ] {
            assert_eq!(figure(statistic, samples).uncertainty, None, "{statistic:?}");
        }
    }

    #[test]
    fn a_rate_is_as_certain_as_its_time() {
        let figure = |value, stderr, low, high| {
            let uncertainty = Some(Uncertainty { count: 9, stderr, low, high });
            Figure { value, uncertainty }
        };
        let rate = rate(8.0, figure(20.0, 1.0, 16.0, 25.0));
        assert_eq!(rate, figure(400.0, 20.0, 320.0, 500.0));
        assert_eq!(rounded(Figure::plain(0.123_456_78)), Figure::plain(0.123_46));
    }
}
