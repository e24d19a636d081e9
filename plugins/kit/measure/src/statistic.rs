//! Statistics of repeated timings, with the names and definitions of Olive.

/// A statistic of samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Statistic {
    /// The arithmetic mean.
    Average,
    /// The smallest sample.
    Minimum,
    /// The largest sample.
    Maximum,
    /// The sample below which this share of all lies: numpy's default, a linear interpolation at
    /// `share * (n - 1)` of the sorted samples.
    Percentile(f64),
}

impl Statistic {
    /// The statistic that Olive calls `name`: `avg`, `min`, `max`, `p50` … `p999` (the 99.9th).
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "avg" => Some(Self::Average),
            "min" => Some(Self::Minimum),
            "max" => Some(Self::Maximum),
            "p50" => Some(Self::Percentile(0.5)),
            "p75" => Some(Self::Percentile(0.75)),
            "p90" => Some(Self::Percentile(0.9)),
            "p95" => Some(Self::Percentile(0.95)),
            "p99" => Some(Self::Percentile(0.99)),
            "p999" => Some(Self::Percentile(0.999)),
            _ => None,
        }
    }

    /// The statistic of `samples`; NaN when there are none.
    pub(crate) fn of(self, samples: &[f64]) -> f64 {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        match self {
            Self::Average => sorted.iter().sum::<f64>() / sorted.len() as f64,
            Self::Minimum => percentile(&sorted, 0.0),
            Self::Maximum => percentile(&sorted, 1.0),
            Self::Percentile(share) => percentile(&sorted, share),
        }
    }

    /// The statistic of durations that gives this one of rates.
    ///
    /// As in Olive, a percentile of throughput comes from the same percentile of latency (so the
    /// p90 of throughput is slower than its p50), but `min` from the longest time.
    #[must_use]
    pub(crate) fn of_durations(self) -> Self {
        match self {
            Self::Minimum => Self::Maximum,
            Self::Maximum => Self::Minimum,
            Self::Average | Self::Percentile(_) => self,
        }
    }
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let position = share * last as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of an index is an index"
    )]
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64)
}

#[cfg(test)]
mod tests {
    use super::Statistic;

    const SAMPLES: [f64; 5] = [35.0, 15.0, 50.0, 20.0, 40.0];

    fn check(name: &str, samples: &[f64], expected: f64) {
        let found = Statistic::named(name).unwrap().of(samples);
        assert!((found - expected).abs() < 1e-12, "{name} is {found}, not {expected}");
    }

    /// Expected values from `numpy.percentile(SAMPLES, q)` of numpy 2.4.
    #[test]
    fn percentiles_are_those_of_numpy() {
        check("p50", &SAMPLES, 35.0);
        check("p75", &SAMPLES, 40.0);
        check("p90", &SAMPLES, 46.0);
        check("p95", &SAMPLES, 48.0);
        check("p99", &SAMPLES, 49.6);
        check("p999", &SAMPLES, 49.96);
        check("p90", &[7.5], 7.5);
    }

    #[test]
    fn mean_and_extremes() {
        check("avg", &SAMPLES, 32.0);
        check("min", &SAMPLES, 15.0);
        check("max", &SAMPLES, 50.0);
    }

    #[test]
    fn other_names_are_unknown_and_no_samples_are_nan() {
        assert_eq!(Statistic::named("p51"), None);
        for name in ["avg", "min", "p50"] {
            assert!(Statistic::named(name).unwrap().of(&[]).is_nan(), "{name}");
        }
    }

    #[test]
    fn the_lowest_rate_comes_from_the_longest_time() {
        assert_eq!(Statistic::Minimum.of_durations(), Statistic::Maximum);
        assert_eq!(Statistic::Percentile(0.9).of_durations(), Statistic::Percentile(0.9));
    }
}
