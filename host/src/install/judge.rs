//! Deciding about an archive before anything of it but its manifest is read.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use olive_packs::PackError;
use olive_packs::archive::{self, Described, Limits};
use olive_packs::change::Candidate;
use olive_packs::installed;
use olive_packs::signature::PublicKey;
use olive_packs::store::ActivePack;
use olive_packs::trust::Policy;
use olive_schemas::pack::PackManifest;

use super::obtain::Obtained;
use super::{InstallContext, Rules, Watch};
use crate::error::Error;

/// An archive that may be installed.
pub(super) struct Judged {
    /// The pack as the store will know it.
    pub(super) candidate: Candidate,
    /// The archive; none when the pack is in the store.
    pub(super) obtained: Option<Obtained>,
    /// A key to trust from now on, as the user agreed.
    pub(super) new_key: Option<PublicKey>,
    /// Time that this pack has taken so far.
    pub(super) time: Duration,
}

impl Judged {
    /// A pack that the store has, judged by an earlier command.
    pub(super) fn in_store(candidate: Candidate) -> Self {
        Self { candidate, obtained: None, new_key: None, time: Duration::ZERO }
    }
}

/// Decides whether `obtained` may be installed; `earlier` are the packs of the same command that
/// may.
///
/// # Errors
/// When it is no pack, is another one than expected, does not fit this program, or nobody whom the
/// user trusts vouches for it.
pub(super) fn judge(
    obtained: Obtained,
    earlier: &[Judged],
    rules: &Rules,
    context: &InstallContext,
    watch: &dyn Watch,
) -> Result<Judged, Error> {
    let described = describe(&obtained.archive)?;
    let manifest = described.manifest;
    check_expected(&obtained, &manifest)?;
    check_alone(&manifest, earlier)?;
    installed::fits(&manifest, &context.machine)?;
    let policy = Policy {
        trust_on_first_use: &|manifest, key| consent(manifest, key, earlier, rules, watch),
        allow_unsigned: rules.allow_unsigned,
    };
    let signature = obtained.signature.as_ref();
    let verdict = context.trust.judge(&obtained.archive, &manifest, signature, &policy)?;
    if signature.is_some_and(|signature| signature.sha256() != obtained.sha256) {
        return Err(changed(&obtained.archive).into());
    }
    let active = ActivePack {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        source: obtained.source.clone(),
        sha256: obtained.sha256.clone(),
        size: obtained.size,
        manifest_sha256: described.sha256,
        signer: verdict.signer,
    };
    let candidate = Candidate { active, manifest };
    let time = obtained.begun_at.elapsed();
    Ok(Judged { candidate, obtained: Some(obtained), new_key: verdict.new_key, time })
}

/// The error of an archive that changes under our hands.
pub(super) fn changed(archive: &Path) -> PackError {
    let message = format!("`{}` changed while it was being installed", archive.display());
    PackError::refused("pack-changed", message).with_help("try again")
}

/// What the archive at `path` says of itself.
///
/// # Errors
/// When it is no pack.
pub(super) fn describe(path: &Path) -> Result<Described, PackError> {
    let content = File::open(path).map_err(PackError::io("read", path))?;
    archive::describe(content, &Limits::default()).map_err(|error| error.of_archive(path))
}

fn check_expected(obtained: &Obtained, manifest: &PackManifest) -> Result<(), PackError> {
    let Some((name, version)) = &obtained.expected else { return Ok(()) };
    if (name, version) == (&manifest.name, &manifest.version) {
        return Ok(());
    }
    let PackManifest { name: other, version: its, .. } = manifest;
    let source = &obtained.source;
    let message = format!("`{source}` holds {other} {its}, and {name} {version} was promised");
    Err(PackError::refused("pack-other-content", message))
}

fn check_alone(manifest: &PackManifest, earlier: &[Judged]) -> Result<(), PackError> {
    let twin = earlier.iter().find(|judged| judged.candidate.manifest.name == manifest.name);
    let Some(twin) = twin else { return Ok(()) };
    let versions = (&twin.candidate.manifest.version, &manifest.version);
    let message =
        format!("{} is asked for twice, {} and {}", manifest.name, versions.0, versions.1);
    Err(PackError::refused("pack-twice", message).with_help("name it once"))
}

/// Whether `key` may become trusted for the publisher of `manifest`; each key is asked about once.
fn consent(
    manifest: &PackManifest,
    key: &PublicKey,
    earlier: &[Judged],
    rules: &Rules,
    watch: &dyn Watch,
) -> Result<bool, PackError> {
    if !rules.trust_on_first_use {
        return Ok(false);
    }
    let publisher = manifest.name.publisher();
    let agreed = earlier.iter().find_map(|judged| {
        let key = judged.new_key.as_ref()?;
        (judged.candidate.manifest.name.publisher() == publisher).then_some(key)
    });
    let Some(agreed) = agreed else { return watch.consents(manifest, key) };
    if agreed == key {
        return Ok(true);
    }
    let message = format!(
        "{} is signed by key {}, another pack of {publisher} in the same command by key {}",
        manifest.name,
        key.id(),
        agreed.id(),
    );
    let help = "ask the publisher which key is right, and trust it by name";
    Err(PackError::refused("pack-key-changed", message).with_help(help))
}
