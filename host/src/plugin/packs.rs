//! Packs, as far as the program looks at them by itself: where they are, and whom the user trusts.

pub(crate) mod members;
pub(crate) mod unchanged;
pub mod lookup;
pub mod locked;

use std::path::Path;

use olive_packs::PackError;
use olive_packs::home::data_home;
use olive_packs::index::Indexes;
use olive_packs::installed::Machine;
use olive_packs::store::{ActivePack, Store};
use olive_packs::trust::Trust;
use olive_plugin_api::version::API_VERSION;
use semver::Version;

use super::program;

/// Target triple of this program.
pub const TARGET: &str = env!("OLIVE_TARGET");

/// What packs must fit: this program.
pub fn machine() -> Machine {
    let version = |text: &str| Version::parse(text).unwrap_or(Version::new(0, 0, 0));
    Machine {
        target: TARGET.to_owned(),
        api: version(API_VERSION),
        host: version(env!("CARGO_PKG_VERSION")),
    }
}

/// The stores that are looked into, from the lowest precedence to the highest: the user's, and that
/// of the project in the folder `project`.
pub fn stores(project: Option<&Path>) -> Vec<Store> {
    let data_home = data_home();
    let of_project = project.map(|folder| Store::project(folder, &data_home));
    std::iter::once(Store::user(&data_home)).chain(of_project).collect()
}

/// The keys that the user trusts, and those that came with the program.
///
/// # Errors
/// When the user's cannot be read or understood.
pub fn trust() -> Result<Trust, PackError> {
    Trust::load(&data_home(), program::folder().as_deref())
}

/// The configured indexes, and the one that came with the program.
///
/// # Errors
/// When the list of them cannot be read or understood.
pub fn indexes() -> Result<Indexes, PackError> {
    Indexes::load(&data_home(), program::folder().as_deref())
}

/// Name and version of a pack.
pub fn label(pack: &ActivePack) -> String {
    format!("{} {}", pack.name, pack.version)
}
