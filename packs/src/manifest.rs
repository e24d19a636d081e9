//! What a manifest must keep to, beyond its types.

use olive_schemas::pack::PackManifest;

use crate::PackError;

/// Checks everything of `manifest` that does not need its files: format, names, versions, paths (no
/// two that are one on some system), entries and descriptors that are listed files.
///
/// # Errors
/// The first rule that is broken.
pub fn check(manifest: &PackManifest) -> Result<(), PackError> {
    let _ = manifest;
    unimplemented!()
}

/// Checks that `path` is a path a pack may have on every system.
///
/// # Errors
/// Which rule it breaks.
pub fn check_path(path: &str) -> Result<(), PackError> {
    let _ = path;
    unimplemented!()
}
