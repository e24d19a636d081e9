//! What lines and bars say alike: openings, endings, and the sum of a run.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use olive_schemas::diagnostic::{Diagnostic, Severity};
use olive_schemas::footprint::{Footprint, StepRecord, StepStatus};
use olive_schemas::metric::MetricValue;
use olive_schemas::search::{Choice, TrialOutcome, TrialRecord};
use olive_schemas::step::LogLevel;

use crate::render::{self, Style, paint, plain, width};
use crate::report::figures::{self, Unit};
use crate::report::goals::GoalLine;
use crate::report::lineage::{is_on, way};
use crate::report::table::{Cell, Row, table};
use crate::report::{self, PAGE};
use crate::steps::{StepTitle, steps};
use crate::units::{bytes, duration};

/// The first line of a run.
pub(super) fn opening(workflow_id: &str, steps: &[StepTitle]) -> String {
    let reused = steps.iter().filter(|step| step.is_cached).count();
    let plural = if steps.len() == 1 { "" } else { "s" };
    let count = steps.len();
    let before = if reused == 0 {
        String::new()
    } else if reused == count {
        ", all done before".into()
    } else {
        format!(", {reused} of them done before")
    };
    format!("workflow `{}`: {count} step{plural}{before}", plain(workflow_id))
}

/// The first line of a search.
pub(super) fn search(workflow_id: &str, variants: Option<u64>) -> String {
    let among = match variants {
        Some(1) => "1 variant".to_owned(),
        Some(count) => format!("{count} variants"),
        None => "variants without number".to_owned(),
    };
    format!("workflow `{}`: a search among {among}", plain(workflow_id))
}

/// The first line of a trial.
pub(super) fn trial(number: usize, choices: &[Choice], color: bool) -> String {
    let choices: Vec<String> = choices.iter().map(|choice| plain(&choice.to_string())).collect();
    let title = format!("variant {number}");
    format!("{}: {}", paint(&title, Style::Strong, color), choices.join(" "))
}

/// How a trial came out: a line, and a line of what its model measures.
pub(super) fn trial_end(trial: &TrialRecord, metrics: &[MetricValue], color: bool) -> Vec<String> {
    let (word, style, reason) = match &trial.outcome {
        TrialOutcome::Done if trial.meets_goals() => ("measured", Style::Good, String::new()),
        TrialOutcome::Done => ("misses a goal", Style::Warning, String::new()),
        TrialOutcome::Skipped { reason } => ("skipped", Style::Faint, format!(": {reason}")),
        TrialOutcome::Stopped { figure } => {
            ("stopped", Style::Warning, format!(": it misses the goal for {figure}"))
        }
        TrialOutcome::Beaten { figure, by } => {
            ("stopped", Style::Faint, format!(": variant {by} is better in {figure}"))
        }
        TrialOutcome::Failed { step, error } => {
            ("failed", Style::Error, format!(": `{step}`: {error}"))
        }
    };
    let title = format!("variant {}", trial.number);
    let word = paint(word, style, color);
    let mut lines =
        vec![format!("{}: {word}{}", paint(&title, Style::Strong, color), plain(&reason))];
    if !metrics.is_empty() {
        let values = metrics.iter().map(|value| {
            plain(&format!("{} {}", value.key(), Unit::of(value).show_measured(value)))
        });
        lines.push(format!("  {}", values.collect::<Vec<_>>().join(", ")));
    }
    lines
}

/// A log line of a step.
pub(super) fn log(level: LogLevel, message: &str, color: bool) -> String {
    let (label, style) = match level {
        LogLevel::Error => ("error", Style::Error),
        LogLevel::Warning => ("warning", Style::Warning),
        LogLevel::Info => ("info", Style::Note),
        LogLevel::Debug => ("debug", Style::Faint),
    };
    format!("{}: {}", paint(label, style, color), plain(message))
}

/// Figures of the moment, the most telling first.
pub(super) fn figures(figures: &BTreeMap<String, f64>) -> Vec<String> {
    let mut figures: Vec<(&String, &f64)> = figures.iter().collect();
    figures.sort_by_key(|(name, _)| figures::rank(name));
    figures.into_iter().map(|(name, value)| plain(&figures::figure(name, *value))).collect()
}

/// Time that is left.
pub(super) fn left(time: Duration) -> String {
    let seconds = time.as_secs_f64().ceil();
    if seconds < 60.0 { format!("{seconds:.0} s left") } else { duration(seconds) + " left" }
}

/// How a step ended: a line, and a line of what it measured.
pub(super) fn ending(
    label: &str,
    record: &StepRecord,
    metrics: &[MetricValue],
    color: bool,
) -> Vec<String> {
    let mut lines = vec![format!("{label}: {}", outcome(record, color))];
    if !metrics.is_empty() {
        let values = metrics.iter().map(|value| {
            plain(&format!("{} {}", value.key(), Unit::of(value).show_measured(value)))
        });
        let indent = label.find(']').map_or(2, |bracket| bracket + 2);
        let values = values.collect::<Vec<_>>().join(", ");
        lines.push(format!("{}{values}", " ".repeat(indent)));
    }
    lines
}

