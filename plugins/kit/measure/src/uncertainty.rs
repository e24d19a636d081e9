//! Standard errors and intervals of shares, means and ratios over rows.
//!
//! Standard errors are those of lm-evaluation-harness: the sample's standard deviation over the
//! square root of its size. The interval of a share is Wilson's (E. B. Wilson, "Probable inference,
//! the law of succession, and statistical inference", 1927), which also holds near 0 and 1; that of
//! a mean or a ratio is the normal approximation. Rows are what is drawn: tokens of one text are not
//! independent, so ratios over tokens are clustered by row (E. Miller, "Adding error bars to evals",
//! 2024).

use std::iter::zip;

use olive_schemas::metric::Uncertainty;

/// Two-sided quantile of the normal distribution for 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// A measured figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// The figure.
    pub value: f64,
    /// How far it may be off, where that can be told.
    pub uncertainty: Option<Uncertainty>,
}

impl Figure {
    /// A figure that nothing is told about.
    pub fn plain(value: f64) -> Self {
        Self { value, uncertainty: None }
    }

    /// The share of `hits` in `count` rows, which are at least one.
    pub fn share(hits: usize, count: usize) -> Self {
        let n = count as f64;
        let share = hits as f64 / n;
        let variance = share * (1.0 - share);
        let (center, scale) = (share + Z * Z / (2.0 * n), 1.0 + Z * Z / n);
        let half = Z * (variance / n + Z * Z / (4.0 * n * n)).sqrt();
        let uncertainty = Uncertainty {
            count,
            stderr: (variance / (n - 1.0).max(1.0)).sqrt(),
            low: ((center - half) / scale).max(0.0),
            high: ((center + half) / scale).min(1.0),
        };
        Self { value: share, uncertainty: Some(uncertainty) }
    }

    /// The sum of `sums` over the sum of `counts`, one of each a row; not both empty.
    ///
    /// With `counts` of one it is a plain mean.
    pub fn ratio(sums: &[f64], counts: &[f64]) -> Self {
        let (rows, total) = (sums.len() as f64, counts.iter().sum::<f64>());
        let value = sums.iter().sum::<f64>() / total;
        let squares = zip(sums, counts).map(|(sum, count)| (sum - value * count).powi(2));
        let squares: f64 = squares.sum();
        let uncertainty = (sums.len() > 1).then(|| {
            let stderr = (rows / (rows - 1.0) * squares).sqrt() / total;
            let (low, high) = (value - Z * stderr, value + Z * stderr);
            Uncertainty { count: sums.len(), stderr, low, high }
        });
        Self { value, uncertainty }
    }

    /// The exponential of a figure, its error by the delta method.
    #[must_use]
    pub fn exp(self) -> Self {
        let value = self.value.exp();
        let uncertainty = self.uncertainty.map(|mean| Uncertainty {
            stderr: value * mean.stderr,
            low: mean.low.exp(),
            high: mean.high.exp(),
            ..mean
        });
        Self { value, uncertainty }
    }
}

#[cfg(test)]
mod tests {
    use super::Figure;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    /// The interval of `scipy.stats.binomtest(hits, count).proportion_ci(method="wilson")`, and the
    /// standard error of lm-evaluation-harness's `mean_stderr`.
    #[test]
    fn the_interval_of_a_share_is_wilsons() {
        for (hits, count, low, high, stderr) in [
            (8, 10, 0.490_162_471_536_641_8, 0.943_317_848_545_624_8, 0.133_333_333_333_333_3),
            (0, 5, 0.0, 0.434_482_464_783_174_76, 0.0),
            (1, 1, 0.206_549_314_377_237_45, 1.0, 0.0),
        ] {
            let found = Figure::share(hits, count).uncertainty.unwrap();
            close(found.low, low);
            close(found.high, high);
            close(found.stderr, stderr);
            assert_eq!(found.count, count);
        }
    }

    #[test]
    fn a_ratio_of_rows_of_one_is_a_mean() {
        let figure = Figure::ratio(&[1.0, 2.0, 6.0], &[1.0; 3]);
        close(figure.value, 3.0);
        close(figure.uncertainty.unwrap().stderr, (7.0_f64 / 3.0).sqrt());
        assert_eq!(Figure::ratio(&[4.0], &[2.0]), Figure::plain(2.0));
    }

    #[test]
    fn rows_that_agree_leave_no_doubt_however_long_they_are() {
        let figure = Figure::ratio(&[2.0, 20.0], &[1.0, 10.0]);
        close(figure.value, 2.0);
        close(figure.uncertainty.unwrap().stderr, 0.0);
        let uncertainty = Figure::ratio(&[1.0, 3.0], &[1.0; 2]).exp().uncertainty.unwrap();
        close(uncertainty.stderr, 2.0_f64.exp());
        close(uncertainty.low, (2.0_f64 - 1.959_963_984_540_054).exp());
    }
}
