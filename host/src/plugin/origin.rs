//! Where a plugin is from: which of several places wins, and how people are told of it.

use std::fmt;

use olive_packs::installed::InstalledPack;
use olive_packs::store::Scope;
use olive_schemas::pack::PackName;

/// Where a plugin is from, from the lowest precedence to the highest but for packs, whose scopes
/// stand for themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It stands beside the program.
    Program,
    /// It came in a pack.
    Pack(PackOrigin),
    /// It is in a folder that the user names.
    Folder,
}

/// The pack that a plugin came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackOrigin {
    /// Name of the pack.
    pub name: PackName,
    /// Its version.
    pub version: String,
    /// Whose it is.
    pub scope: Scope,
}

impl PackOrigin {
    /// The pack that is installed.
    pub fn of(pack: &InstalledPack) -> Self {
        Self {
            name: pack.active.name.clone(),
            version: pack.active.version.clone(),
            scope: pack.scope,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program => f.write_str("beside the program"),
            Self::Pack(pack) => write!(f, "of {pack}"),
            Self::Folder => f.write_str("in a folder of --plugin-dir"),
        }
    }
}

impl fmt::Display for PackOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}
