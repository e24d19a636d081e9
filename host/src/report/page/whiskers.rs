//! Intervals of points on a picture: a thin line to each end of one.

use std::fmt::Write as _;

use super::super::figures::Measured;

/// Half the width of the end of a line.
const CAP: f64 = 4.0;

/// What the lines mean.
pub(super) const KEY: &str = "<li><svg class=\"key\" viewBox=\"-11 -11 22 22\" aria-hidden=\"true\">\
                              <path class=\"whisker\" d=\"M0 -9V9M-4 -9h8M-4 9h8\"/></svg>\
                              interval of 95 % confidence</li>";

/// From where to where an interval goes along its axis.
pub(super) type Ends = Option<(f64, f64)>;

/// The figure and the ends of its interval.
pub(super) fn extent(Measured { value, uncertainty }: Measured) -> impl Iterator<Item = f64> {
    let ends = uncertainty.map(|sure| [sure.low, sure.high]);
    std::iter::once(value).chain(ends.into_iter().flatten())
}

/// The interval of `figure` on an axis that has values `at` a place.
pub(super) fn ends(figure: Measured, at: impl Fn(f64) -> f64) -> Ends {
    let sure = figure.uncertainty?;
    let (low, high) = (at(sure.low), at(sure.high));
    (low.is_finite() && high.is_finite()).then_some((low, high))
}

/// The intervals of the point at `x` and `y`, across and up; nothing when it has none.
pub(super) fn draw((x, y): (f64, f64), across: Ends, up: Ends) -> String {
    let mut path = String::new();
    if let Some((low, high)) = across {
        let _ = write!(path, "M{low:.1} {y:.1}H{high:.1}");
        for end in [low, high] {
            let _ = write!(path, "M{end:.1} {:.1}v{}", y - CAP, 2.0 * CAP);
        }
    }
    if let Some((low, high)) = up {
        let _ = write!(path, "M{x:.1} {low:.1}V{high:.1}");
        for end in [low, high] {
            let _ = write!(path, "M{:.1} {end:.1}h{}", x - CAP, 2.0 * CAP);
        }
    }
    if path.is_empty() { path } else { format!("<path class=\"whisker\" d=\"{path}\"/>") }
}

#[cfg(test)]
mod tests {
    use olive_schemas::metric::Uncertainty;

    use super::*;

    #[test]
    fn a_line_goes_from_end_to_end() {
        let sure = Uncertainty { count: 9, stderr: 0.1, low: 1.0, high: 3.0 };
        let figure = Measured { value: 2.0, uncertainty: Some(sure) };
        let up = ends(figure, |value| 100.0 - 10.0 * value);
        assert_eq!(
            draw((50.0, 80.0), None, up),
            "<path class=\"whisker\" d=\"M50.0 90.0V70.0M46.0 90.0h8M46.0 70.0h8\"/>"
        );
        assert_eq!(
            draw((50.0, 80.0), Some((40.0, 60.0)), None),
            "<path class=\"whisker\" d=\"M40.0 80.0H60.0M40.0 76.0v8M60.0 76.0v8\"/>"
        );
        assert_eq!(draw((50.0, 80.0), None, None), "");
        assert_eq!(extent(figure).collect::<Vec<_>>(), [2.0, 1.0, 3.0]);
    }
}
