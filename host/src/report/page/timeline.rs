//! When each step ran and how much memory it took, as bars over the time of the run.

use std::fmt::Write as _;

use olive_schemas::footprint::{Footprint, StepRecord, StepStatus};

use super::axis::Scale;
use super::escape::{escape, label};
use crate::clock::epoch_seconds;
use crate::steps::{Step, steps};
use crate::units::{bytes, duration};

const WIDTH: f64 = 1000.0;
const LEFT: f64 = 262.0;
const RIGHT: f64 = 790.0;
const MEMORY: f64 = 892.0;
const ROW: f64 = 24.0;
const TOP: f64 = 26.0;
/// Columns of a step's title that there is room for.
const TITLE_COLUMNS: usize = 34;
/// Parts that the time is cut into.
const PARTS: u32 = 4;

/// The picture, when steps ran at times that are known.
pub(super) fn render(footprint: &Footprint) -> String {
    let mut steps = steps(footprint);
    let Some(start) = epoch_seconds(&footprint.start_time) else { return String::new() };
    let length = footprint.duration_sec;
    if steps.is_empty() || !length.is_finite() || length <= 0.0 {
        return String::new();
    }
    let began = |step: &Step<'_>| span(step.record, start, length).map_or(0.0, |span| span.0);
    steps.sort_by(|one, other| began(one).total_cmp(&began(other)));
    let x = Scale { low: 0.0, high: length, from: LEFT, to: RIGHT };
    let largest = steps.iter().filter_map(|step| step.record.peak_memory_bytes).max();
    let height = TOP + steps.len() as f64 * ROW + 6.0;
    let mut rows = String::new();
    let mut y = TOP;
    for step in &steps {
        rows += &row(step, span(step.record, start, length), y, &x, largest.unwrap_or(0));
        y += ROW;
    }
    format!(
        "<section>\n<h2>Timeline</h2>\n<figure class=\"card large timeline\" tabindex=\"0\" \
         role=\"region\" aria-label=\"Timeline\"><figcaption>{}\
         </figcaption>\n<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">\n{}\
         {rows}</svg>\n</figure>\n</section>\n",
        legend(&steps),
        escape(&spoken(&steps, length)),
        grid(&x, length, height),
    )
}

/// Seconds after the start of the run at which a step began and ended, if that was in the run.
fn span(record: &StepRecord, start: f64, length: f64) -> Option<(f64, f64)> {
    if record.status == StepStatus::Reused {
        return None;
    }
    let from = epoch_seconds(&record.start_time)? - start;
    let to = from + record.duration_sec;
    // Times are written with three digits, and clocks are set.
    let is_inside = from >= -1.0 && from <= length;
    is_inside.then_some((from.clamp(0.0, length), to.clamp(0.0, length)))
}

fn row(step: &Step<'_>, span: Option<(f64, f64)>, y: f64, x: &Scale, largest: u64) -> String {
    let record = step.record;
    let middle = y + ROW / 2.0 + 4.0;
    let time = duration(record.duration_sec);
    let mut svg =
        format!("<text x=\"2\" y=\"{middle}\">{}</text>", label(&step.label(), TITLE_COLUMNS));
    let (class, from, to) = match span {
        Some((from, to)) => (kind(step), x.at(from), x.at(to)),
        None => ("reused", LEFT, LEFT + 16.0),
    };
    let told = if span.is_some() { time } else { format!("{time} when it ran") };
    // Writing into memory does not fail.
    let _ = write!(
        svg,
        "<rect class=\"span {class}\" x=\"{from:.1}\" y=\"{}\" width=\"{:.1}\" height=\"{}\" \
         rx=\"3\"/>",
        y + 5.0,
        (to - from).max(2.0),
        ROW - 10.0,
    );
    let _ = if span.is_some() {
        write!(svg, "<text class=\"y\" x=\"{}\" y=\"{middle}\">{told}</text>", MEMORY - 14.0)
    } else {
        write!(svg, "<text x=\"{}\" y=\"{middle}\">reused, {told}</text>", LEFT + 24.0)
    };
    if let Some(peak) = record.peak_memory_bytes {
        let share = if largest > 0 { peak as f64 / largest as f64 } else { 0.0 };
        let _ = write!(
            svg,
            "<rect class=\"memory\" x=\"{MEMORY}\" y=\"{}\" width=\"{:.1}\" height=\"{}\" rx=\"3\"/>\
             <text class=\"y\" x=\"{}\" y=\"{middle}\">{}</text>",
            y + 3.0,
            share * (WIDTH - MEMORY - 4.0),
            ROW - 6.0,
            WIDTH - 10.0,
            bytes(peak as f64),
        );
    }
    svg + "\n"
}

