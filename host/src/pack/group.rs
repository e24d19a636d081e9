//! The files of plugins among the members of a pack: by name and place, or as the recipe says.
//!
//! Files of one kind and name are one plugin for several targets.

use std::collections::BTreeMap;

use olive_packs::PackError;
use olive_schemas::pack::{ANY_TARGET, PluginKind};

use super::collect::{COMPONENT, is_target};
use super::library::{self, is_library};
use super::recipe::{Recipe, below};
use super::refused;
use super::stage::Stage;
use crate::config::schema::quoted;
use crate::error::Error;
use crate::plugin::manifest::{Manifest, SUFFIX};

/// Files that are one plugin.
pub(super) struct Group {
    pub(super) kind: PluginKind,
    /// Name of its files without what systems add.
    pub(super) stem: String,
    /// Its members, by target.
    pub(super) entry: BTreeMap<String, String>,
}

/// The plugins that the recipe names.
///
/// # Errors
/// When a file is not there.
pub(super) fn named(recipe: &Recipe, stage: &Stage) -> Result<Vec<Group>, Error> {
    let mut groups = Vec::new();
    for (index, plugin) in recipe.content.plugins.iter().flatten().enumerate() {
        let pointer = format!("/plugins/{index}");
        if plugin.kind == PluginKind::OrtEp {
            let message = "execution providers stand apart";
            let help = "name it in `execution_providers`";
            return Err(recipe.refuse(&below(&pointer, "kind"), "pack-entry", message, help));
        }
        let entry = entries(recipe, stage, &pointer, &plugin.entry)?;
        let stem = entry.values().next().map(|path| stem(plugin.kind, path)).unwrap_or_default();
        groups.push(Group { kind: plugin.kind, stem: stem.to_owned(), entry });
    }
    Ok(groups)
}

/// The plugins that are known by their files' names and places.
///
/// # Errors
/// When a plugin lies where it cannot be one, or twice.
pub(super) fn found(recipe: &Recipe, stage: &Stage) -> Result<Vec<Group>, Error> {
    let is_provider = |target: &str, file: &str| {
        let providers = recipe.content.execution_providers.iter();
        providers.into_iter().any(|one| one.entry.get(target).is_some_and(|entry| entry == file))
    };
    let mut groups: BTreeMap<(PluginKind, String), Group> = BTreeMap::new();
    for path in stage.paths() {
        let Some((target, file)) = path.split_once('/') else { continue };
        if !is_target(target) || is_provider(target, file) {
            continue;
        }
        let depth = file.matches('/').count();
        let kind = match () {
            () if Manifest::is_at(file.as_ref()) && depth <= 1 => PluginKind::Process,
            () if file.ends_with(COMPONENT) && depth == 0 => PluginKind::Wasm,
            () if is_library(file) && is_plugin(stage, path)? => {
                if target == ANY_TARGET || depth > 0 {
                    return Err(misplaced(stage, path));
                }
                PluginKind::Native
            }
            () => continue,
        };
        let stem = stem(kind, file).to_owned();
        let new = || Group { kind, stem: stem.clone(), entry: BTreeMap::new() };
        let group = groups.entry((kind, stem.clone())).or_insert_with(new);
        if let Some(twin) = group.entry.insert(target.to_owned(), path.to_owned()) {
            let message = format!(
                "`{}` and `{}` are one plugin twice",
                stage.shown(&twin).display(),
                stage.shown(path).display()
            );
            return Err(refused("pack-twins", message, "leave one of them out"));
        }
    }
    Ok(groups.into_values().collect())
}

fn is_plugin(stage: &Stage, path: &str) -> Result<bool, PackError> {
    library::is_plugin(&stage.path(path)).map_err(PackError::io("read", stage.shown(path)))
}

fn misplaced(stage: &Stage, path: &str) -> Error {
    let message = format!(
        "`{}` is a plugin in a folder that is not one of a target",
        stage.shown(path).display()
    );
    let help = "put it into `dist` itself, or into a folder there that is called by its target \
                triple, such as `x86_64-unknown-linux-gnu`";
    refused("pack-misplaced", message, help)
}

/// The members that `entry` names: files in the folders of targets.
///
/// # Errors
/// When one is not there.
pub(super) fn entries(
    recipe: &Recipe,
    stage: &Stage,
    pointer: &str,
    entry: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Error> {
    let mut members = BTreeMap::new();
    for (target, file) in entry {
        let path = format!("{target}/{file}");
        if !stage.has(&path) {
            let pointer = below(&below(pointer, "entry"), target);
            let message = format!("`{file}` is no file for `{target}`");
            let mut files: Vec<&str> = stage.files_of(target).collect();
            files.truncate(5);
            let help = match files[..] {
                [] => format!("put it into the folder `{target}` of `dist`"),
                _ => format!("there are {}", quoted(&files)),
            };
            return Err(recipe.refuse(&pointer, "pack-entry", message, help));
        }
        members.insert(target.clone(), path);
    }
    Ok(members)
}

/// Name of a plugin's file without what kinds and systems add.
fn stem(kind: PluginKind, file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or_default();
    match kind {
        PluginKind::Native | PluginKind::OrtEp => library::stem(name),
        PluginKind::Process => name.strip_suffix(SUFFIX).unwrap_or(name),
        PluginKind::Wasm => name.strip_suffix(COMPONENT).unwrap_or(name),
    }
}
