//! `olive plugin push`.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use olive_packs::PackError;
use olive_packs::archive::{self, Limits};
use olive_packs::signature::{SUFFIX, Signature, Subject};
use olive_schemas::pack::PackManifest;
use olive_transport::{Request, oci};
use serde_json::json;

use super::super::say;
use super::install::progress::Progress;
use crate::cancel::Cancel;
use crate::cli::packs::PushArgs;
use crate::error::Error;

/// Longest time in which a registry takes nothing.
const PATIENCE: Duration = Duration::from_mins(1);

/// Puts a pack into a registry, with its signature, and tells the reference by digest.
pub(super) fn run(args: &PushArgs) -> Result<(), Error> {
    let PushArgs { pack, reference, json } = args;
    let open = || File::open(pack).map_err(PackError::io("read", pack));
    let described = archive::describe(open()?, &Limits::default());
    let manifest = described.map_err(|error| error.of_archive(pack))?.manifest;
    let signature = signature(pack, &manifest)?;
    let reference = oci::with_tag(reference, &manifest.version)?;

    let (progress, cancel) = (Progress::new(*json), Cancel::on_signals());
    let pushed = oci::push(
        &reference,
        &oci::Push {
            archive: pack,
            signature: signature.as_ref().map(Signature::text),
            annotations: &annotations(&manifest),
        },
        &Request {
            limit: Limits::default().archive,
            sha256: None,
            bearer: None,
            partial_dir: PathBuf::new(),
            patience: PATIENCE,
            on_progress: &|done, total| progress.update("push", &reference, done, total),
            is_cancelled: &|| cancel.is_cancelled(),
        },
    );
    progress.end();
    let pinned = pushed?;

    if *json {
        let line = json!({
            "event": "pushed",
            "name": manifest.name,
            "version": manifest.version,
            "reference": reference,
            "pinned": pinned,
            "key_id": signature.as_ref().map(Signature::key_id),
        });
        say(&format!("{line}\n"));
        return Ok(());
    }
    let signed = match &signature {
        Some(signature) => format!("signed by key {}", signature.key_id()),
        None => "not signed".to_owned(),
    };
    let PackManifest { name, version, .. } = &manifest;
    say(&format!("pushed {name} {version} to {reference}, {signed}\n  {pinned}\n"));
    Ok(())
}

/// The signature beside the archive at `path`, which must be of this very pack; none when there is
/// no file.
fn signature(path: &Path, manifest: &PackManifest) -> Result<Option<Signature>, PackError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(SUFFIX);
    let beside = PathBuf::from(beside);
    let text = match fs::read_to_string(&beside) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text.map_err(PackError::io("read", &beside))?,
    };
    let signature = Signature::parse(&text)?;
    let (name, version) = (manifest.name.clone(), manifest.version.clone());
    let own = Subject::Pack { name, version };
    if *signature.subject() != own {
        let (beside, subject) = (beside.display(), signature.subject());
        let message = format!("`{beside}` is about {subject}, and the pack is {own}");
        return Err(PackError::refused("pack-signature-swapped", message)
            .with_help("sign the pack anew by `olive plugin sign`"));
    }
    let content = File::open(path).map_err(PackError::io("read", path))?;
    signature.verify(content, signature.key())?;
    Ok(Some(signature))
}

/// What registries show of an artifact; nothing that depends on the time.
fn annotations(manifest: &PackManifest) -> Vec<(String, String)> {
    let known = [
        ("title", Some(manifest.name.to_string())),
        ("version", Some(manifest.version.clone())),
        ("description", Some(manifest.description.clone())),
        ("licenses", Some(manifest.license.clone())),
        ("vendor", Some(manifest.publisher.name.clone())),
        ("url", manifest.homepage.clone()),
    ];
    let annotation = |(key, value): (&str, Option<String>)| {
        Some((format!("org.opencontainers.image.{key}"), value?))
    };
    known.into_iter().filter_map(annotation).collect()
}
