//! `olive plugin list`.

use olive_packs::installed::{BrokenPack, InstalledPack};
use olive_packs::store::{ActivePack, Scope};
use olive_schemas::descriptor::PluginDescriptor;
use olive_schemas::pack::Signer;
use olive_schemas::validation::ValidatorDescriptor;
use serde_json::{Value, json};

use super::super::{host, say};
use crate::cli::CommonArgs;
use crate::error::Error;
use crate::host::Host;
use crate::plugin::catalog::scope_name;
use crate::plugin::packs::{TARGET, label};
use crate::plugin::{Catalog, InstalledPlugin, InstalledValidator, Origin, PackOrigin};

/// Lists plugins and what they provide.
pub(super) fn run(args: &CommonArgs) -> Result<(), Error> {
    let host = host(args)?;
    say(&if host.is_json { json(&host.catalog) } else { text(&host) });
    Ok(())
}

fn text(host: &Host) -> String {
    let catalog = &host.catalog;
    let mut lines = in_place(catalog, &Origin::Program);
    for pack in catalog.packs() {
        lines.extend(pack_lines(pack, catalog));
    }
    lines.extend(in_place(catalog, &Origin::Folder));
    lines.extend(catalog.all_problems().map(|problem| format!("not usable: {problem}")));
    if lines.is_empty() {
        lines.extend(catalog.absence_help());
    }
    lines.join("\n") + "\n"
}

/// What is beside the program, or in a folder that the user names.
fn in_place(catalog: &Catalog, origin: &Origin) -> Vec<String> {
    let plugins = catalog.plugins().iter().filter(|plugin| plugin.origin == *origin);
    let validators = catalog.validators().iter().filter(|validator| validator.origin == *origin);
    plugins.flat_map(provided).chain(validators.flat_map(validating)).collect()
}

/// A line for the pack, and below it those of what it brings.
fn pack_lines(pack: &InstalledPack, catalog: &Catalog) -> Vec<String> {
    let origin = Origin::Pack(PackOrigin::of(pack));
    let mut inside = in_place(catalog, &origin);
    inside.extend(providers(pack));
    if inside.is_empty() {
        inside.push("nothing: each plugin of it is passed over for another".into());
    }
    let title = format!("{}  {}  ({})", label(&pack.active), signer(pack), scope_name(pack.scope));
    let inside = inside.into_iter().map(|line| format!("  {line}"));
    std::iter::once(title).chain(inside).collect()
}

fn signer(pack: &InstalledPack) -> String {
    match &pack.active.signer {
        Signer::Key(id) => format!("signed by {id}"),
        Signer::Unsigned => "unsigned".into(),
    }
}

/// A line for every execution provider that the pack has for this machine.
fn providers(pack: &InstalledPack) -> impl Iterator<Item = String> {
    let plugins = pack.manifest.plugins.iter();
    plugins.filter(|plugin| plugin.entry_for(TARGET).is_some()).filter_map(|plugin| {
        let provider = plugin.execution_provider.as_ref()?;
        let devices: Vec<&str> = provider.devices.iter().map(|device| device.name()).collect();
        Some(format!("{}  accelerator for {}", provider.name, devices.join(", ")))
    })
}

/// A line for the plugin, and one for everything it provides.
fn provided(plugin: &InstalledPlugin) -> Vec<String> {
    let PluginDescriptor { passes, evaluators, generators, sources, systems, .. } =
        &plugin.descriptor;
    let PluginDescriptor { previewers, graph_editors, packagers, .. } = &plugin.descriptor;
    let passes = passes.iter().map(|pass| ("pass", &pass.name, &pass.summary));
    let evaluators = evaluators.iter().map(|e| ("evaluator", &e.name, &e.summary));
    let generators = generators.iter().map(|g| ("generator", &g.name, &g.summary));
    let sources = sources.iter().map(|source| ("source", &source.name, &source.summary));
    let resources = systems.iter().flat_map(|system| &system.resources);
    let resources = resources.map(|resource| ("command", &resource.name, &resource.summary));
    let systems = systems.iter().map(|system| ("system", &system.name, &system.summary));
    let previewers = previewers.iter().map(|p| ("previewer", &p.name, &p.summary));
    let editors = graph_editors.iter().map(|editor| ("editor", &editor.name, &editor.summary));
    let entries = passes.chain(evaluators).chain(generators).chain(sources).chain(systems);
    let packagers = packagers.iter().map(|p| ("packager", &p.name, &p.summary));
    let entries = entries.chain(resources).chain(previewers).chain(editors).chain(packagers);
    let entries = entries.map(|(kind, name, summary)| format!("  {kind:9}  {name}: {summary}"));
    let title = format!("{}  {}", plugin.label(), plugin.path.display());
    std::iter::once(title).chain(entries).chain(shadowed(&plugin.shadows)).collect()
}

