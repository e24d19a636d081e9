//! What an upgrade of installed packs comes to.

use olive_packs::PackError;
use olive_packs::source::Source;
use olive_packs::store::ActivePack;
use semver::{Comparator, Op, Prerelease, Version, VersionReq};

use super::InstallContext;

/// What can become of an installed pack.
#[derive(Debug)]
pub enum Next {
    /// An index has a newer version.
    Newer(Source),
    /// No index has a newer version that fits.
    Newest,
    /// The indexes do not say.
    Unknown(PackError),
    /// It came from a file, a folder or an address, which has no versions.
    NotIndexed,
}

/// The packs of `active` that `names` name, by whole or short name; all when there are no names.
///
/// # Errors
/// When one is not installed, or several have the short name.
pub fn chosen<'a>(
    active: &'a [ActivePack],
    names: &[String],
) -> Result<Vec<&'a ActivePack>, PackError> {
    if names.is_empty() {
        return Ok(active.iter().collect());
    }
    names.iter().map(|name| find(active, name)).collect()
}

/// The pack of `active` with this whole or short name.
///
/// # Errors
/// When it is not installed, or several have the short name.
pub fn find<'a>(active: &'a [ActivePack], name: &str) -> Result<&'a ActivePack, PackError> {
    let is_it = |pack: &&ActivePack| pack.name.to_string() == name || pack.name.short() == name;
    let found: Vec<&ActivePack> = active.iter().filter(is_it).collect();
    match found[..] {
        [pack] => Ok(pack),
        [] => {
            let message = format!("no pack `{}` is installed", name.escape_debug());
            Err(PackError::refused("pack-absent", message)
                .with_help("`olive plugin list` lists those that are"))
        }
        _ => {
            let names: Vec<String> = found.iter().map(|pack| pack.name.to_string()).collect();
            let message = format!("several packs are called `{name}`: {}", names.join(", "));
            Err(PackError::refused("pack-ambiguous", message).with_help("write the whole name"))
        }
    }
}

/// Whether `pack` came from an index.
pub fn is_indexed(pack: &ActivePack) -> bool {
    matches!(pack.source.parse(), Ok(Source::Named { .. }))
}

/// What can become of `pack`.
pub fn next(pack: &ActivePack, context: &InstallContext) -> Next {
    if !is_indexed(pack) {
        return Next::NotIndexed;
    }
    let name = pack.name.to_string();
    let InstallContext { indexes, machine, .. } = context;
    match indexes.find(&name, &VersionReq::STAR, machine) {
        Err(error) => Next::Unknown(error),
        Ok(found) => newer(&pack.version, &found.entry.version).map_or(Next::Newest, |version| {
            Next::Newer(Source::Named { name, requirement: exactly(&version) })
        }),
    }
}

/// The version `listed`, if it is newer than `current`.
fn newer(current: &str, listed: &str) -> Option<Version> {
    let (current, listed) = (Version::parse(current).ok()?, Version::parse(listed).ok()?);
    (listed > current).then_some(listed)
}

/// The requirement that only `version` meets.
fn exactly(version: &Version) -> VersionReq {
    let comparator = Comparator {
        op: Op::Exact,
        major: version.major,
        minor: Some(version.minor),
        patch: Some(version.patch),
        pre: Prerelease::new(&version.pre).unwrap_or(Prerelease::EMPTY),
    };
    VersionReq { comparators: vec![comparator] }
}

#[cfg(test)]
mod tests {
    use olive_schemas::pack::Signer;

    use super::*;

    fn packs(names: &[&str]) -> Vec<ActivePack> {
        let pack = |name: &&str| ActivePack {
            name: name.parse().unwrap(),
            version: "1.0.0".into(),
            source: String::new(),
            sha256: String::new(),
            size: 0,
            manifest_sha256: String::new(),
            signer: Signer::Unsigned,
        };
        names.iter().map(pack).collect()
    }

    #[test]
    fn packs_are_named_whole_or_short() {
        let active = packs(&["acme/prune", "acme/tune", "other/tune"]);
        for (name, found) in [
            ("acme/prune", Ok("acme/prune")),
            ("prune", Ok("acme/prune")),
            ("other/tune", Ok("other/tune")),
            ("tune", Err("several packs are called `tune`: acme/tune, other/tune")),
            ("merge", Err("no pack `merge` is installed")),
        ] {
            let is = find(&active, name).map(|pack| pack.name.to_string());
            let is = is.map_err(|error| error.to_string());
            assert_eq!(is, found.map(str::to_owned).map_err(str::to_owned), "{name}");
        }
    }

    #[test]
    fn only_newer_versions_are_upgrades() {
        for (current, listed, is_newer) in [
            ("1.2.0", "1.10.0", true),
            ("1.2.0", "1.2.0", false),
            ("1.2.0", "1.1.9", false),
            ("1.2.0-beta.1", "1.2.0", true),
            ("1.2.0", "1.3.0-beta.1", true),
        ] {
            assert_eq!(newer(current, listed).is_some(), is_newer, "{current} {listed}");
        }
        let beta = Version::parse("1.3.0-beta.1").unwrap();
        assert!(exactly(&beta).matches(&beta));
        assert!(!exactly(&beta).matches(&Version::new(1, 3, 0)));
    }
}
