//! Figures over the course of a step, as charts.

use std::collections::BTreeSet;

use olive_schemas::footprint::{CurvePoint, Footprint, StepRecord};

use super::super::figures::{figure, rank, words};
use super::chart::{Chart, Series};
use super::escape::escape;
use crate::steps::steps;

/// Figures that share the large chart.
const LOSSES: [&str; 2] = ["loss", "eval_loss"];
/// Figures without a small chart of their own: the losses, and what only counts up.
const UNCHARTED: [&str; 4] = ["loss", "eval_loss", "tokens", "epoch"];

/// The charts of every step that trains.
pub(super) fn render(footprint: &Footprint) -> String {
    let trained = steps(footprint).into_iter().filter(|step| is_training(step.record));
    let sections = trained.map(|step| {
        format!(
            "<section>\n<h2>Training <small><bdi>{}</bdi></small></h2>\n{}</section>\n",
            escape(&step.label()),
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
        let (_, title) = axis(name);
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

/// What a figure is multiplied with for the axis that people read it on, and the axis's title.
fn axis(name: &str) -> (f64, String) {
    match name {
        "memory_bytes" => (1.0 / f64::from(1 << 20), "MiB of memory".into()),
        "peak_share" => (100.0, "% of peak".into()),
        _ => (1.0, words(name)),
    }
}

fn series(step: &StepRecord, name: &str) -> Series {
    let unit = counted(step);
    let (factor, _) = axis(name);
    let points = step.curve.iter().filter(|point| point.unit == unit).filter_map(|point| {
        let value = *point.figures.get(name)?;
        value.is_finite().then_some((point.done, value * factor))
    });
    let show = {
        let name = name.to_owned();
        Box::new(move |value| figure(&name, value / factor))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn axes_count_in_the_units_that_people_read() {
        let mut footprint = sample::full();
        let mut steps = footprint.models.iter_mut().filter_map(|model| model.pass_step.as_mut());
        let step = steps.find(|step| !step.curve.is_empty()).unwrap();
        for (index, point) in step.curve.iter_mut().enumerate() {
            let figures = [
                ("memory_bytes", (500 + index) as f64 * f64::from(1 << 20)),
                ("peak_share", 0.25 + index as f64 / 1000.0),
                ("epoch", index as f64),
            ];
            point.figures.extend(figures.map(|(name, value)| (name.to_owned(), value)));
        }
        let charts = charts(step);
        for told in [">MiB of memory<", ">600</text>", "500.0 MiB", ">% of peak<", "25 % of peak"] {
            assert!(charts.contains(told), "{told}: {charts}");
        }
        assert!(!charts.contains(">epoch<"), "{charts}");
    }
}
