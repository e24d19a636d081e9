//! `olive plugin info`.

mod page;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use olive_packs::PackError;
use olive_packs::archive::{self, Limits};
use olive_packs::installed;
use olive_packs::signature::{Signature, Subject};
use olive_packs::source::Source;
use olive_packs::store::{ActivePack, Scope, Store};
use olive_packs::trust::Trust;
use olive_schemas::pack::{PackManifest, PackName, Signer};
use tempfile::TempDir;

use super::super::say;
use super::install::watcher::Watcher;
use crate::cli::packs::InfoArgs;
use crate::error::Error;
use crate::install::{Destination, InstallContext, Rules, obtain, upgrade};

/// A pack, installed or not.
struct Pack {
    manifest: PackManifest,
    source: String,
    sha256: String,
    size: u64,
    signer: Option<String>,
    /// What is to be thought of the signature.
    signature: String,
    /// Whether the program uses it, and if not why.
    state: String,
    /// Where its files are.
    folder: PathBuf,
    is_installed: bool,
    /// What keeps it from fitting this program.
    misfit: Option<String>,
    /// Holds the folder of a pack that is not installed.
    _kept: Option<TempDir>,
}

/// Tells what a pack holds.
pub(super) fn run(args: &InfoArgs) -> Result<(), Error> {
    let destination = Destination::new(args.scope.project.as_deref())?;
    let context = InstallContext::of_user()?;
    let active = destination.store.active()?;
    let pack = match upgrade::find(&active.packs, &args.pack) {
        Ok(active) => installed_pack(active, &destination.store, &context)?,
        Err(absent) => {
            let source: Source = args.pack.parse()?;
            // A bare name that is installed nowhere and in no index has the better message.
            let is_bare = matches!(&source, Source::Named { .. });
            match other_pack(&source, &active.packs, &context, args.json) {
                Err(Error::Pack(unknown)) if is_bare && unknown.code() == "pack-unknown" => {
                    return Err(absent.into());
                }
                found => found?,
            }
        }
    };
    say(&if args.json { page::json(&pack) } else { page::text(&pack) });
    Ok(())
}

fn installed_pack(
    active: &ActivePack,
    store: &Store,
    context: &InstallContext,
) -> Result<Pack, Error> {
    let InstallContext { trust, machine, .. } = context;
    let stores = std::slice::from_ref(store);
    let installed = installed::load(stores, trust, machine);
    let broken = installed.broken.iter().find(|broken| broken.active.name == active.name);
    let whose = match store.scope() {
        Scope::User => "this user",
        Scope::Project => "this project",
    };
    let state = match broken {
        Some(broken) => format!("installed for {whose}, not usable: {}", broken.error),
        None => format!("installed for {whose}"),
    };
    let folder = store.folder(&active.sha256);
    let path = folder.join(olive_schemas::pack::MANIFEST);
    let bytes = fs::read(&path).map_err(PackError::io("read", &path))?;
    let manifest: PackManifest = serde_json::from_slice(&bytes).map_err(|error| {
        PackError::refused("pack-broken", format!("cannot read `{}`: {error}", path.display()))
            .with_help("install the pack again")
    })?;
    let (signer, signature) = match &active.signer {
        Signer::Unsigned => (None, "nobody; it was installed with --allow-unsigned".to_owned()),
        Signer::Key(id) => (Some(id.clone()), key_words(&active.name, id, trust)),
    };
    let misfit = installed::fits(&manifest, machine).err().map(|error| error.to_string());
    Ok(Pack {
        manifest,
        source: active.source.clone(),
        sha256: active.sha256.clone(),
        size: active.size,
        signer,
        signature,
        state,
        folder,
        is_installed: true,
        misfit,
        _kept: None,
    })
}

fn other_pack(
    source: &Source,
    active: &[ActivePack],
    context: &InstallContext,
    is_json: bool,
) -> Result<Pack, Error> {
    let rules = Rules { allow_unsigned: true, ..Rules::default() };
    let obtained = obtain::obtain(source, None, &rules, context, &Watcher::new(is_json))?;
    let kept =
        tempfile::tempdir().map_err(PackError::io("make a folder in", std::env::temp_dir()))?;
    let manifest = unpack(&obtained.archive, kept.path())?;
    let signature = obtained.signature.as_ref();
    let words = signature_words(signature, &obtained.archive, &manifest, &context.trust);
    let state = match active.iter().find(|pack| pack.name == manifest.name) {
        Some(pack) if pack.sha256 == obtained.sha256 => "installed".to_owned(),
        Some(pack) => format!("not installed; version {} is", pack.version),
        None => "not installed".to_owned(),
    };
    let misfit = installed::fits(&manifest, &context.machine).err();
    Ok(Pack {
        manifest,
        source: obtained.source.clone(),
        sha256: obtained.sha256.clone(),
        size: obtained.size,
        signer: signature.map(Signature::key_id),
        signature: words,
        state,
        folder: kept.path().to_owned(),
        is_installed: false,
        misfit: misfit.map(|error| error.to_string()),
        _kept: Some(kept),
    })
}

fn unpack(archive: &Path, folder: &Path) -> Result<PackManifest, Error> {
    let file = File::open(archive).map_err(PackError::io("read", archive))?;
    let unpacked = archive::unpack(&file, folder, &Limits::default(), &|_| {})
        .map_err(|error| error.of_archive(archive))?;
    Ok(unpacked.described.manifest)
}

/// What is to be thought of the signature of an archive.
fn signature_words(
    signature: Option<&Signature>,
    archive: &Path,
    manifest: &PackManifest,
    trust: &Trust,
) -> String {
    let Some(signature) = signature else { return "nobody".to_owned() };
    let (name, version) = (&manifest.name, &manifest.version);
    let subject = Subject::Pack { name: name.clone(), version: version.clone() };
    if *signature.subject() != subject {
        return format!("nobody: the signature beside it is about {}", signature.subject());
    }
    let verified = File::open(archive)
        .map_err(PackError::io("read", archive))
        .and_then(|content| signature.verify(content, signature.key()));
    match verified {
        Ok(()) => key_words(name, &signature.key_id(), trust),
        Err(error) => format!("nobody: {error}"),
    }
}

fn key_words(name: &PackName, id: &str, trust: &Trust) -> String {
    let publisher = name.publisher();
    let standing = if trust.is_trusted(publisher, id) {
        format!("trusted for {publisher}")
    } else if trust.revoked().iter().any(|revoked| revoked.id == id) {
        "no longer trusted".to_owned()
    } else {
        "not trusted yet".to_owned()
    };
    format!("key {id}, {standing}")
}
