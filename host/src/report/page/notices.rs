//! What a reader must know first: errors, warnings, notes.

use olive_schemas::diagnostic::{Diagnostic, Severity};
use olive_schemas::error::PluginError;
use olive_schemas::footprint::Footprint;

use super::escape::escape;
use crate::steps::{Step, steps};

/// Errors of steps, then warnings, then notes folded. A search that has a result tells what failed
/// with its trials.
pub(super) fn render(footprint: &Footprint) -> String {
    let is_survived = footprint.search.is_some() && footprint.is_complete();
    let failed = if is_survived { Vec::new() } else { steps(footprint) };
    let failures = failed.into_iter().filter_map(|step| {
        let error = step.record.error.as_ref()?;
        Some(failure(&step, error))
    });
    let told = |of: fn(Severity) -> bool| {
        footprint.diagnostics.iter().filter(move |told| of(told.severity)).map(notice)
    };
    let first: String = failures.chain(told(|severity| severity != Severity::Note)).collect();
    let notes: Vec<String> = told(|severity| severity == Severity::Note).collect();
    let notes = match notes.len() {
        0 => String::new(),
        count => {
            let plural = if count == 1 { "" } else { "s" };
            format!(
                "<details class=\"notes\"><summary>{count} note{plural} about the config</summary>\
                 {}</details>\n",
                notes.concat()
            )
        }
    };
    if first.is_empty() && notes.is_empty() {
        return String::new();
    }
    format!("<section aria-label=\"Warnings\">\n{first}{notes}</section>\n")
}

/// Why a step failed.
pub(super) fn failure(step: &Step<'_>, error: &PluginError) -> String {
    let causes = error.causes.iter().map(|cause| format!("<li>{}</li>", ticks(cause)));
    let mut causes: String = causes.collect();
    if !causes.is_empty() {
        causes = format!("<ul class=\"causes\">{causes}</ul>");
    }
    let message = format!("`{}` failed: {}", step.title, error.message);
    card("bad", "Error", &error.code, &message, &causes, error.help.as_deref())
}

fn notice(told: &Diagnostic) -> String {
    let (class, word) = match told.severity {
        Severity::Error => ("bad", "Error"),
        Severity::Warning => ("warn", "Warning"),
        Severity::Note => ("note", "Note"),
    };
    card(class, word, &told.code, &told.message, "", told.help.as_deref())
}

fn card(
    class: &str,
    word: &str,
    code: &str,
    message: &str,
    more: &str,
    help: Option<&str>,
) -> String {
    let help = help.map(|help| format!("<p class=\"help\">{}</p>", ticks(help)));
    format!(
        "<div class=\"notice {class}\"><p><span class=\"badge {class}\">{word}</span> \
         <span class=\"code\">{}</span></p><p class=\"message\" dir=\"auto\">{}</p>{more}{}</div>\n",
        escape(code),
        ticks(message),
        help.unwrap_or_default()
    )
}

/// Escaped text in which a pair of backticks makes code.
pub(super) fn ticks(text: &str) -> String {
    let parts: Vec<String> = text.split('`').map(escape).collect();
    if parts.len().is_multiple_of(2) {
        return escape(text);
    }
    let tag = |(index, part): (usize, String)| {
        if index % 2 == 1 { format!("<code>{part}</code>") } else { part }
    };
    parts.into_iter().enumerate().map(tag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_make_code() {
        for (text, html) in [
            ("set `a<b` now", "set <code>a&lt;b</code> now"),
            ("no code", "no code"),
            ("odd ` tick", "odd ` tick"),
        ] {
            assert_eq!(ticks(text), html);
        }
    }
}