/// The sum of a run: models and metrics, times of steps, warnings, where things are.
pub fn closing(footprint: &Footprint, color: bool) -> String {
    let mut parts = Vec::new();
    parts.extend(nothing_to_do(footprint));
    parts.push(trials(footprint, color));
    parts.push(models(footprint, color));
    parts.push(times(footprint, color));
    parts.push(verdict(footprint));
    parts.push(goals(footprint, color));
    parts.push(warnings(footprint, color));
    parts.push(places(footprint, color));
    parts.retain(|part| !part.is_empty());
    format!("\n{}", parts.join("\n"))
}

fn outcome(record: &StepRecord, color: bool) -> String {
    let time = duration(record.duration_sec);
    let failed = |word: &str, style: Style| {
        let reason = record.error.as_ref().map(|error| plain(&format!(": {error}")));
        format!("{} after {time}{}", paint(word, style, color), reason.unwrap_or_default())
    };
    match record.status {
        StepStatus::Ran => {
            let cpu = record.cpu_sec.map(|cpu| format!(", CPU {}", duration(cpu)));
            let memory = record.peak_memory_bytes;
            let memory = memory.map(|peak| format!(", peak memory {}", bytes(peak as f64)));
            let done = paint("done", Style::Good, color);
            format!("{done} in {time}{}{}", cpu.unwrap_or_default(), memory.unwrap_or_default())
        }
        StepStatus::Reused => {
            format!("{} ({time} when it ran)", paint("reused", Style::Faint, color))
        }
        StepStatus::Failed => failed("failed", Style::Error),
        StepStatus::Cancelled => {
            format!("{} after {time}", paint("cancelled", Style::Warning, color))
        }
    }
}

fn nothing_to_do(footprint: &Footprint) -> Option<String> {
    let steps = steps(footprint);
    let is_reused = steps.iter().all(|step| step.record.status == StepStatus::Reused);
    (is_reused && !steps.is_empty()).then(|| match steps.len() {
        1 => "nothing to do: the step was done before\n".into(),
        count => format!("nothing to do: all {count} steps were done before\n"),
    })
}

/// What each trial of a search decided and measured.
fn trials(footprint: &Footprint, color: bool) -> String {
    let Some(trials) = report::trials::trials(footprint) else { return String::new() };
    let mut rows = vec![vec!["variant".to_owned()]];
    rows[0].extend(trials.columns.iter().map(|column| column.title.clone()));
    rows[0].push("outcome".to_owned());
    rows.extend(trials.rows.iter().map(|row| {
        let name = format!("{} {}", row.trial.number, row.trial.label());
        let values = trials.columns.iter().zip(&row.values).map(|(column, value)| {
            value.map_or_else(|| "–".to_owned(), |value| column.unit.show_measured(value))
        });
        let outcome = std::iter::once(row.word().to_owned());
        std::iter::once(name).chain(values).chain(outcome).collect()
    }));
    align(&rows, color)
}

/// What a search came to, in words.
fn verdict(footprint: &Footprint) -> String {
    let Some(told) = report::verdict::verdict(footprint) else { return String::new() };
    let of_trials = told.beaten.iter().chain([&told.extent]);
    let lines = std::iter::once(&told.result).chain(of_trials);
    lines.map(|line| plain(line) + "\n").collect()
}

/// The models of a run, after a search those on the way to the result.
fn models(footprint: &Footprint, color: bool) -> String {
    if footprint.search.is_some() && !footprint.is_complete() {
        return String::new();
    }
    let way = way(footprint);
    let table = table(footprint);
    if table.columns.is_empty() {
        return String::new();
    }
    let mut rows = vec![vec!["model".to_owned()]];
    rows[0].extend(table.columns.iter().map(|column| column.title.clone()));
    let is_on_way = |row: &&Row<'_>| is_on(&way, row.model);
    rows.extend(table.rows.iter().filter(is_on_way).map(|row| {
        let cells =
            row.cells.iter().map(|cell| cell.as_ref().map_or_else(|| "–".to_owned(), Cell::whole));
        std::iter::once(row.model.title().to_owned()).chain(cells).collect()
    }));
    align(&rows, color)
}

fn times(footprint: &Footprint, color: bool) -> String {
    let mut rows = vec![["step", "time", "CPU", "peak memory", ""].map(str::to_owned).to_vec()];
    rows.extend(steps(footprint).into_iter().map(|step| {
        let record = step.record;
        let word = if record.status == StepStatus::Ran { "" } else { record.status.word() };
        let memory = record.peak_memory_bytes.map(|peak| bytes(peak as f64));
        vec![
            step.label(),
            duration(record.duration_sec),
            record.cpu_sec.map(duration).unwrap_or_default(),
            memory.unwrap_or_default(),
            word.to_owned(),
        ]
    }));
    if rows.len() == 1 { String::new() } else { align(&rows, color) }
}

/// A line for each goal.
fn goals(footprint: &Footprint, color: bool) -> String {
    let line = |goal: GoalLine| {
        let (word, style) =
            if goal.is_met { ("goal met", Style::Good) } else { ("goal missed", Style::Error) };
        format!("{}: {}\n", paint(word, style, color), plain(&goal.sentence()))
    };
    report::goals::lines(footprint).into_iter().map(line).collect()
}

