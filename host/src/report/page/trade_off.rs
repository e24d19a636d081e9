//! The trade-off of a search as a picture: every trial a point between two figures.

use std::fmt::Write as _;

use olive_schemas::footprint::Footprint;

use super::super::figures::Unit;
use super::super::table::Column;
use super::super::trials::{Rank, Row, Trials, outcome, trials};
use super::axis::{self, Scale, range, ticks};
use super::escape::{escape, label};
use super::whiskers::{self, ends, extent};

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 430.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 640.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 384.0;
/// Room between the frame and the first and last tick.
const INSET: f64 = 16.0;
/// Where what is pointed at is told.
const PANEL: f64 = 668.0;
/// Columns and lines that the panel has room for.
const PANEL_COLUMNS: usize = 42;
const PANEL_CHOICES: usize = 10;
/// Room of a digit, and of a mark to each side.
const DIGIT: f64 = 7.5;
const MARK: f64 = 9.0;

/// Ranks that are drawn, with their class and what they are called.
const MARKS: [(Rank, &str, &str); 6] = [
    (Rank::Result, "chosen", "the result"),
    (Rank::Candidate, "chosen", "candidate"),
    (Rank::Nearest, "nearest", "nearest to the goals"),
    (Rank::Front, "front", "on the Pareto front"),
    (Rank::Measured, "measured", "measured"),
    (Rank::Stopped, "stopped", "stopped early"),
];

/// A trial on the picture.
struct Point<'a> {
    row: &'a Row<'a>,
    x: f64,
    y: f64,
    /// Its intervals, drawn.
    whiskers: String,
}

/// One of the two figures.
struct Axis<'a> {
    column: &'a Column,
    /// What values are multiplied with.
    factor: f64,
    title: String,
    ticks: Vec<f64>,
    scale: Scale,
}

/// The picture, when trials have two figures.
pub(super) fn render(footprint: &Footprint) -> String {
    let Some(trials) = trials(footprint) else { return String::new() };
    let Some((across, up)) = trials.axes() else { return String::new() };
    let values = |row: &Row<'_>| row.values[across].zip(row.values[up]);
    let drawn: Vec<&Row<'_>> = trials.rows.iter().filter(|row| values(row).is_some()).collect();
    if drawn.is_empty() {
        return String::new();
    }
    let axis = |index: usize, from: f64, to: f64| {
        let values = drawn.iter().filter_map(|row| row.values[index]).flat_map(extent);
        Axis::new(&trials.columns[index], values, footprint, (from, to))
    };
    let (x, y) = (axis(across, LEFT, RIGHT), axis(up, BOTTOM, TOP));
    let mut points: Vec<Point<'_>> = drawn
        .iter()
        .filter_map(|row| {
            let (across, up) = values(row)?;
            let place = (x.at(across.value), y.at(up.value));
            let ends = (ends(across, |value| x.at(value)), ends(up, |value| y.at(value)));
            let whiskers = whiskers::draw(place, ends.0, ends.1);
            Some(Point { row, x: place.0, y: place.1, whiskers })
        })
        .collect();
    // The best are drawn last, above the others.
    points.sort_by_key(|point| std::cmp::Reverse(point.row.rank));
    let name = format!("{} against {} of {}", y.column.title, x.column.title, counted(&points));
    format!(
        "<section>\n<h2>Trade-off</h2>\n<figure class=\"card large\"><figcaption>{}</figcaption>\n\
         <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"group\" aria-label=\"{}\">\n{}{}{}{}{}\
         </svg>\n</figure>\n</section>\n",
        legend(&points),
        escape(&name),
        axes(&x, &y),
        limits(footprint, &x, &y),
        front(&trials, &points),
        labels(&points),
        points.iter().map(|point| mark(point, &trials)).collect::<String>(),
    )
}

