//! The page of rules, `docs/rules.md`.

use std::fmt::Write;
use std::{env, fs};

use olive_validator_api::{Applicability, Diagnostic, Severity};
use serde_json::Value;

use crate::RULES;
use crate::example::{Example, Kind};
use crate::rule::BuiltIn;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/rules.md");

const INTRODUCTION: &str = "\
# Rules

What the schemas of a config cannot say, because it lies between its parts, is said by validators.
The built-in one, `olive-rules`, has the rules of this page; its findings are shown as `olive-rules/<code>`.
A rule that does not speak for you is switched off in the workflow:

```json
{\"validators\": {\"config\": {\"olive-rules\": {\"off\": [\"never-used\"]}}}}
```

The same component estimates what the built-in passes need of memory and disk, from the shapes of the input model: `olive plan` shows it, and the host warns with `memory-short` where the accelerator declares less `memory`.

";

/// The page, from the rules and their examples.
fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("| code | severity | where it speaks |\n| --- | --- | --- |\n");
    for rule in &RULES {
        let BuiltIn { code, summary, .. } = rule;
        let severity = word(rule.severity);
        writeln!(page, "| [`{code}`](#{code}) | {severity} | {summary} |").unwrap();
    }
    for rule in &RULES {
        section(&mut page, rule);
    }
    page
}

fn section(page: &mut String, rule: &BuiltIn) {
    let bad = Example::read(rule.code, Kind::Bad);
    let good = Example::read(rule.code, Kind::Good);
    let found = &(rule.check)(&bad.document())[0];
    writeln!(page, "\n## {}\n\n{}\n", rule.code, rule.explanation).unwrap();
    writeln!(page, "This workflow has it:\n\n{}\n", shown(&bad)).unwrap();
    writeln!(page, "{}\n", told(found)).unwrap();
    writeln!(page, "Mended:\n\n{}", changed(&bad, &good)).unwrap();
}

/// What is said about the workflow.
fn told(found: &Diagnostic) -> String {
    let mut told = format!("> {}: {}", word(found.severity), found.message);
    write!(told, "\n> at `{}`", found.pointer).unwrap();
    if let Some(help) = &found.help {
        write!(told, "\n> help: {help}").unwrap();
    }
    for fix in &found.fixes {
        let sure = match fix.applicability {
            Applicability::MachineApplicable => "",
            Applicability::MaybeIncorrect => ", if that is what is meant",
            Applicability::HasPlaceholders => ", and fill it in",
        };
        write!(told, "\n> fix: {}{sure}", fix.title).unwrap();
    }
    told.replace('\n', "  \n")
}

/// The lines that differ between two workflows that differ at one place.
fn changed(from: &Example, to: &Example) -> String {
    let (from, to) = (text(from), text(to));
    let (from, to): (Vec<&str>, Vec<&str>) = (from.lines().collect(), to.lines().collect());
    let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
    let start = from.iter().zip(&to).take_while(same).count();
    let (from, to) = (&from[start..], &to[start..]);
    let end = from.iter().rev().zip(to.iter().rev()).take_while(same).count();
    let removed = from[..from.len() - end].iter().map(|line| format!("-{line}\n"));
    let added = to[..to.len() - end].iter().map(|line| format!("+{line}\n"));
    format!("```diff\n{}```", removed.chain(added).collect::<String>())
}

/// A workflow as JSON of which small parts stand on one line.
fn shown(example: &Example) -> String {
    format!("```json\n{}\n```", text(example))
}

fn text(example: &Example) -> String {
    let mut text = String::new();
    lines(example.workflow(), 0, &mut text);
    text
}

fn lines(value: &Value, depth: usize, into: &mut String) {
    const WIDTH: usize = 100;
    let one_line = spaced(value);
    if depth > 0 && one_line.len() + 2 * depth <= WIDTH {
        return into.push_str(&one_line);
    }
    let indent = "  ".repeat(depth + 1);
    let (open, close) = if value.is_array() { ('[', ']') } else { ('{', '}') };
    let parts: Vec<(String, &Value)> = match value {
        Value::Object(map) => {
            map.iter().map(|(key, part)| (format!("\"{key}\": "), part)).collect()
        }
        Value::Array(items) => items.iter().map(|part| (String::new(), part)).collect(),
        _ => return into.push_str(&one_line),
    };
    into.push(open);
    for (index, (key, part)) in parts.iter().enumerate() {
        into.push_str(if index == 0 { "\n" } else { ",\n" });
        into.extend([indent.as_str(), key]);
        lines(part, depth + 1, into);
    }
    into.extend(["\n", &indent[2..]]);
    into.push(close);
}

/// JSON on one line, with a space after each comma and colon.
fn spaced(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let parts = map.iter().map(|(key, part)| format!("\"{key}\": {}", spaced(part)));
            format!("{{{}}}", parts.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

#[test]
fn the_page_is_fresh() {
    let page = page();
    if env::var_os("BLESS").is_some() {
        fs::write(PAGE, &page).unwrap();
    }
    let written = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(written == page, "`docs/rules.md` is stale: run this test with BLESS=1");
}
