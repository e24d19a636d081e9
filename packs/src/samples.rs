//! Packs for tests, which need no files.

use std::collections::BTreeMap;

use olive_schemas::pack::{
    FORMAT, IndexEntry, PackIndex, PackManifest, PackPlugin, PluginKind, Provides, Publisher,
    Signer,
};

use crate::store::ActivePack;

/// The manifest of a pack with one pass for every machine.
pub(crate) fn manifest(name: &str, version: &str) -> PackManifest {
    let name: olive_schemas::pack::PackName = name.parse().unwrap();
    let publisher =
        Publisher { id: name.publisher().into(), name: name.publisher().to_uppercase() };
    let plugin = PackPlugin {
        id: name.short().into(),
        kind: PluginKind::Process,
        provides: Provides { passes: vec![name.short().to_uppercase()], ..Provides::default() },
        descriptor: Some(format!("schemas/{}.json", name.short())),
        entry: BTreeMap::from([("any".into(), "any/x.plugin.json".into())]),
        execution_provider: None,
    };
    PackManifest {
        format: FORMAT,
        name,
        version: version.into(),
        publisher,
        license: "MIT".into(),
        description: "A pack of a test".into(),
        homepage: None,
        api: ">=0.1.0, <1.0.0".into(),
        min_host: None,
        conflicts: Vec::new(),
        replaces: Vec::new(),
        plugins: vec![plugin],
        files: Vec::new(),
    }
}

/// The same pack, active; its digests follow from name and version.
pub(crate) fn active(name: &str, version: &str) -> ActivePack {
    use sha2::{Digest, Sha256};
    let digest = |what: &str| crate::data::hex(&Sha256::digest(format!("{what} {name} {version}")));
    ActivePack {
        name: name.parse().unwrap(),
        version: version.into(),
        source: name.into(),
        sha256: digest("archive"),
        size: 1,
        manifest_sha256: digest("manifest"),
        signer: Signer::Key("0123456789ABCDEF".into()),
    }
}

/// An entry of an index for the same pack, whose archive lies beside the index.
pub(crate) fn index_entry(name: &str, version: &str) -> IndexEntry {
    let (manifest, active) = (manifest(name, version), active(name, version));
    let url = manifest.name.file_name(version);
    crate::index::entry(&manifest, &url, &active.sha256, active.size)
}

/// An index of such packs.
pub(crate) fn index(name: &str, serial: u64, packs: &[(&str, &str)]) -> PackIndex {
    let packs = packs.iter().map(|(name, version)| index_entry(name, version)).collect();
    PackIndex { format: FORMAT, name: name.into(), serial, packs }
}
