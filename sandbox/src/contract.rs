//! Which versions of the contract this host speaks, and how a component's is found.

use semver::{Version, VersionReq};

use crate::failure::Failure;

/// Interfaces of the contract start with this.
const PACKAGE: &str = "olive:plugin/";
/// The interface that every component exports, whatever else.
const REQUIRED: &str = "plugin";
/// Versions that this host takes.
const NEEDED: &str = "0.1";

/// The interface and version of a name such as `olive:plugin/host@0.1.0`.
pub(crate) fn interface(name: &str) -> Option<(&str, Version)> {
    let (interface, version) = name.strip_prefix(PACKAGE)?.split_once('@')?;
    Some((interface, Version::parse(version).ok()?))
}

/// Whether this host speaks `version`.
pub(crate) fn speaks(version: &Version) -> bool {
    VersionReq::parse(NEEDED).is_ok_and(|needed| needed.matches(version))
}

/// That a component speaks a version that this host does not.
pub(crate) fn wrong_version(found: &Version) -> Failure {
    Failure::ApiVersion { found: found.to_string(), needed: NEEDED.into() }
}

/// Version of the contract that a component with the exports `names` was built against.
pub(crate) fn version<'a>(names: impl Iterator<Item = &'a str>) -> Result<Version, Failure> {
    let mut found: Option<Version> = None;
    for (name, version) in names.filter_map(interface) {
        if name == REQUIRED && speaks(&version) {
            return Ok(version);
        }
        if name == REQUIRED || found.is_none() {
            found = Some(version);
        }
    }
    match found {
        Some(version) if speaks(&version) => {
            Err(Failure::Contract(format!("it does not export `{PACKAGE}{REQUIRED}@{version}`")))
        }
        Some(version) => Err(wrong_version(&version)),
        None => Err(Failure::Contract(format!("it does not export `{PACKAGE}{REQUIRED}`"))),
    }
}
