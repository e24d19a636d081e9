//! What becomes of an edited config: it is checked, shown as a diff, or written.

use olive_schemas::diagnostic::{Diagnostic, Severity};
use serde_json::{Value, json};
use similar::TextDiff;

use crate::cli::config::WriteArgs;
use crate::commands::say;
use crate::config::{Finding, Scope, Source};
use crate::edit::{Edited, file};
use crate::error::Error;
use crate::examine::examine;
use crate::host::{Host, refused};

/// Letters of a value that a summary shows.
const SHOWN_LETTERS: usize = 60;

/// Writes `edited` to the file of `source`, or shows what would be written.
///
/// # Errors
/// When it has errors that the file does not have now, unless they are forced; or when it cannot
/// be written.
pub(super) fn commit(
    host: &Host,
    source: &Source,
    edited: &Edited,
    args: &WriteArgs,
) -> Result<(), Error> {
    let is_same = edited.text == source.text;
    if args.dry_run && !host.is_json {
        say(&diff(source, &edited.text));
    }
    if !is_same {
        accept(host, source, &edited.text, args.force)?;
    }
    if !args.dry_run && !is_same {
        file::write(source, &edited.text)?;
    }
    if host.is_json {
        say(&format!("{}\n", event(source, edited, !args.dry_run && !is_same)));
    } else if is_same {
        say(&format!("{}: {} already, nothing to write\n", source.path.display(), told(edited)));
    } else if !args.dry_run {
        say(&format!("{}: {}\n", source.path.display(), summary(edited)));
    }
    Ok(())
}

/// Checks a new `text` of `source`; tells its new warnings.
///
/// # Errors
/// When it has errors that `source` does not have, unless they are forced.
pub(super) fn accept(
    host: &Host,
    source: &Source,
    text: &str,
    is_forced: bool,
) -> Result<(), Error> {
    let (_, before) = examine(source, &host.catalog, Scope::WHOLE);
    let new = Source { path: source.path.clone(), text: text.to_owned() };
    let (_, after) = examine(&new, &host.catalog, Scope::WHOLE);
    let (errors, others): (Vec<_>, Vec<_>) =
        unknown(after, before).into_iter().partition(Finding::is_error);
    if is_forced || errors.is_empty() {
        let warnings = others.into_iter().filter(|f| f.diagnostic.severity == Severity::Warning);
        let told: Vec<Finding> = errors.into_iter().chain(warnings).collect();
        host.show(&new, &told);
        return Ok(());
    }
    let note = Diagnostic::new(Severity::Note, "not-written", "", "nothing was written")
        .with_help("`--force` writes what does not check");
    let place = errors[0].range.clone();
    let findings = errors.into_iter().chain([Finding::new(note, place)]).collect();
    Err(refused(&new)(findings))
}

/// The change as a unified diff.
pub(super) fn diff(source: &Source, text: &str) -> String {
    let name = source.path.display().to_string();
    let diff = TextDiff::from_lines(source.text.as_str(), text);
    diff.unified_diff().context_radius(3).header(&name, &name).to_string()
}

/// Findings of `after` that were not there `before`, wherever they stand now.
fn unknown(after: Vec<Finding>, mut before: Vec<Finding>) -> Vec<Finding> {
    let mut unknown = after;
    unknown.retain(|finding| {
        let is_it = |other: &Finding| {
            let (a, b) = (&finding.diagnostic, &other.diagnostic);
            a.code == b.code && a.message == b.message
        };
        match before.iter().position(is_it) {
            Some(index) => {
                before.swap_remove(index);
                false
            }
            None => true,
        }
    });
    unknown
}

fn event(source: &Source, edited: &Edited, is_written: bool) -> Value {
    json!({
        "event": "edited",
        "path": source.path,
        "pointer": edited.path.pointer(),
        "was": edited.was,
        "now": edited.now,
        "written": is_written,
        "diff": diff(source, &edited.text),
    })
}

/// `passes.lora.r = 32 (was 16)`.
fn summary(edited: &Edited) -> String {
    match (&edited.was, &edited.now) {
        (Some(was), Some(_)) => format!("{} (was {})", told(edited), brief(was)),
        (Some(was), None) => format!("{} removed (was {})", edited.path, brief(was)),
        (None, _) => told(edited),
    }
}

fn told(edited: &Edited) -> String {
    let now = edited.now.as_ref().unwrap_or(&Value::Null);
    format!("{} = {}", edited.path, brief(now))
}

/// A value as text, cut short when long.
fn brief(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= SHOWN_LETTERS {
        return text;
    }
    format!("{}…", text.chars().take(SHOWN_LETTERS - 1).collect::<String>())
}