fn counted(points: &[Point<'_>]) -> String {
    if points.len() == 1 { "one variant".into() } else { format!("{} variants", points.len()) }
}

impl<'a> Axis<'a> {
    fn new(
        column: &'a Column,
        values: impl Iterator<Item = f64>,
        footprint: &Footprint,
        (from, to): (f64, f64),
    ) -> Self {
        let goals = footprint.goals.iter().filter(|goal| column.is(&goal.figure));
        let values = values.chain(goals.filter_map(|goal| goal.limit));
        let (low, high) = range(values.filter(|value| value.is_finite()));
        let (factor, unit) = unit(column.unit, high);
        let ticks = ticks(low * factor, high * factor);
        let end = |tick: Option<&f64>, value: f64| tick.copied().unwrap_or(value);
        let scale = Scale {
            low: end(ticks.first(), low * factor).min(low * factor),
            high: end(ticks.last(), high * factor).max(high * factor),
            from: from + INSET * (to - from).signum(),
            to: to - INSET * (to - from).signum(),
        };
        let better = if column.higher_is_better { "higher" } else { "lower" };
        let title = format!("{}{unit}, {better} is better", column.title);
        Self { column, factor, title, ticks, scale }
    }

    fn at(&self, value: f64) -> f64 {
        self.scale.at(value * self.factor)
    }
}

/// What values are multiplied with so that people can read them, and the unit that they are in then.
fn unit(unit: Unit, largest: f64) -> (f64, &'static str) {
    const KIB: f64 = 1024.0;
    match unit {
        Unit::Share => (100.0, " in %"),
        Unit::Bytes if largest >= KIB * KIB * KIB => (1.0 / KIB / KIB / KIB, " in GiB"),
        Unit::Bytes if largest >= KIB * KIB => (1.0 / KIB / KIB, " in MiB"),
        Unit::Bytes if largest >= KIB => (1.0 / KIB, " in KiB"),
        Unit::Bytes => (1.0, " in bytes"),
        Unit::Milliseconds => (1.0, " in ms"),
        Unit::TokensPerSecond => (1.0, " in tokens/s"),
        Unit::Number => (1.0, ""),
    }
}

fn axes(x: &Axis<'_>, y: &Axis<'_>) -> String {
    let mut svg = format!(
        "<text class=\"axis-title\" x=\"2\" y=\"14\">{}</text>\n\
         <text class=\"axis-title x\" x=\"{}\" y=\"{}\">{}</text>\n\
         <text class=\"empty\" x=\"{PANEL}\" y=\"60\">Point at a variant, or go to it with the Tab \
         key,</text>\n<text class=\"empty\" x=\"{PANEL}\" y=\"78\">to see its settings.</text>\n",
        label(&y.title, 80),
        f64::midpoint(LEFT, RIGHT),
        HEIGHT - 6.0,
        label(&x.title, 80),
    );
    for &tick in &y.ticks {
        let (at, text) = (y.scale.at(tick), axis::label(tick, &y.ticks));
        let _ = writeln!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{RIGHT}\"/>\
             <text class=\"y\" x=\"{}\" y=\"{:.1}\">{text}</text>",
            LEFT - 10.0,
            at + 4.0
        );
    }
    for &tick in &x.ticks {
        let (at, text) = (x.scale.at(tick), axis::label(tick, &x.ticks));
        let _ = writeln!(
            svg,
            "<path class=\"grid\" d=\"M{at:.1} {TOP}V{BOTTOM}\"/>\
             <text class=\"x\" x=\"{at:.1}\" y=\"{}\">{text}</text>",
            BOTTOM + 20.0
        );
    }
    svg
}

