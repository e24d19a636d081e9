//! Packs that would have what is missing: installed ones that cannot be used, and those of indexes.

use std::fs;
use std::sync::OnceLock;

use olive_packs::index::{Found, Indexes};
use olive_packs::installed::{BrokenPack, InstalledPack};
use olive_packs::store::Store;
use olive_schemas::pack::{ANY_TARGET, MANIFEST, PackManifest, PackPlugin, Provides};

use super::TARGET;
use crate::plugin::Catalog;

/// A pack that has a part which no plugin in use has.
#[derive(Debug)]
pub enum Holder<'a> {
    /// It is installed, and cannot be used.
    Broken(&'a BrokenPack),
    /// It is installed, and has the part for other machines only.
    Elsewhere(&'a InstalledPack),
    /// Indexes have it.
    Listed(Box<Found>),
}

/// The indexes, read when something is first looked up.
#[derive(Debug, Default)]
pub(in crate::plugin) struct Lookup {
    indexes: OnceLock<Option<Indexes>>,
}

impl Lookup {
    fn indexes(&self) -> Option<&Indexes> {
        // A list of indexes that cannot be read is told by the commands about them.
        self.indexes.get_or_init(|| super::indexes().ok()).as_ref()
    }
}

impl Catalog {
    /// The packs that have the part `name` of this `kind`, as
    /// [`Provides::lists`](olive_schemas::pack::Provides::lists) calls kinds: installed ones, or
    /// else those of the indexes.
    pub fn holders(&self, kind: &str, name: &str) -> Vec<Holder<'_>> {
        let broken = self.broken_packs().iter().filter(|pack| {
            let manifest = manifest(pack, self.stores());
            manifest.is_some_and(|manifest| has(&manifest.provides(), kind, name))
        });
        let elsewhere = self.packs().iter().filter(|pack| {
            let is_elsewhere = |plugin: &PackPlugin| plugin.entry_for(TARGET).is_none();
            let mut others = pack.manifest.plugins.iter().filter(|plugin| is_elsewhere(plugin));
            others.any(|plugin| has(&plugin.provides, kind, name))
        });
        let installed = broken.map(Holder::Broken).chain(elsewhere.map(Holder::Elsewhere));
        let installed: Vec<Holder<'_>> = installed.collect();
        if !installed.is_empty() {
            return installed;
        }
        let indexes = self.lookup().and_then(Lookup::indexes);
        let found = indexes.map(|indexes| indexes.providing(kind, name)).unwrap_or_default();
        found.into_iter().map(|found| Holder::Listed(Box::new(found))).collect()
    }

    /// Packs of the indexes that are not installed and have a part of this `kind` for this machine,
    /// with their versions.
    pub(in crate::plugin) fn packs_with(&self, kind: &str) -> String {
        let Some(indexes) = self.lookup().and_then(Lookup::indexes) else { return String::new() };
        let is_new = |found: &Found| {
            let mut installed = self.packs().iter().map(|pack| &pack.active.name);
            let lists = found.entry.provides.lists();
            let has_some = lists.iter().any(|(of, names)| *of == kind && !names.is_empty());
            has_some
                && is_for_this_machine(found)
                && installed.all(|name| *name != found.entry.name)
        };
        let found = indexes.search("").into_iter().filter(is_new);
        let packs = found.map(|found| format!("`{}` {}", found.entry.name, found.entry.version));
        packs.collect::<Vec<_>>().join(", ")
    }

    /// Whether packs could be looked up, if some index were configured.
    pub fn lacks_indexes(&self) -> bool {
        let Some(lookup) = self.lookup() else { return false };
        lookup.indexes().is_some_and(|indexes| indexes.configured().is_empty())
    }
}

/// Whether the pack of an index has plugins for this machine.
pub fn is_for_this_machine(found: &Found) -> bool {
    found.entry.targets.iter().any(|target| [TARGET, ANY_TARGET].contains(&target.as_str()))
}

fn has(provides: &Provides, kind: &str, name: &str) -> bool {
    let lists = provides.lists();
    let mut names = lists.iter().filter(|(of, _)| *of == kind).flat_map(|(_, names)| names.iter());
    names.any(|known| known.eq_ignore_ascii_case(name))
}

/// What a pack that cannot be used would have, as far as that can be read.
fn manifest(pack: &BrokenPack, stores: &[Store]) -> Option<PackManifest> {
    let store = stores.iter().find(|store| store.scope() == pack.scope)?;
    let text = fs::read(store.folder(&pack.active.sha256).join(MANIFEST)).ok()?;
    serde_json::from_slice(&text).ok()
}
