//! The API version: what fits what.

use semver::{Comparator, Op, Version, VersionReq};
use thiserror::Error;

/// Version of this contract (semver).
pub const API_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Why a plugin does not fit this host.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VersionError {
    /// The plugin was built against an incompatible contract.
    #[error("plugin API {found} does not fit this host, which needs {needed}")]
    Mismatch {
        /// Version the plugin was built against.
        found: Version,
        /// Versions this host accepts.
        needed: VersionReq,
    },
    /// The plugin's version is no semver.
    #[error("plugin API version `{found}` is no semantic version")]
    Unreadable {
        /// What the plugin says.
        found: String,
    },
}

/// Checks that a plugin built against API version `found` can be loaded by this host.
///
/// # Errors
/// When `found` lies outside the caret range of [`API_VERSION`] up to the host's own version.
pub fn check(found: &str) -> Result<(), VersionError> {
    let unreadable = || VersionError::Unreadable { found: found.to_owned() };
    let found = Version::parse(found).map_err(|_| unreadable())?;
    let needed = needed().ok_or_else(unreadable)?;
    if needed.matches(&found) { Ok(()) } else { Err(VersionError::Mismatch { found, needed }) }
}

/// Same major (same minor below 1.0), and no newer than the host: `>=0.1.0, <=0.1.3`.
fn needed() -> Option<VersionReq> {
    let host = Version::parse(API_VERSION).ok()?;
    let first = if host.major == 0 {
        Version::new(0, host.minor, 0)
    } else {
        Version::new(host.major, 0, 0)
    };
    let comparator = |op, version: &Version| Comparator {
        op,
        major: version.major,
        minor: Some(version.minor),
        patch: Some(version.patch),
        pre: version.pre.clone(),
    };
    let comparators = vec![comparator(Op::GreaterEq, &first), comparator(Op::LessEq, &host)];
    Some(VersionReq { comparators })
}

#[cfg(test)]
mod tests {
    use super::{API_VERSION, check};

    #[test]
    fn the_own_version_fits() {
        assert_eq!(check(API_VERSION), Ok(()));
    }

    #[test]
    fn other_versions_are_one_sentence() {
        for found in ["0.0.9", "0.2.0", "1.0.0"] {
            let sentence = check(found).unwrap_err().to_string();
            assert!(sentence.contains(found) && sentence.contains(API_VERSION), "{sentence}");
        }
        assert_eq!(
            check("yesterday").unwrap_err().to_string(),
            "plugin API version `yesterday` is no semantic version"
        );
    }
}
