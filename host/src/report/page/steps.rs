//! The steps: how long, how heavy, and, folded, what each said and was told.

use olive_schemas::footprint::{Footprint, LogLine, StepStatus};
use olive_schemas::step::LogLevel;
use serde_json::Value;

use super::escape::escape;
use super::{curves, notices};
use crate::clock::readable;
use crate::steps::{Step, steps};
use crate::units::{bytes, duration};

/// One folded entry a step.
pub(super) fn render(footprint: &Footprint) -> String {
    let steps = steps(footprint);
    if steps.is_empty() {
        return String::new();
    }
    let longest = steps.iter().map(|step| step.record.duration_sec).fold(0.0, f64::max);
    let entries: String =
        steps.iter().enumerate().map(|(index, step)| entry(index + 1, step, longest)).collect();
    format!(
        "<section>\n<h2>Steps</h2>\n<div class=\"card steps\">\n<div class=\"step head\">\
         <span></span><span>step</span><span></span><span>time</span><span></span><span>CPU</span>\
         <span>peak memory</span></div>\n{entries}</div>\n</section>\n"
    )
}

fn entry(index: usize, step: &Step<'_>, longest: f64) -> String {
    let record = step.record;
    let class = match record.status {
        StepStatus::Ran => "good",
        StepStatus::Reused => "note",
        StepStatus::Failed => "bad",
        StepStatus::Cancelled => "warn",
    };
    let word = record.status.word();
    let share = if longest > 0.0 { record.duration_sec / longest * 100.0 } else { 0.0 };
    let memory = record.peak_memory_bytes.map(|peak| bytes(peak as f64));
    format!(
        "<details><summary class=\"step\"><span class=\"index\">{index}</span>\
         <span class=\"title\"><bdi>{}</bdi></span><span><span class=\"badge {class}\">{word}</span>\
         </span><span class=\"number\">{}</span><span class=\"bar\">\
         <i style=\"width:{share:.1}%\"></i></span><span class=\"number\">{}</span>\
         <span class=\"number\">{}</span></summary>\n<div class=\"inside\">{}</div></details>\n",
        escape(&step.label()),
        escape(&duration(record.duration_sec)),
        escape(&cpu(step)),
        escape(&memory.unwrap_or_else(|| "–".into())),
        inside(step)
    )
}

fn cpu(step: &Step<'_>) -> String {
    let Some(cpu) = step.record.cpu_sec else { return "–".into() };
    if step.record.duration_sec < 1.0 {
        return duration(cpu);
    }
    format!("{} ({:.1} cores)", duration(cpu), cpu / step.record.duration_sec)
}

fn inside(step: &Step<'_>) -> String {
    let record = step.record;
    let error = record.error.as_ref().map(|error| notices::failure(step, error));
    let charts = if curves::is_training(record) { String::new() } else { curves::charts(record) };
    let config = step.model.pass_run_config.as_ref().filter(|_| !step.is_evaluation);
    [
        error.unwrap_or_default(),
        facts(step),
        charts,
        config.map(self::config).unwrap_or_default(),
        log(&record.log),
    ]
    .concat()
}

fn facts(step: &Step<'_>) -> String {
    let record = step.record;
    let model = step.model.model.as_ref().filter(|_| !step.is_evaluation);
    let mut facts = vec![
        ("plugin", record.plugin.clone()),
        ("started", readable(&record.start_time)),
        ("ended", readable(&record.end_time)),
        ("key", record.key.clone()),
    ];
    if let Some(model) = model {
        facts.push(("model", model.model_path.display().to_string()));
        let adapter = model.adapter_path.as_ref();
        facts.extend(adapter.map(|path| ("adapter", path.display().to_string())));
    }
    let facts = facts
        .into_iter()
        .map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", escape(&value)));
    format!("<dl>{}</dl>\n", facts.collect::<String>())
}

fn config(config: &Value) -> String {
    let text = escape(&format!("{config:#}"));
    format!("<details><summary>Config</summary><pre>{text}</pre></details>\n")
}

fn log(lines: &[LogLine]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let worst = lines.iter().filter(|line| line.level <= LogLevel::Warning).count();
    let worst = match worst {
        0 => String::new(),
        1 => ", 1 warning".into(),
        count => format!(", {count} warnings"),
    };
    let plural = if lines.len() == 1 { "" } else { "s" };
    let text = lines.iter().map(|line| {
        let (class, word) = match line.level {
            LogLevel::Error => ("worse", "error"),
            LogLevel::Warning => ("caution", "warning"),
            LogLevel::Info => ("same", "info"),
            LogLevel::Debug => ("same", "debug"),
        };
        format!("<span class=\"{class}\">{word:>7}</span>  {}\n", escape(&line.message))
    });
    format!(
        "<details><summary>Log <small>{} line{plural}{worst}</small></summary><pre>{}</pre>\
         </details>\n",
        lines.len(),
        text.collect::<String>()
    )
}
