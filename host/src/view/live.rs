//! A step under way as a few lines of a terminal.
//!
//! ```text
//! [2/7] tune (LoRA)  ━━━━━━━━╸───────────  step 214/500, 2 min 12 s, 2 min 56 s left
//!       loss 1.234 █▇▆▅▅▄▄▃▃▃▂▂▂▂▁▁▁  eval loss 1.310  learning rate 2e-4  grad norm 1.21
//!       642 tokens/s  62.0 % of peak  1.40 GiB  109568 tokens
//! ```
//!
//! What the terminal has no room for is left out, the least telling first.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use olive_schemas::step::StepEvent;

use super::pace::Pace;
use super::spark::Course;
use super::summary;
use crate::render::{Style, paint, plain, width};
use crate::report::figures::{figure, is_of_work, rank};
use crate::units::duration;

/// Columns of the bar, where there is room.
const BAR: usize = 20;
/// Columns of the course of the loss, and below which width of the terminal it gets fewer.
const COURSE: usize = 40;
const NARROW: usize = 90;

/// A step under way.
#[derive(Debug, Default)]
pub(super) struct Live {
    label: String,
    count: Option<Count>,
    /// The last value of every figure.
    figures: BTreeMap<String, f64>,
    losses: Course,
    pace: Pace,
}

#[derive(Debug)]
struct Count {
    unit: String,
    done: u64,
    total: u64,
    /// Time left as of the last event, and when that was.
    left: Option<(Duration, Instant)>,
}

impl Live {
    /// A step that people call `label`, and that has told nothing yet.
    pub(super) fn new(label: String) -> Self {
        Self { label, ..Self::default() }
    }

    /// Takes what the step tells of its progress at `now`.
    pub(super) fn take(&mut self, event: &StepEvent, now: Instant) {
        let StepEvent::Progress { unit, done, total, figures } = event else { return };
        let left = self.pace.remaining(unit, *done, *total, now).map(|left| (left, now));
        self.count = Some(Count { unit: plain(unit), done: *done, total: *total, left });
        self.figures.extend(figures.iter().map(|(name, value)| (name.clone(), *value)));
        if let Some(loss) = figures.get("loss") {
            self.losses.push(*loss);
        }
    }

    /// The lines at `now`, `elapsed` after the start, none wider than `columns`.
    pub(super) fn lines(
        &self,
        now: Instant,
        elapsed: Duration,
        columns: usize,
        color: bool,
    ) -> Vec<String> {
        let (work, course): (Vec<_>, Vec<_>) =
            self.sorted().partition(|(name, _)| is_of_work(name));
        let indent = self.label.find(']').map_or(2, |bracket| bracket + 2);
        let mut lines = vec![self.first(now, elapsed, columns, color)];
        for parts in [self.course(&course, columns), shown(&work)] {
            let line = fitting(&parts, columns.saturating_sub(indent), color);
            if !line.is_empty() {
                lines.push(format!("{}{line}", " ".repeat(indent)));
            }
        }
        lines
    }

    fn first(&self, now: Instant, elapsed: Duration, columns: usize, color: bool) -> String {
        let elapsed = duration(elapsed.as_secs_f64().floor().max(1.0));
        let mut parts = vec![Part::plain(plain(&self.label))];
        let Some(count) = &self.count else {
            parts.push(Part::plain(elapsed));
            return fitting(&parts, columns, color);
        };
        let Count { unit, done, total, left } = count;
        let left = left.map(|(left, at)| left.saturating_sub(now.saturating_duration_since(at)));
        let left = left.filter(|_| done < total);
        let told = std::iter::once(format!("{unit} {done}/{total}"))
            .chain(std::iter::once(elapsed))
            .chain(left.map(summary::left));
        let told = Part::plain(told.collect::<Vec<_>>().join(", "));
        let used = parts[0].columns() + told.columns() + 4;
        let bar = columns.saturating_sub(used).min(BAR);
        if bar >= BAR / 4 {
            parts.extend([bar_of(*done, *total, bar)]);
        }
        parts.push(told);
        fitting(&parts, columns, color)
    }

    /// Figures from most to least telling.
    fn sorted(&self) -> impl Iterator<Item = (&str, f64)> {
        let mut names: Vec<_> =
            self.figures.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        names.sort_by_key(|(name, _)| rank(name));
        names.into_iter()
    }

    /// Figures of what is learned, with the course of the loss.
    fn course(&self, figures: &[(&str, f64)], columns: usize) -> Vec<Part> {
        let mut parts = shown(figures);
        let bars = self.losses.bars(if columns < NARROW { COURSE / 2 } else { COURSE });
        let fits = parts.first().is_some_and(|loss| loss.columns() + 1 + width(&bars) <= columns);
        let is_loss = figures.first().is_some_and(|(name, _)| *name == "loss");
        if is_loss && fits && !bars.is_empty() {
            parts[0].style = Some((parts[0].text.len() + 1, Style::Note));
            parts[0].text = format!("{} {bars}", parts[0].text);
        }
        parts
    }
}

/// A piece of a line that is shown whole or not at all.
struct Part {
    text: String,
    /// From which byte on it is painted, and how.
    style: Option<(usize, Style)>,
}

impl Part {
    fn plain(text: String) -> Self {
        Self { text, style: None }
    }

