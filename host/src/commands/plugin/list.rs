//! `olive plugin list`.

use olive_schemas::descriptor::PluginDescriptor;
use olive_schemas::validation::ValidatorDescriptor;
use serde_json::json;

use super::super::{host, say};
use crate::cli::CommonArgs;
use crate::error::Error;
use crate::host::Host;
use crate::plugin::{InstalledPlugin, InstalledValidator};

/// Lists plugins and what they provide.
pub(super) fn run(args: &CommonArgs) -> Result<(), Error> {
    let host = host(args)?;
    say(&if host.is_json { json(&host) } else { text(&host) });
    Ok(())
}

fn text(host: &Host) -> String {
    let mut lines: Vec<String> = host.catalog.plugins().iter().flat_map(provided).collect();
    lines.extend(host.catalog.validators().iter().flat_map(rules));
    lines.extend(problems(host).map(|problem| format!("not usable: {problem}")));
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

/// A line for the validator, and one for everything it does.
fn rules(validator: &InstalledValidator) -> Vec<String> {
    let ValidatorDescriptor { id, summary, interfaces, rules, .. } = &validator.descriptor;
    let itself = std::iter::once(("validator", id.clone(), summary));
    let rules = rules.iter().map(|rule| ("rule", format!("{id}/{}", rule.code), &rule.summary));
    let entries =
        itself.chain(rules).map(|(kind, name, summary)| format!("  {kind:9}  {name}: {summary}"));
    let title = format!("{}  {}", validator.label(), validator.path.display());
    let also = (!interfaces.is_empty()).then(|| format!("  also       {}", interfaces.join(", ")));
    std::iter::once(title).chain(entries).chain(also).collect()
}

fn problems(host: &Host) -> impl Iterator<Item = String> {
    let plugins = host.catalog.problems().iter().map(ToString::to_string);
    plugins.chain(host.catalog.broken_validators().iter().map(ToString::to_string))
}

fn json(host: &Host) -> String {
    let plugins = host.catalog.plugins().iter().map(|plugin| {
        let InstalledPlugin { path, digest, descriptor } = plugin;
        json!({"path": path, "digest": digest, "descriptor": descriptor})
    });
    let validators = host.catalog.validators().iter().map(|validator| {
        let InstalledValidator { path, digest, descriptor, .. } = validator;
        json!({"path": path, "digest": digest, "validator": descriptor})
    });
    let problems = problems(host).map(|problem| json!({"problem": problem}));
    let lines: Vec<String> =
        plugins.chain(validators).chain(problems).map(|line| line.to_string()).collect();
    lines.join("\n") + "\n"
}
