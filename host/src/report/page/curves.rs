//! Figures over the course of a step, as charts.

use std::collections::BTreeSet;

use olive_schemas::footprint::{CurvePoint, Footprint, StepRecord};

use super::super::figures::{figure, rank, words};
use super::super::steps::steps;
use super::chart::{Chart, Series};
use super::escape::escape;

/// Figures that share the large chart.
const LOSSES: [&str; 2] = ["loss", "eval_loss"];
/// Figures without a small chart of their own: the losses, and what only counts up.
const UNCHARTED: [&str; 3] = ["loss", "eval_loss", "tokens"];

/// The charts of every step that trains.
pub(super) fn render(footprint: &Footprint) -> String {
    let trained = steps(footprint).into_iter().filter(|step| is_training(step.record));
    let sections = trained.map(|step| {
        format!(
            "<section>\n<h2>Training <small><bdi>{}</bdi></small></h2>\n{}</section>\n",
            escape(&step.title),
            charts(step.record)
        )
    });
    sections.collect()
}

/// Whether a step shows a loss over more than a moment.
pub(super) fn is_training(step: &StepRecord) -> bool {
    series(step, "loss").points.len() > 1
}

/// The losses in a large chart, every other figure in a small one.
pub(super) fn charts(step: &StepRecord) -> String {
    let losses: Vec<Series> = LOSSES.iter().map(|name| series(step, name)).collect();
    let large = if losses[0].points.len() > 1 || losses[1].points.len() > 1 {
        let losses = losses.into_iter().filter(|series| !series.points.is_empty()).collect();
        let chart = Chart {
            series: losses,
            width: 1000.0,
            height: 310.0,
            unit: unit(step),
            title: "loss".into(),
            has_zero: false,
        };
        card(&chart, "large")
    } else {
        String::new()
    };
    let small = other_figures(step).into_iter().map(|name| {
        let series = vec![Series { color: 2, ..series(step, name) }];
        let title = words(name);
        let unit = unit(step);
        let chart = Chart { series, width: 480.0, height: 180.0, unit, title, has_zero: true };
        card(&chart, "small")
    });
    let charts: String = std::iter::once(large).chain(small).collect();
    if charts.is_empty() { charts } else { format!("<div class=\"charts\">\n{charts}</div>\n") }
}

/// What the charts count: what the step counts while it has a loss, else at its end.
fn counted(step: &StepRecord) -> &str {
    let has_loss = |point: &&CurvePoint| point.figures.contains_key(LOSSES[0]);
    let last = step.curve.iter().rev().find(has_loss).or(step.curve.last());
    last.map(|point| point.unit.as_str()).unwrap_or_default()
}

/// The title of the axis that counts.
fn unit(step: &StepRecord) -> String {
    let unit = counted(step);
    if unit.is_empty() { "done".into() } else { unit.to_owned() }
}

/// Names of figures outside the large chart that have a course, the most telling first.
fn other_figures(step: &StepRecord) -> Vec<&str> {
    let names: BTreeSet<&str> =
        step.curve.iter().flat_map(|point| point.figures.keys().map(String::as_str)).collect();
    let has_course = |name: &&str| series(step, name).points.len() > 1;
    let mut names: Vec<&str> =
        names.into_iter().filter(|name| !UNCHARTED.contains(name)).filter(has_course).collect();
    names.sort_by_key(|name| rank(name));
    names
}

fn series(step: &StepRecord, name: &str) -> Series {
    let unit = counted(step);
    let points = step.curve.iter().filter(|point| point.unit == unit).filter_map(|point| {
        let value = *point.figures.get(name)?;
        value.is_finite().then_some((point.done, value))
    });
    let show = {
        let name = name.to_owned();
        Box::new(move |value| figure(&name, value))
    };
    Series {
        name: words(name),
        color: usize::from(name == LOSSES[1]),
        has_dots: name == LOSSES[1],
        points: points.collect(),
        show,
    }
}

fn card(chart: &Chart, class: &str) -> String {
    let legend = chart.series.iter().map(|series| {
        let last = series.points.last().map(|&(_, value)| (series.show)(value));
        let last = last.unwrap_or_default();
        format!("<li class=\"c{}\">{} at the end</li>", series.color, escape(&last))
    });
    format!(
        "<figure class=\"card {class}\"><figcaption><ul class=\"legend\">{}</ul></figcaption>\n{}\
         </figure>\n",
        legend.collect::<String>(),
        chart.render()
    )
}