    fn columns(&self) -> usize {
        width(&self.text)
    }

    fn painted(&self, color: bool) -> String {
        let Some((from, style)) = self.style else { return self.text.clone() };
        let (before, painted) = self.text.split_at(from);
        format!("{before}{}", paint(painted, style, color))
    }
}

fn shown(figures: &[(&str, f64)]) -> Vec<Part> {
    let figures = figures.iter();
    figures.map(|(name, value)| Part::plain(plain(&figure(name, *value)))).collect()
}

/// As many of the first `parts` as fit into `columns`; of the very first what fits.
fn fitting(parts: &[Part], columns: usize, color: bool) -> String {
    let mut line = String::new();
    let mut used = 0;
    for part in parts {
        let gap = if used == 0 { "" } else { "  " };
        if used + gap.len() + part.columns() > columns {
            if used == 0 {
                return cut(&part.text, columns);
            }
            continue;
        }
        used += gap.len() + part.columns();
        line.push_str(gap);
        line.push_str(&part.painted(color));
    }
    line
}

/// The beginning of `text`, with a mark where it was cut.
fn cut(text: &str, columns: usize) -> String {
    let mut kept = String::new();
    for letter in text.chars() {
        if width(&kept) + width(letter.encode_utf8(&mut [0; 4])) + 1 > columns {
            break;
        }
        kept.push(letter);
    }
    kept + "…"
}

fn bar_of(done: u64, total: u64, columns: usize) -> Part {
    let share = if total == 0 { 0.0 } else { (done as f64 / total as f64).min(1.0) };
    let halves =
        (0..2 * columns).filter(|half| (*half as f64 + 1.0) <= share * 2.0 * columns as f64);
    let halves = halves.count();
    let filled = "━".repeat(halves / 2) + if halves % 2 == 1 { "╸" } else { "" };
    let rest = "─".repeat(columns - halves.div_ceil(2));
    Part { text: filled + &rest, style: Some((0, Style::Note)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(figures: &[(&str, f64)]) -> (Live, Instant) {
        let mut live = Live::new("[2/7] tune (Tune)".into());
        let start = Instant::now();
        let mut now = start;
        for done in 0..=40 {
            now = start + Duration::from_secs(2 * done);
            let mut figures: BTreeMap<String, f64> =
                figures.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
            if let Some(loss) = figures.get_mut("loss") {
                *loss = 3.0 - 0.05 * done as f64;
            }
            live.take(&StepEvent::Progress { unit: "step".into(), done, total: 100, figures }, now);
        }
        (live, now)
    }

    const FIGURES: [(&str, f64); 8] = [
        ("loss", 0.0),
        ("eval_loss", 1.31),
        ("learning_rate", 2e-4),
        ("grad_norm", 1.21),
        ("tokens_per_second", 642.0),
        ("peak_share", 0.62),
        ("memory_bytes", 1.5e9),
        ("tokens", 109_568.0),
    ];

    fn check(columns: usize, expected: &str) {
        let (live, now) = live(&FIGURES);
        let lines = live.lines(now, Duration::from_secs(80), columns, false);
        assert!(lines.iter().all(|line| width(line) <= columns), "{lines:?}");
        assert_eq!(lines.join("\n"), expected);
    }

    #[test]
    fn a_training_is_shown_in_three_lines() {
        check(
            120,
            "\
[2/7] tune (Tune)  ━━━━━━━━────────────  step 40/100, 1 min 20 s, 2 min 0 s left
      loss 1.000 ███▇▇▇▇▇▇▆▆▆▆▆▅▅▅▅▅▅▄▄▄▄▄▄▃▃▃▃▃▂▂▂▂▂▂▁▁▁  eval loss 1.310  learning rate 2e-4  grad norm 1.21
      642 tokens/s  62 % of peak  1.40 GiB  109,568 tokens",
        );
    }

    #[test]
    fn a_narrow_terminal_shows_what_matters() {
        check(
            60,
            "\
[2/7] tune (Tune)  step 40/100, 1 min 20 s, 2 min 0 s left
      loss 1.000 ██▇▇▇▆▆▅▅▅▄▄▄▃▃▂▂▂▁▁  eval loss 1.310
      642 tokens/s  62 % of peak  1.40 GiB  109,568 tokens",
        );
        check(24, "[2/7] tune (Tune)\n      loss 1.000\n      642 tokens/s");
        check(9, "[2/7] tu…\n      lo…\n      64…");
    }

    #[test]
    fn a_step_without_figures_has_one_line() {
        let (live, now) = live(&[]);
        assert_eq!(
            live.lines(now + Duration::from_secs(10), Duration::from_secs(90), 100, false),
            ["[2/7] tune (Tune)  ━━━━━━━━────────────  step 40/100, 1 min 30 s, 1 min 50 s left"]
        );
        assert_eq!(
            Live::new("[2/7] tune (Tune)".into()).lines(now, Duration::ZERO, 80, false),
            ["[2/7] tune (Tune)  1.0 s"]
        );
    }

    #[test]
    fn bars_grow_by_halves() {
        for (done, bar) in
            [(0, "────"), (1, "╸───"), (2, "━───"), (7, "━━━╸"), (8, "━━━━"), (9, "━━━━")]
        {
            assert_eq!(bar_of(done, 8, 4).text, bar);
        }
    }
}