fn warnings(footprint: &Footprint, color: bool) -> String {
    let told = footprint.diagnostics.iter().filter(|told| told.severity != Severity::Note);
    told.map(|told| diagnostic(told, color) + "\n").collect()
}

/// A diagnostic without its last line break.
fn diagnostic(diagnostic: &Diagnostic, color: bool) -> String {
    let mut text = Vec::new();
    // Writing into memory does not fail.
    let _ = render::diagnostic(diagnostic, &mut text, color);
    String::from_utf8_lossy(&text).trim_end().to_owned()
}

fn places(footprint: &Footprint, color: bool) -> String {
    let total = format!("the run took {}\n", duration(footprint.duration_sec));
    let Some(folder) = &footprint.output_dir else { return total };
    let strong = |text: String| paint(&plain(&text), Style::Strong, color);
    let page = Path::new(folder).join(PAGE).display().to_string();
    let candidates = footprint.candidates().map(|(candidate, _)| {
        let path = Path::new(folder).join(&candidate.folder).display().to_string();
        format!("candidate {}: {}\n", candidate.rank, strong(path))
    });
    let candidates: String = candidates.collect();
    let result = strong(folder.clone());
    format!("{total}result: {result}\n{candidates}report: {}\n", strong(page))
}

/// Rows in columns, the first to the left, others to the right; the header is set off.
fn align(rows: &[Vec<String>], color: bool) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| plain(cell)).collect()).collect();
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().map(|row| width(&row[column])).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &columns))| {
            let padding = " ".repeat(columns - width(cell));
            if column == 0 { format!("{cell}{padding}") } else { format!("{padding}{cell}") }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        let line = line.trim_end();
        let style = Style::Strong;
        text.push_str(&if index == 0 { paint(line, style, color) } else { line.to_owned() });
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_run_is_summed_up() {
        assert_eq!(
            closing(&sample::full(), false),
            "
model         tone-exact_match  tone-perplexity      speed-avg       size
input model              0.0 %            41.20  24.6 tokens/s  513.9 MiB
tune                    88.3 %             1.92  23.1 tokens/s   37.6 MiB
merge                   88.3 %             1.92  24.8 tokens/s  513.9 MiB
build <int4>            55.0 %             3.71  61.3 tokens/s   82.5 MiB

step                         time          CPU  peak memory
evaluate input model         21 s         40 s     1.40 GiB
tune (Tune)            6 min 53 s  13 min 21 s     1.40 GiB
evaluate tune                21 s         40 s     1.40 GiB
merge (Merge)                10 s         19 s     1.40 GiB  reused
evaluate merge               21 s         40 s     1.40 GiB
build <int4> (Build)         10 s         19 s     1.40 GiB
evaluate build <int4>        21 s         40 s     1.40 GiB

warning[quality-loss]: `build <int4>` (Build) lowered tone-exact_match from 88.3 % to 55.0 %, by 33.3 points
  = help: try `algo: \"last\"`: 78 % on <this> data

the run took 8 min 23 s
result: /runs/out
report: /runs/out/report.html
"
        );
    }

    #[test]
    fn a_search_is_summed_up_by_its_variants() {
        let text = closing(&sample::searches::full(), false);
        for part in [
            "\n7 quantize=KQuant quantize.bits=4 quantize.block_size=32     88.0 MiB  86.4 % (83.4 to 89.4)",
            "\ninput model  88.3 % (85.3 to 91.3)",
            "quantize (KQuant), variant 7",
            "\nVariant 7 (`quantize=KQuant quantize.bits=4 quantize.block_size=32`) is the result.\n",
            "\nLooked at 14 of 24 variants: ",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn a_repeated_run_says_so() {
        let mut footprint = sample::shares(&[None, None, None]);
        for step in footprint.models.iter_mut().filter_map(|model| model.pass_step.as_mut()) {
            step.status = StepStatus::Reused;
        }
        let text = closing(&footprint, false);
        assert!(text.starts_with("\nnothing to do: all 2 steps were done before\n"), "{text}");
    }

    #[test]
    fn a_failed_run_has_no_result() {
        let text = closing(&sample::failed(), false);
        assert!(
            text.contains("tune (Tune)           6 min 53 s  13 min 21 s     1.40 GiB  failed\n")
        );
        assert!(text.ends_with("the run took 8 min 23 s\n"), "{text}");
    }

    #[test]
    fn a_run_of_known_steps_opens_with_it() {
        let step = |is_cached| StepTitle {
            index: 1,
            total: 2,
            title: "t".into(),
            key: "k".into(),
            is_cached,
        };
        for (steps, text) in [
            ([step(false), step(false)], "workflow `w`: 2 steps"),
            ([step(true), step(false)], "workflow `w`: 2 steps, 1 of them done before"),
            ([step(true), step(true)], "workflow `w`: 2 steps, all done before"),
        ] {
            assert_eq!(opening("w", &steps), text);
        }
    }
}
