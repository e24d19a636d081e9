//! `olive plugin`.

use serde_json::json;

use super::{host, say};
use crate::cli::CommonArgs;
use crate::error::Error;
use crate::host::Host;

/// Lists plugins and what they provide.
pub(super) fn list(args: &CommonArgs) -> Result<(), Error> {
    let host = host(args)?;
    say(&if host.is_json { json(&host) } else { text(&host) });
    Ok(())
}

fn text(host: &Host) -> String {
    let mut text = String::new();
    for plugin in host.catalog.plugins() {
        text.push_str(&format!("{}  {}\n", plugin.label(), plugin.path.display()));
        let passes = plugin.descriptor.passes.iter().map(|p| ("pass", &p.name, &p.summary));
        let evaluators =
            plugin.descriptor.evaluators.iter().map(|e| ("evaluator", &e.name, &e.summary));
        let generators =
            plugin.descriptor.generators.iter().map(|g| ("generator", &g.name, &g.summary));
        for (kind, name, summary) in passes.chain(evaluators).chain(generators) {
            text.push_str(&format!("  {kind:9}  {name}: {summary}\n"));
        }
    }
    for problem in host.catalog.problems() {
        text.push_str(&format!("not usable: {problem}\n"));
    }
    if text.is_empty() {
        let help = host.catalog.absence_help().unwrap_or_default();
        text.push_str(&format!("{help}\n"));
    }
    text
}

fn json(host: &Host) -> String {
    let mut text = String::new();
    for plugin in host.catalog.plugins() {
        let line = json!({
            "path": plugin.path,
            "digest": plugin.digest,
            "descriptor": plugin.descriptor,
        });
        text.push_str(&format!("{line}\n"));
    }
    for problem in host.catalog.problems() {
        text.push_str(&format!("{}\n", json!({"problem": problem.to_string()})));
    }
    text
}
