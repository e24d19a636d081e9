//! Whether a pack is for this program and this machine.

use olive_schemas::pack::PackManifest;
use semver::{Version, VersionReq};

use super::Machine;
use crate::PackError;

/// Whether `manifest` fits `machine`: API range, oldest host, a target for it.
///
/// # Errors
/// What does not fit, and what would.
pub fn fits(manifest: &PackManifest, machine: &Machine) -> Result<(), PackError> {
    let PackManifest { name, version, api, min_host, plugins, .. } = manifest;
    let Machine { target, api: own_api, host } = machine;
    if !VersionReq::parse(api).is_ok_and(|range| range.matches(own_api)) {
        let message = format!(
            "`{name}` {version} fits versions `{api}` of the plugin API, and this Olive has \
             {own_api}"
        );
        return Err(PackError::refused("pack-api", message)
            .with_help("take another version of the pack, or of Olive"));
    }
    if let Some(oldest) = min_host
        && !Version::parse(oldest).is_ok_and(|oldest| *host >= oldest)
    {
        let message =
            format!("`{name}` {version} needs Olive {oldest} or newer, and this is {host}");
        return Err(PackError::refused("pack-host", message)
            .with_help("take a newer Olive, or an older version of the pack"));
    }
    if plugins.iter().all(|plugin| plugin.entry_for(target).is_none()) {
        let message = match listed(&manifest.targets()) {
            Some(targets) => format!("`{name}` {version} is for {targets}, and not for `{target}`"),
            None => format!("`{name}` {version} has no plugins"),
        };
        return Err(PackError::refused("pack-target", message)
            .with_help("ask its publisher for one that is for this machine"));
    }
    Ok(())
}

/// `` `a`, `b` and `c` ``.
fn listed(names: &[String]) -> Option<String> {
    let (last, others) = names.split_last()?;
    let others: Vec<String> = others.iter().map(|name| format!("`{name}`")).collect();
    Some(if others.is_empty() {
        format!("`{last}`")
    } else {
        format!("{} and `{last}`", others.join(", "))
    })
}
