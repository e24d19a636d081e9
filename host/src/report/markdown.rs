//! The report as Markdown: what the page says, as tables.

use olive_schemas::diagnostic::{Diagnostic, Severity};
use olive_schemas::footprint::Footprint;

use super::goals::lines;
use super::lineage::{is_on, way};
use super::page::origin::{commands, facts};
use super::table::{Cell, table};
use super::trials::{outcome, reason, trials};
use super::verdict::{named, verdict};
use crate::clock::readable;
use crate::steps::steps;
use crate::units::{bytes, duration};

/// The report.
pub(super) fn render(footprint: &Footprint) -> String {
    let parts = [
        head(footprint),
        summary(footprint),
        failures(footprint),
        warnings(&footprint.diagnostics),
        goals(footprint),
        variants(footprint),
        models(footprint),
        timeline(footprint),
        environment(footprint),
        again(footprint),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}

fn head(footprint: &Footprint) -> String {
    format!(
        "# {}\n\n{}, took {}.\n",
        plain(&footprint.workflow_id),
        readable(&footprint.start_time),
        duration(footprint.duration_sec)
    )
}

fn summary(footprint: &Footprint) -> String {
    let Some(told) = verdict(footprint) else { return String::new() };
    let reasons: Vec<String> = told.reasons().map(|line| format!("- {}\n", safe(line))).collect();
    format!("**{}**\n\n{}", safe(&told.result), reasons.concat())
}

fn failures(footprint: &Footprint) -> String {
    if footprint.search.is_some() {
        return String::new();
    }
    let failed = steps(footprint).into_iter().filter_map(|step| {
        let error = step.record.error.as_ref()?;
        Some(format!("- **Error:** `{}` failed: {}\n", code(&step.title), safe(&error.to_string())))
    });
    failed.collect()
}

fn warnings(told: &[Diagnostic]) -> String {
    let lines = told.iter().map(|told| {
        let word = match told.severity {
            Severity::Error => "Error",
            Severity::Warning => "Warning",
            Severity::Note => "Note",
        };
        let help = told.help.as_ref().map(|help| format!(" Help: {}", safe(help)));
        format!(
            "- **{word}** ({}): {}.{}\n",
            told.code,
            safe(&told.message),
            help.unwrap_or_default()
        )
    });
    lines.collect()
}

fn goals(footprint: &Footprint) -> String {
    let rows: Vec<Vec<String>> = lines(footprint)
        .into_iter()
        .map(|line| {
            let word = if line.is_met { "met" } else { "missed" };
            vec![safe(&line.subject), line.value, safe(&line.wanted), word.to_owned()]
        })
        .collect();
    section("Goals", &["figure", "value", "wanted", "outcome"].map(str::to_owned), &rows)
}

fn variants(footprint: &Footprint) -> String {
    let Some(trials) = trials(footprint) else { return String::new() };
    let settings = trials.settings();
    let mut head = vec!["variant".to_owned(), "outcome".to_owned()];
    head.extend(settings.iter().map(|name| plain(name)));
    head.extend(trials.columns.iter().map(|column| plain(&column.title)));
    let rows: Vec<Vec<String>> = trials
        .rows
        .iter()
        .map(|row| {
            let mut cells = vec![row.trial.number.to_string(), row.word().to_owned()];
            cells.extend(settings.iter().map(|name| plain(&row.setting(name).unwrap_or_default())));
            cells.extend(trials.columns.iter().zip(&row.values).map(|(column, value)| {
                value.map_or_else(|| "–".to_owned(), |value| column.unit.show_measured(value))
            }));
            cells
        })
        .collect();
    let others = trials.rows.iter().filter_map(|row| {
        let reason = reason(row.trial)?;
        let subject = safe(&named(row.trial));
        Some(format!("- {subject} {}: {}\n", outcome(row.trial), safe(&reason)))
    });
    let others: String = others.collect();
    let others = if others.is_empty() { others } else { format!("\n{others}") };
    section("Variants", &head, &rows) + &others
}

fn models(footprint: &Footprint) -> String {
    let table = table(footprint);
    let head: Vec<String> = std::iter::once("model".to_owned())
        .chain(table.columns.iter().map(|column| plain(&column.title)))
        .collect();
    let way = way(footprint);
    let rows: Vec<Vec<String>> = table
        .rows
        .iter()
        .filter(|row| is_on(&way, row.model))
        .map(|row| {
            let cells = row
                .cells
                .iter()
                .map(|cell| cell.as_ref().map_or_else(|| "–".to_owned(), Cell::whole));
            std::iter::once(plain(row.model.title())).chain(cells).collect()
        })
        .collect();
    section("Models", &head, &rows)
}

fn timeline(footprint: &Footprint) -> String {
    let rows: Vec<Vec<String>> = steps(footprint)
        .into_iter()
        .map(|step| {
            let record = step.record;
            let memory = record.peak_memory_bytes.map(|peak| bytes(peak as f64));
            vec![
                plain(&step.label()),
                record.status.word().to_owned(),
                readable(&record.start_time),
                duration(record.duration_sec),
                record.cpu_sec.map(duration).unwrap_or_default(),
                memory.unwrap_or_default(),
            ]
        })
        .collect();
    let head = ["step", "outcome", "started", "time", "CPU", "peak memory"];
    section("Steps", &head.map(str::to_owned), &rows)
}

fn environment(footprint: &Footprint) -> String {
    let facts = facts(footprint).into_iter();
    let rows: Vec<Vec<String>> =
        facts.map(|(name, values)| vec![name.to_owned(), plain(&values.join(", "))]).collect();
    section("Environment", &["what", "value"].map(str::to_owned), &rows)
}

fn again(footprint: &Footprint) -> String {
    let Some(origin) = &footprint.origin else { return String::new() };
    let rows: Vec<Vec<String>> = origin
        .inputs
        .iter()
        .map(|input| vec![plain(&input.role), plain(&input.path), input.digest.clone()])
        .collect();
    let head = ["input", "path", "BLAKE3"].map(str::to_owned);
    format!(
        "## Run it again\n\n{}\n{}:\n\n{}\n{}",
        fenced(&commands(origin)),
        plain(&origin.config_path),
        fenced(&origin.config),
        section("Inputs", &head, &rows)
    )
}

/// A heading and a table below it; nothing without rows.
fn section(title: &str, head: &[String], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule = vec!["---".to_owned(); head.len()];
    let rows: String = rows.iter().map(|row| line(row)).collect();
    format!("## {title}\n\n{}{}{rows}", line(head), line(&rule))
}

/// Text in which nothing is markup.
fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => safe.push(' '),
            '<' => safe.push_str("&lt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' => {
                safe.push('\\');
                safe.push(character);
            }
            other => safe.push(other),
        }
    }
    safe
}

