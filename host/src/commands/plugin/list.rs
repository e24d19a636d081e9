//! `olive plugin list`.

use olive_schemas::descriptor::PluginDescriptor;
use serde_json::json;

use super::super::{host, say};
use crate::cli::CommonArgs;
use crate::error::Error;
use crate::host::Host;
use crate::plugin::InstalledPlugin;

/// Lists plugins and what they provide.
pub(super) fn run(args: &CommonArgs) -> Result<(), Error> {
    let host = host(args)?;
    say(&if host.is_json { json(&host) } else { text(&host) });
    Ok(())
}

fn text(host: &Host) -> String {
    let mut lines: Vec<String> = host.catalog.plugins().iter().flat_map(provided).collect();
    let problems = host.catalog.problems().iter();
    lines.extend(problems.map(|problem| format!("not usable: {problem}")));
    if lines.is_empty() {
        lines.extend(host.catalog.absence_help());
    }
    lines.join("\n") + "\n"
}

/// A line for the plugin, and one for everything it provides.
fn provided(plugin: &InstalledPlugin) -> Vec<String> {
    let PluginDescriptor { passes, evaluators, generators, .. } = &plugin.descriptor;
    let passes = passes.iter().map(|pass| ("pass", &pass.name, &pass.summary));
    let evaluators = evaluators.iter().map(|e| ("evaluator", &e.name, &e.summary));
    let generators = generators.iter().map(|g| ("generator", &g.name, &g.summary));
    let entries = passes.chain(evaluators).chain(generators);
    let entries = entries.map(|(kind, name, summary)| format!("  {kind:9}  {name}: {summary}"));
    let title = format!("{}  {}", plugin.label(), plugin.path.display());
    std::iter::once(title).chain(entries).collect()
}

fn json(host: &Host) -> String {
    let plugins = host.catalog.plugins().iter().map(|plugin| {
        let InstalledPlugin { path, digest, descriptor } = plugin;
        json!({"path": path, "digest": digest, "descriptor": descriptor})
    });
    let problems = host.catalog.problems().iter();
    let problems = problems.map(|problem| json!({"problem": problem.to_string()}));
    let lines: Vec<String> = plugins.chain(problems).map(|line| line.to_string()).collect();
    lines.join("\n") + "\n"
}