/// Where goals end, as far as they are about the two figures.
fn limits(footprint: &Footprint, x: &Axis<'_>, y: &Axis<'_>) -> String {
    let mut svg = String::new();
    for goal in &footprint.goals {
        let Some(limit) = goal.limit.filter(|limit| limit.is_finite()) else { continue };
        let least = if goal.higher_is_better { "at least" } else { "at most" };
        if y.column.is(&goal.figure) {
            let text = format!("goal: {least} {}", y.column.unit.show(limit));
            let at = y.at(limit);
            let _ = writeln!(
                svg,
                "<path class=\"limit\" d=\"M{LEFT} {at:.1}H{RIGHT}\"/>\
                 <text class=\"y limit\" x=\"{}\" y=\"{:.1}\">{}</text>",
                RIGHT - 4.0,
                at + 16.0,
                label(&text, 60)
            );
        } else if x.column.is(&goal.figure) {
            let text = format!("goal: {least} {}", x.column.unit.show(limit));
            let at = x.at(limit);
            let _ = writeln!(
                svg,
                "<path class=\"limit\" d=\"M{at:.1} {TOP}V{BOTTOM}\"/>\
                 <text class=\"y limit\" x=\"{:.1}\" y=\"{}\">{}</text>",
                at - 6.0,
                TOP + 14.0,
                label(&text, 60)
            );
        }
    }
    svg
}

/// The line through the front, when the two figures are all that ranks models.
fn front(trials: &Trials<'_>, points: &[Point<'_>]) -> String {
    let mut front: Vec<&Point<'_>> =
        points.iter().filter(|point| point.row.trial.is_pareto).collect();
    if trials.search.objectives.len() != 2 || front.len() < 2 {
        return String::new();
    }
    front.sort_by(|one, other| one.x.total_cmp(&other.x));
    let places: Vec<String> =
        front.iter().map(|point| format!("{:.1},{:.1}", point.x, point.y)).collect();
    format!("<polyline class=\"frontier\" points=\"{}\"/>\n", places.join(" "))
}

/// Numbers beside the points, the best first, as far as there is room.
fn labels(points: &[Point<'_>]) -> String {
    let mut taken: Vec<[f64; 4]> = points
        .iter()
        .map(|point| [point.x - MARK, point.y - MARK, point.x + MARK, point.y + MARK])
        .collect();
    let mut svg = String::new();
    for point in points.iter().rev() {
        let text = point.row.trial.number.to_string();
        let room = text.len() as f64 * DIGIT;
        let places = [(10.0, -6.0), (-10.0 - room, -6.0), (10.0, 16.0), (-10.0 - room, 16.0)];
        let free = places.into_iter().find_map(|(right, down)| {
            let (x, y) = (point.x + right, point.y + down);
            let area = [x, y - 11.0, x + room, y + 2.0];
            let is_inside = area[0] > LEFT && area[2] < RIGHT + 20.0 && area[1] > TOP - 14.0;
            (is_inside && !taken.iter().any(|other| meet(&area, other))).then_some((x, y, area))
        });
        if let Some((x, y, area)) = free {
            taken.push(area);
            let _ = writeln!(
                svg,
                "<text class=\"number\" aria-hidden=\"true\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
            );
        }
    }
    svg
}

/// Whether two areas, left, top, right and bottom, have something in common.
fn meet(one: &[f64; 4], other: &[f64; 4]) -> bool {
    one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3]
}

fn mark(point: &Point<'_>, trials: &Trials<'_>) -> String {
    let Point { row, x, y, whiskers } = point;
    let lines = told(row, trials);
    let name = lines.iter().filter(|line| !line.is_empty()).cloned().collect::<Vec<_>>();
    let text = lines.iter().enumerate().map(|(index, line)| {
        let class = if index == 0 { " class=\"strong\"" } else { "" };
        let y = 60 + 18 * index;
        format!("<text{class} x=\"{PANEL}\" y=\"{y}\">{}</text>", label(line, PANEL_COLUMNS))
    });
    format!(
        "<a class=\"point\" href=\"#trial-{number}\" aria-label=\"{}\">\
         <circle class=\"hit\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"12\"/>{whiskers}{}\
         <g class=\"shown\" aria-hidden=\"true\"><rect class=\"panel\" x=\"{}\" y=\"{TOP}\" \
         width=\"{}\" height=\"{}\"/>{}</g></a>\n",
        escape(&name.join(", ")),
        shape(row.rank, *x, *y),
        PANEL - 12.0,
        WIDTH - PANEL + 12.0,
        BOTTOM - TOP,
        text.collect::<String>(),
        number = row.trial.number,
    )
}

