//! A line chart as SVG: axes, lines, and a reading where the pointer is, without a script.

use std::fmt::Write;

use super::axis::{Scale, label, range, ticks};
use super::escape::escape;

const LEFT: f64 = 58.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 40.0;
/// Readings that the keyboard stops at, at most.
const STOPS: usize = 8;

/// Lines over one axis of units done.
pub(super) struct Chart {
    pub(super) series: Vec<Series>,
    pub(super) width: f64,
    pub(super) height: f64,
    /// What is counted, such as `step`.
    pub(super) unit: String,
    /// What the axis of the figures is about.
    pub(super) title: String,
    /// Whether the axis of the figures starts at 0 when all of them are above.
    pub(super) has_zero: bool,
}

/// One line.
pub(super) struct Series {
    pub(super) name: String,
    /// Which of the page's line colors.
    pub(super) color: usize,
    /// Whether each point is marked, as for a figure that is taken now and then.
    pub(super) has_dots: bool,
    /// Units done and the figure, finite, in order.
    pub(super) points: Vec<(u64, f64)>,
    /// A value with its name.
    pub(super) show: Box<dyn Fn(f64) -> String>,
}

impl Chart {
    /// The chart as an `svg` element.
    pub(super) fn render(&self) -> String {
        let (x_low, x_high) = self.range(|&(done, _)| done as f64);
        let (mut y_low, y_high) = self.range(|&(_, value)| value);
        if self.has_zero && y_low > 0.0 {
            y_low = 0.0;
        }
        let y_ticks = ticks(y_low, y_high);
        let x = Scale { low: x_low, high: x_high, from: LEFT, to: self.width - RIGHT };
        let y = Scale {
            low: y_ticks.first().map_or(y_low, |tick| tick.min(y_low)),
            high: y_ticks.last().map_or(y_high, |tick| tick.max(y_high)),
            from: self.height - BOTTOM,
            to: TOP,
        };
        let names: Vec<&str> = self.series.iter().map(|series| series.name.as_str()).collect();
        format!(
            "<svg viewBox=\"0 0 {} {}\" role=\"group\" aria-label=\"{}\">\n{}{}{}{}</svg>\n",
            self.width,
            self.height,
            escape(&format!("{} by {}", names.join(" and "), self.unit)),
            self.y_axis(&y, &y_ticks),
            self.x_axis(&x),
            self.lines(&x, &y),
            self.readings(&x, &y)
        )
    }

    /// Smallest and largest coordinate, never the same.
    fn range(&self, of: impl Fn(&(u64, f64)) -> f64) -> (f64, f64) {
        range(self.series.iter().flat_map(|series| &series.points).map(of))
    }

    fn y_axis(&self, y: &Scale, ticks: &[f64]) -> String {
        let right = self.width - RIGHT;
        let mut svg =
            format!("<text class=\"axis-title\" x=\"2\" y=\"12\">{}</text>\n", escape(&self.title));
        for &tick in ticks {
            let (at, text) = (y.at(tick), label(tick, ticks));
            let _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/>\
                 <text class=\"y\" x=\"{}\" y=\"{:.1}\">{text}</text>",
                LEFT - 8.0,
                at + 4.0
            );
        }
        svg
    }

    fn x_axis(&self, x: &Scale) -> String {
        let floor = self.height - BOTTOM;
        let mut svg =
            format!("<path class=\"axis\" d=\"M{LEFT} {floor}H{}\"/>\n", self.width - RIGHT);
        let ticks = ticks(x.low, x.high);
        for &tick in ticks.iter().filter(|&&tick| (x.low..=x.high).contains(&tick)) {
            let _ = writeln!(
                svg,
                "<text class=\"x\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                x.at(tick),
                floor + 18.0,
                label(tick, &ticks)
            );
        }
        let _ = writeln!(
            svg,
            "<text class=\"axis-title x\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            f64::midpoint(LEFT, self.width - RIGHT),
            self.height - 2.0,
            escape(&self.unit)
        );
        svg
    }

    fn lines(&self, x: &Scale, y: &Scale) -> String {
        let mut svg = String::new();
        for Series { color, has_dots, points, .. } in &self.series {
            let places: Vec<String> = points
                .iter()
                .map(|&(done, value)| format!("{:.1},{:.1}", x.at(done as f64), y.at(value)))
                .collect();
            let _ = writeln!(
                svg,
                "<polyline class=\"line c{color}\" points=\"{}\"/>",
                places.join(" ")
            );
            for &(done, value) in points.iter().filter(|_| *has_dots) {
                let _ = writeln!(svg, "{}", dot(*color, x.at(done as f64), y.at(value)));
            }
        }
        svg
    }

    /// A band for every place on the axis that shows its figures under the pointer.
    fn readings(&self, x: &Scale, y: &Scale) -> String {
        let mut places: Vec<u64> =
            self.series.iter().flat_map(|series| &series.points).map(|point| point.0).collect();
        places.sort_unstable();
        places.dedup();
        let mut svg = String::new();
        let every = places.len().div_ceil(STOPS).max(1);
        for (index, &place) in places.iter().enumerate() {
            let middle = |other: usize| {
                let other = *places.get(other)?;
                Some(x.at(f64::midpoint(other as f64, place as f64)))
            };
            let from = index.checked_sub(1).and_then(middle).unwrap_or(LEFT);
            let to = middle(index + 1).unwrap_or(self.width - RIGHT);
            let is_stop = (places.len() - 1 - index).is_multiple_of(every);
            svg.push_str(&self.reading(place, from..to, is_stop, (x, y)));
        }
        svg
    }

    fn reading(
        &self,
        place: u64,
        band: std::ops::Range<f64>,
        is_stop: bool,
        (x, y): (&Scale, &Scale),
    ) -> String {
        let (mut parts, mut dots) = (vec![format!("{} {place}", self.unit)], String::new());
        for series in &self.series {
            for &(_, value) in series.points.iter().filter(|point| point.0 == place) {
                parts.push((series.show)(value));
                dots += &dot(series.color, x.at(place as f64), y.at(value));
            }
        }
        let text = escape(&parts.join(", "));
        let floor = self.height - BOTTOM;
        let stop = if is_stop {
            format!(" tabindex=\"0\" role=\"img\" aria-label=\"{text}\"")
        } else {
            String::new()
        };
        format!(
            "<g class=\"at\"{stop}><rect x=\"{:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\">\
             <title>{text}</title></rect><g class=\"shown\" aria-hidden=\"true\">\
             <path class=\"axis\" d=\"M{:.1} {TOP}V{floor}\"/>\
             {dots}<text class=\"reading\" x=\"{:.1}\" y=\"15\">{text}</text></g></g>\n",
            band.start,
            band.end - band.start,
            floor - TOP,
            x.at(place as f64),
            self.width - RIGHT,
        )
    }
}

fn dot(color: usize, x: f64, y: f64) -> String {
    format!("<circle class=\"dot c{color}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_line_has_a_chart() {
        let series = Series {
            name: "rate".into(),
            color: 0,
            has_dots: false,
            points: vec![(1, 5.0), (2, 5.0)],
            show: Box::new(|value| format!("rate {value}")),
        };
        let chart = Chart {
            series: vec![series],
            width: 480.0,
            height: 180.0,
            unit: "step".into(),
            title: "rate".into(),
            has_zero: true,
        };
        let svg = chart.render();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(svg.contains("<title>step 1, rate 5</title>"), "{svg}");
    }
}