/// Text in which a pair of backticks makes code, and nothing else is markup.
fn safe(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return plain(text);
    }
    let part = |(index, part): (usize, &&str)| {
        if index % 2 == 1 { format!("`{}`", code(part)) } else { plain(part) }
    };
    parts.iter().enumerate().map(part).collect()
}

/// Text between backticks.
fn code(text: &str) -> String {
    text.replace('`', "'").replace(['\n', '\r'], " ")
}

/// Text as it is, between fences longer than any in it.
fn fenced(text: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{}\n{fence}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_search_is_told_in_tables() {
        let text = render(&sample::searches::full());
        for part in [
            "# phrase &amp; tone\n",
            "**Variant 7 (`quantize=KQuant quantize.bits=4 quantize.block_size=32`) is the result.**",
            "| 7 | result | KQuant | 4 | 32 | 88.0 MiB | 86.4 % (83.4 to 89.4) | 2.05 |",
            "skipped: `Hqq` takes blocks of 16 to 64 weights\n",
            "| tune (Tune) | reused |",
            "cd /home/ada/tone\nolive run --config 'olive config.json' --threads 2\n",
            "| input model | /home/ada/tone/model | 5e5e",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn nothing_of_the_run_becomes_markup() {
        for (text, expected) in [
            ("a|b", "a|b"),
            ("<b>*x*</b> [y]", "&lt;b>\\*x\\*&lt;/b> \\[y\\]"),
            ("set `a<b`", "set `a<b`"),
            ("odd ` tick", "odd \\` tick"),
        ] {
            assert_eq!(safe(text), expected);
        }
        assert_eq!(fenced("a\n```\nb"), "````text\na\n```\nb\n````\n");
        assert!(section("T", &["a".into()], &[vec!["x|y".into()]]).contains("| x\\|y |"));
    }
}