/// Number, settings and figures of a trial, a line each.
fn told(row: &Row<'_>, trials: &Trials<'_>) -> Vec<String> {
    let word = match row.rank {
        Rank::Measured | Rank::Front if !row.trial.meets_goals() => outcome(row.trial),
        rank => MARKS.iter().find(|mark| mark.0 == rank).map_or("measured", |mark| mark.2),
    };
    let mut lines = vec![format!("Variant {}: {word}", row.trial.number), String::new()];
    lines.extend(row.trial.choices.iter().take(PANEL_CHOICES).map(ToString::to_string));
    if let Some(more) = row.trial.choices.len().checked_sub(PANEL_CHOICES).filter(|more| *more > 0)
    {
        lines.push(format!("… and {more} more"));
    }
    lines.push(String::new());
    let figures = trials.columns.iter().zip(&row.values).take(5);
    lines.extend(figures.filter_map(|(column, value)| {
        Some(format!("{}: {}", column.title, column.unit.show_measured((*value)?)))
    }));
    lines
}

/// What a point looks like: the form says as much as the color.
fn shape(rank: Rank, x: f64, y: f64) -> String {
    let class = MARKS.iter().find(|mark| mark.0 == rank).map_or("measured", |mark| mark.1);
    let circle = |class: &str, r: f64| {
        format!("<circle class=\"mark {class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{r}\"/>")
    };
    match rank {
        Rank::Result | Rank::Nearest => circle(&format!("{class} ring"), 9.0) + &circle(class, 5.0),
        Rank::Candidate | Rank::Front | Rank::Measured => circle(class, 5.0),
        Rank::Stopped | Rank::Nothing => format!(
            "<path class=\"mark {class}\" d=\"M{:.1} {:.1}l8 8m0 -8l-8 8\"/>",
            x - 4.0,
            y - 4.0
        ),
    }
}

/// What the forms mean, as far as they occur.
fn legend(points: &[Point<'_>]) -> String {
    let occurs = |rank: Rank| points.iter().any(|point| point.row.rank == rank);
    let keys = MARKS.iter().filter(|mark| occurs(mark.0)).map(|(rank, _, name)| {
        format!(
            "<li><svg class=\"key\" viewBox=\"-11 -11 22 22\" aria-hidden=\"true\">{}</svg>{name}\
             </li>",
            shape(*rank, 0.0, 0.0)
        )
    });
    let has_intervals = points.iter().any(|point| !point.whiskers.is_empty());
    let interval = if has_intervals { whiskers::KEY } else { "" };
    format!("<ul class=\"legend keys\">{}{interval}</ul>", keys.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_trial_with_two_figures_is_a_point() {
        for (footprint, points, lines) in [
            (sample::searches::full(), 10, 1),
            (sample::searches::unreached(), 1, 0),
            (sample::searches::many(), 50, 0),
            (sample::searches::failed(), 0, 0),
            (sample::full(), 0, 0),
        ] {
            let svg = render(&footprint);
            assert_eq!(svg.matches("<a class=\"point\"").count(), points);
            assert_eq!(svg.matches("<polyline").count(), lines);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn an_interval_is_a_line_through_its_point() {
        let footprint = sample::searches::full();
        let svg = render(&footprint);
        assert_eq!(svg.matches("<path class=\"whisker\"").count(), 11);
        assert!(svg.contains("interval of 95 % confidence"), "{svg}");
        let mut unsure = footprint;
        for figure in unsure.models.iter_mut().flat_map(|model| &mut model.metrics) {
            figure.uncertainty = None;
        }
        assert!(!render(&unsure).contains("95 %"));
    }

    #[test]
    fn a_point_tells_its_settings_to_those_who_do_not_see_it() {
        let svg = render(&sample::searches::full());
        let name = "aria-label=\"Variant 7: the result, quantize=KQuant, quantize.bits=4, \
                    quantize.block_size=32, size: 88.0 MiB, tone-exact_match: 86.4 % (83.4 to 89.4), \
                    tone-perplexity: 2.05\"";
        assert!(svg.contains(name), "{svg}");
    }
}
