//! The API version: what fits what, and how the contract grows.
//!
//! A host takes every plugin of its own major version whose minor version is not newer than its
//! own, back to [`OLDEST_API_VERSION`]. A plugin that was built years ago therefore goes on working
//! with every later host of that major version; a host cannot know what a newer plugin needs.
//!
//! A new **minor** version may
//!
//! - give a JSON form a further field that may be absent (`#[serde(default)]`), whose absence means
//!   what was before, and which is left out when it says no more than that. Envelopes (request,
//!   descriptor, outcome, events) ignore fields they do not know; configs (data, accelerator,
//!   evaluator, generate) refuse them, so that an old plugin never leaves out what it was told;
//! - give an enum that a plugin sends (step outcomes, events, severities) a further variant. An enum
//!   that the host sends grows only where the plugin has announced, in its descriptor, something
//!   that did not exist before: a new kind of step goes only to plugins that offer it;
//! - add a function at the end of [`PluginModule`](crate::abi::PluginModule) or
//!   [`EventSink`](crate::abi::EventSink), behind their last prefix field; the other side asks
//!   whether it is there.
//!
//! Everything else needs a new **major** version: taking away, renaming, giving another meaning,
//! demanding what could be left out. A **patch** version changes nothing that crosses.
//!
//! The version of this *package* is not the API's. It is a part of the names of types which the
//! loader compares between host and plugin, and 0.1 and 0.2 are strangers to it; so the package
//! stays 0.1 for as long as the binary layout in [`abi`](crate::abi) only grows as said here. What
//! an old plugin sees is frozen in `tests/plugins/previous-minor`, which every later host must
//! still run.

use std::ffi::CStr;

use semver::{Prerelease, Version};
use thiserror::Error;

/// Version of this contract (semver), as the plain C symbol gives it.
pub const API_VERSION_C: &CStr = c"0.6.0";

/// Version of this contract (semver).
pub const API_VERSION: &str = match API_VERSION_C.to_str() {
    Ok(version) => version,
    Err(_) => panic!("a version is text"),
};

/// The oldest contract that this host still speaks.
pub const OLDEST_API_VERSION: Version = Version::new(0, 1, 0);

/// Why a plugin does not fit this host.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VersionError {
    /// The plugin was built against a contract of the future.
    #[error(
        "it was built against plugin API {found}, newer than the {API_VERSION} of this Olive: \
         update Olive, or install a build of the plugin for API {API_VERSION}"
    )]
    TooNew {
        /// Version the plugin was built against.
        found: Version,
    },
    /// The plugin was built against a contract that is no longer spoken.
    #[error(
        "it was built against plugin API {found}, older than the {OLDEST_API_VERSION} that this \
         Olive still takes: install a newer build of the plugin"
    )]
    TooOld {
        /// Version the plugin was built against.
        found: Version,
    },
    /// The plugin's version is no semver.
    #[error("its API version `{found}` is no semantic version: ask its authors for a proper build")]
    Unreadable {
        /// What the plugin says.
        found: String,
    },
}

/// Checks that a plugin built against API version `found` can be loaded by this host.
///
/// # Errors
/// When `found` is another major version, a newer minor one, or older than [`OLDEST_API_VERSION`].
pub fn check(found: &str) -> Result<(), VersionError> {
    let unreadable = || VersionError::Unreadable { found: found.to_owned() };
    let host = Version::parse(API_VERSION).map_err(|_| unreadable())?;
    fits(&host, Version::parse(found).map_err(|_| unreadable())?)
}

fn fits(host: &Version, found: Version) -> Result<(), VersionError> {
    // Patches change nothing that crosses. A version before its release is nothing to rely on.
    let is_draft = found.pre != Prerelease::EMPTY && found != *host;
    if (found.major, found.minor) > (host.major, host.minor) || is_draft {
        return Err(VersionError::TooNew { found });
    }
    if found < OLDEST_API_VERSION || found.major != host.major {
        return Err(VersionError::TooOld { found });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use semver::Version;

    use super::{API_VERSION, OLDEST_API_VERSION, check, fits};

    #[test]
    fn every_minor_up_to_the_own_one_fits() {
        let host = Version::parse("0.5.1").unwrap();
        for (found, is_fit) in [
            ("0.0.9", false),
            ("0.1.0", true),
            ("0.1.7", true),
            ("0.4.0", true),
            ("0.5.0", true),
            ("0.5.1", true),
            ("0.5.9", true),
            ("0.5.1-alpha.1", false),
            ("0.6.0", false),
            ("1.0.0", false),
            ("99.0.0", false),
        ] {
            assert_eq!(fits(&host, found.parse().unwrap()).is_ok(), is_fit, "{found}");
        }
        assert_eq!(check(API_VERSION), Ok(()));
        assert_eq!(check(&OLDEST_API_VERSION.to_string()), Ok(()));
    }

    #[test]
    fn another_version_is_one_sentence_that_says_what_to_do() {
        for (found, sentence) in [
            ("0.0.9", "install a newer build of the plugin"),
            ("0.99.0", "update Olive, or install a build of the plugin for API 0.6.0"),
            ("1.0.0", "update Olive, or install a build of the plugin for API 0.6.0"),
            ("yesterday", "its API version `yesterday` is no semantic version"),
        ] {
            let told = check(found).unwrap_err().to_string();
            assert!(told.contains(found) && told.contains(sentence), "{told}");
            assert!(!told.contains(". "), "more than one sentence: {told}");
        }
    }

    #[test]
    fn the_package_stays_where_the_binary_layout_is() {
        let package = Version::parse(env!("CARGO_PKG_VERSION")).unwrap();
        assert_eq!((package.major, package.minor), (0, 1), "see the module's text");
    }
}