/// A line for the component, one for its validator, and one for what else it does about workflows.
fn validating(validator: &InstalledValidator) -> Vec<String> {
    let ValidatorDescriptor { id, summary, interfaces, rules, validates, .. } =
        &validator.descriptor;
    let rules = match rules.len() {
        1 => "1 rule".to_owned(),
        count => format!("{count} rules"),
    };
    let title = format!("{}  {}", validator.label(), validator.path.display());
    let itself = validates.then(|| format!("  validator  {id}: {summary} ({rules})"));
    let others = interfaces.iter().filter(|name| *name != "graph-pass");
    let others: Vec<&str> = others.map(String::as_str).collect();
    let also = (!others.is_empty()).then(|| format!("  also       {}", others.join(", ")));
    let lines = std::iter::once(title).chain(itself).chain(also);
    lines.chain(shadowed(&validator.shadows)).collect()
}

/// A line for everything that is passed over.
fn shadowed(others: &[String]) -> impl Iterator<Item = String> {
    others.iter().map(|other| format!("  shadows    {other}"))
}

fn json(catalog: &Catalog) -> String {
    let plugins = catalog.plugins().iter().map(|plugin| {
        let InstalledPlugin { path, digest, descriptor, origin, shadows, .. } = plugin;
        let told = json!({"path": path, "digest": digest, "descriptor": descriptor});
        from(told, origin, shadows)
    });
    let validators = catalog.validators().iter().map(|validator| {
        let InstalledValidator { path, digest, descriptor, origin, shadows, .. } = validator;
        let told = json!({"path": path, "digest": digest, "validator": descriptor});
        from(told, origin, shadows)
    });
    let packs = catalog.packs().iter().map(|pack| {
        let mut told = pack_json(&pack.active, pack.scope);
        told["path"] = json!(pack.folder);
        told["provides"] = json!(pack.manifest.provides());
        json!({"pack": told})
    });
    let broken_packs = catalog.broken_packs().iter().map(|pack| {
        let told = pack_json(&pack.active, pack.scope);
        let BrokenPack { error, .. } = pack;
        json!({"pack": told, "problem": error.to_string(), "code": error.code(), "help": error.help()})
    });
    let others = catalog.problems().iter().map(ToString::to_string);
    let others = others.chain(catalog.broken_validators().iter().map(ToString::to_string));
    let others = others.map(|problem| json!({"problem": problem}));
    let stores = catalog.pack_problems().iter().map(
        |error| json!({"problem": error.to_string(), "code": error.code(), "help": error.help()}),
    );
    let lines = plugins.chain(validators).chain(packs).chain(broken_packs).chain(others);
    let lines: Vec<String> = lines.chain(stores).map(|line| line.to_string()).collect();
    lines.join("\n") + "\n"
}

/// Adds where a plugin is from.
fn from(mut told: Value, origin: &Origin, shadows: &[String]) -> Value {
    told["origin"] = match origin {
        Origin::Program => json!("program"),
        Origin::Folder => json!("folder"),
        Origin::Pack(PackOrigin { name, version, scope: of }) => {
            json!({"pack": name, "version": version, "scope": scope_name(*of)})
        }
    };
    if !shadows.is_empty() {
        told["shadows"] = json!(shadows);
    }
    told
}

fn pack_json(pack: &ActivePack, of: Scope) -> Value {
    let ActivePack { name, version, source, sha256, signer, .. } = pack;
    let signer = match signer {
        Signer::Key(id) => json!(id),
        Signer::Unsigned => Value::Null,
    };
    json!({
        "name": name,
        "version": version,
        "scope": scope_name(of),
        "signer": signer,
        "source": source,
        "sha256": sha256,
    })
}
