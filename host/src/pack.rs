//! Making packs: from a plugin's folder to one archive that others install.
//!
//! ```text
//! olive-pack.json ─recipe→ Recipe ─collect→ members ─stage→ Stage ─describe→ PackManifest
//!                 ─trial→ sound ─archive→ PUBLISHER-NAME-VERSION.pack
//! ```
//!
//! Plugins are described and tried where they are staged, so that what is packed is what was tried:
//! a file that a plugin needs and that was not packed is missed here, not by its users.

mod recipe;
mod collect;
mod library;
mod stage;
mod group;
mod describe;
mod trial;
mod sign;

pub(crate) use sign::key_text;
pub use sign::{Signed, password, public_key, secret_key, sign};
pub use trial::Tried;

use std::fs;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use olive_packs::signature::SecretKey;
use olive_packs::{PackError, archive, manifest};
use olive_schemas::pack::{FORMAT, PackManifest};

use crate::error::Error;
use crate::plugin::packs::TARGET;
use describe::Described;
use recipe::Recipe;
use stage::Stage;

/// How a pack is made.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Folder for the pack, which is made when it is not there.
    pub out: &'a Path,
    /// Whether the plugins of this machine are tried against the contract.
    pub has_trial: bool,
    /// What signs the pack.
    pub key: Option<&'a SecretKey>,
}

/// A pack that was made.
#[derive(Debug, Clone)]
pub struct Packed {
    /// The archive.
    pub path: PathBuf,
    /// SHA-256 of the archive, 64 hexadecimal digits in lower case.
    pub sha256: String,
    /// Bytes of the archive.
    pub size: u64,
    /// What it says of itself.
    pub manifest: PackManifest,
    /// Its signature, when it was signed, now or before.
    pub signed: Option<Signed>,
    /// How many checks of the contract its plugins passed; none when they were not tried.
    pub tried: Option<Tried>,
}

/// Makes a pack of the plugin in `folder`, as its `olive-pack.json` says. The same files give the
/// same bytes.
///
/// # Errors
/// When the recipe is not as it should be, something that is packed is not a plain file, there is no
/// plugin, one cannot be described or breaks the contract, or something cannot be read or written.
/// Nothing is left behind then.
pub fn build(folder: &Path, options: &Options<'_>) -> Result<Packed, Error> {
    let recipe = Recipe::read(folder)?;
    let collected = collect::collect(&recipe, TARGET)?;
    let mut stage = Stage::new(collected.members)?;
    let described = describe::plugins(&recipe, &collected.given, &mut stage, TARGET)?;
    let manifest = manifest_of(&recipe, &described, &stage)?;
    manifest::check(&manifest)?;
    let tried = if options.has_trial { trial::run(&recipe, &described, &stage)? } else { None };
    let (path, sha256, size) = write(&manifest, &stage, options.out)?;
    let signed = match options.key {
        Some(key) => Some(sign(&path, key)?),
        None => sign::signed_before(&path),
    };
    Ok(Packed { path, sha256, size, manifest, signed, tried })
}

fn manifest_of(
    recipe: &Recipe,
    described: &[Described],
    stage: &Stage,
) -> Result<PackManifest, Error> {
    let content = &recipe.content;
    let version = describe::version(recipe, described)?;
    let api = describe::api(recipe, described)?;
    let files = stage.files()?;
    let mut plugins: Vec<_> = described.iter().map(|one| one.plugin.clone()).collect();
    plugins.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(PackManifest {
        format: FORMAT,
        name: content.name.clone(),
        version,
        publisher: content.publisher.clone(),
        license: content.license.clone(),
        description: content.description.clone(),
        homepage: content.homepage.clone(),
        api,
        min_host: content.min_host.clone(),
        conflicts: content.conflicts.clone(),
        replaces: content.replaces.clone(),
        plugins,
        files,
    })
}

/// Writes the archive into the folder `out`, where it appears whole or not at all; gives its path,
/// SHA-256 and bytes. A signature of other content that lies there is removed.
fn write(
    manifest: &PackManifest,
    stage: &Stage,
    out: &Path,
) -> Result<(PathBuf, String, u64), PackError> {
    let path = out.join(manifest.name.file_name(&manifest.version));
    fs::create_dir_all(out).map_err(PackError::io("create", out))?;
    let mut file = tempfile::Builder::new()
        .prefix(".packing-")
        .tempfile_in(out)
        .map_err(PackError::io("write into", out))?;
    let mut buffered = BufWriter::new(file.as_file_mut());
    archive::write(manifest, stage.folder(), &mut buffered)?;
    buffered.into_inner().map_err(|error| PackError::io("write", &path)(error.into_error()))?;
    file.as_file().sync_all().map_err(PackError::io("write", &path))?;
    open_to_others(file.as_file()).map_err(PackError::io("write", &path))?;
    let digest = |path: &Path| archive::digest(fs::File::open(path)?);
    let (sha256, size) = digest(file.path()).map_err(PackError::io("read", &path))?;
    let signature = sign::signature_path(&path);
    let is_other = !digest(&path).is_ok_and(|(old, _)| old == sha256);
    if is_other && signature.exists() {
        fs::remove_file(&signature).map_err(PackError::io("remove", &signature))?;
    }
    file.persist(&path).map_err(|error| PackError::io("write", &path)(error.error))?;
    Ok((path, sha256, size))
}

#[cfg(unix)]
fn open_to_others(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn open_to_others(_file: &fs::File) -> std::io::Result<()> {
    Ok(())
}

/// The error of a broken rule, with a way out.
fn refused(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Error {
    PackError::refused(code, message).with_help(help).into()
}