/// What a bar is about, as its class and the legend call it.
fn kind(step: &Step<'_>) -> &'static str {
    match step.record.status {
        StepStatus::Ran if step.is_evaluation => "evaluation",
        StepStatus::Ran => "pass",
        other => other.word(),
    }
}

fn grid(x: &Scale, length: f64, height: f64) -> String {
    let mut svg = format!(
        "<text class=\"axis-title\" x=\"2\" y=\"14\">step</text>\
         <text class=\"axis-title y\" x=\"{}\" y=\"14\">time</text>\
         <text class=\"axis-title y\" x=\"{}\" y=\"14\">peak memory</text>\n",
        MEMORY - 14.0,
        WIDTH - 10.0
    );
    for part in 0..=PARTS {
        let after = length * f64::from(part) / f64::from(PARTS);
        let at = x.at(after);
        let _ = write!(svg, "<path class=\"grid\" d=\"M{at:.1} {}V{height}\"/>", TOP - 4.0);
        if part < PARTS {
            let text = if part == 0 { "0".into() } else { duration(after) };
            let _ = writeln!(svg, "<text class=\"x\" x=\"{at:.1}\" y=\"14\">{text}</text>");
        }
    }
    svg
}

fn legend(steps: &[Step<'_>]) -> String {
    let mut kinds: Vec<&str> = steps.iter().map(kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let keys = kinds.into_iter().map(|kind| {
        format!(
            "<li><svg class=\"key\" viewBox=\"0 0 22 22\" aria-hidden=\"true\"><rect \
             class=\"span {kind}\" x=\"2\" y=\"5\" width=\"18\" height=\"12\" rx=\"3\"/></svg>{kind}\
             </li>"
        )
    });
    format!("<ul class=\"legend keys\">{}</ul>", keys.collect::<String>())
}

/// The picture in a sentence.
fn spoken(steps: &[Step<'_>], length: f64) -> String {
    let ran = steps.iter().filter(|step| step.record.status == StepStatus::Ran);
    let longest =
        ran.max_by(|one, other| one.record.duration_sec.total_cmp(&other.record.duration_sec));
    let longest = longest.map(|step| {
        format!(
            ", the longest of those that ran is {} with {}",
            step.label(),
            duration(step.record.duration_sec)
        )
    });
    let plural = if steps.len() == 1 { "" } else { "s" };
    format!(
        "{} step{plural} over {}{}; the table of steps has all figures",
        steps.len(),
        duration(length),
        longest.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn what_was_reused_has_no_place_in_time() {
        let svg = render(&sample::searches::full());
        assert_eq!(svg.matches("reused, 6 min 53 s when it ran").count(), 1, "{svg}");
        assert!(svg.contains("class=\"span failed\""), "{svg}");
    }

    #[test]
    fn a_run_without_times_has_no_picture() {
        let mut footprint = sample::full();
        footprint.start_time = "whenever".into();
        assert_eq!(render(&footprint), "");
        footprint = sample::full();
        footprint.duration_sec = 0.0;
        assert_eq!(render(&footprint), "");
    }
}
