//! Reading: every member is compared with the manifest before and while it reaches the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use olive_schemas::pack::{MANIFEST, PackFile, PackManifest};
use sha2::{Digest, Sha256};

use super::members::{Member, Members};
use super::stream::Stream;
use super::{Described, Limits, Unpacked};
use crate::PackError;
use crate::data::hex;
use crate::durable::{self, Mode, NewFile};
use crate::manifest::{check_path, parse};

/// Reads the manifest, which is the first member, and nothing behind it.
///
/// # Errors
/// When the archive is none, or breaks a limit, or its manifest a rule; see
/// [`PackError::of_archive`].
pub fn describe(archive: impl Read, limits: &Limits) -> Result<Described, PackError> {
    let mut members = Members::new(Stream::new(archive, limits)?);
    read_manifest(&mut members, limits).map(|(described, _)| described)
}

/// Unpacks `archive`, from its start, into `folder`, which exists and is empty: every member is
/// compared with the manifest on its way to the disk and synced; files are left read-only.
/// `on_progress` is told the bytes unpacked so far. Digest and size of the archive are of the bytes
/// that were unpacked, so that a file that changes meanwhile is noticed.
///
/// # Errors
/// When a member is not as the manifest says, or breaks a rule or a limit; what was written so far
/// is the caller's to remove; see [`PackError::of_archive`].
pub fn unpack(
    mut archive: &File,
    folder: &Path,
    limits: &Limits,
    on_progress: &dyn Fn(u64),
) -> Result<Unpacked, PackError> {
    archive.rewind().map_err(PackError::io("read", ""))?;
    let mut members = Members::new(Stream::new(archive, limits)?);
    let (described, manifest) = read_manifest(&mut members, limits)?;
    durable::write_new(&folder.join(MANIFEST), &manifest, Mode::Data)?;
    let mut folders = Folders { root: folder, made: BTreeSet::new() };
    let files = described.manifest.files.iter();
    let mut missing: BTreeMap<&str, &PackFile> =
        files.map(|file| (file.path.as_str(), file)).collect();
    let mut unpacked = 0;
    while let Some(member) = members.next()? {
        let file = expect(&member, &mut missing, &described.manifest)?;
        folders.make_for(&file.path)?;
        unpack_file(&mut members, file, &folder.join(&file.path), &mut |length| {
            unpacked += length;
            on_progress(unpacked);
        })?;
    }
    if let Some(path) = missing.keys().next() {
        let message = format!("`{path}` is listed in the pack's manifest and missing in the pack");
        return Err(PackError::refused("pack-missing", message));
    }
    let (sha256, size) = members.finish()?;
    folders.sync()?;
    Ok(Unpacked { described, sha256, size })
}

/// Folders of a pack that is unpacked.
struct Folders<'a> {
    root: &'a Path,
    /// Their paths in the pack.
    made: BTreeSet<String>,
}

impl Folders<'_> {
    fn make_for(&mut self, path: &str) -> Result<(), PackError> {
        for (end, _) in path.match_indices('/') {
            let folder = &path[..end];
            if self.made.insert(folder.to_owned()) {
                durable::create_folder(&self.root.join(folder))?;
            }
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), PackError> {
        self.made.iter().try_for_each(|folder| durable::sync_folder(&self.root.join(folder)))?;
        durable::sync_folder(self.root)
    }
}

fn read_manifest<R: Read>(
    members: &mut Members<R>,
    limits: &Limits,
) -> Result<(Described, Vec<u8>), PackError> {
    let first = members.next()?;
    let Some(Member { size, .. }) = first.filter(|member| member.path == MANIFEST) else {
        let message = format!("the file is no pack, for its first member is not `{MANIFEST}`");
        return Err(PackError::refused("pack-format", message));
    };
    check_limit("the pack's manifest", size, limits.manifest)?;
    let mut bytes = Vec::new();
    members.content(size, &mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })?;
    let manifest = parse(&bytes)?;
    check_sizes(&manifest, limits)?;
    let sha256 = hex(&Sha256::digest(&bytes));
    Ok((Described { manifest, sha256 }, bytes))
}

fn check_sizes(manifest: &PackManifest, limits: &Limits) -> Result<(), PackError> {
    let count = manifest.files.len();
    if count > limits.entries {
        let message = format!("the pack has {count} files, and {} are allowed", limits.entries);
        return Err(PackError::refused("pack-limit", message));
    }
    let mut total = 0_u64;
    for file in &manifest.files {
        check_limit(&format!("`{}` in the pack", file.path), file.size, limits.file)?;
        total = total.saturating_add(file.size);
    }
    check_limit("the unpacked pack", total, limits.total)
}

fn check_limit(what: &str, size: u64, limit: u64) -> Result<(), PackError> {
    if size <= limit {
        return Ok(());
    }
    let message = format!("{what} has {size} bytes, and {limit} are allowed");
    Err(PackError::refused("pack-limit", message))
}

/// The file that the manifest lists for `member`, which has not come before.
fn expect<'a>(
    member: &Member,
    missing: &mut BTreeMap<&str, &'a PackFile>,
    manifest: &PackManifest,
) -> Result<&'a PackFile, PackError> {
    let Member { path, size } = member;
    check_path(path)?;
    let Some(file) = missing.remove(path.as_str()) else {
        let (code, what) = if path == MANIFEST || manifest.file(path).is_some() {
            ("pack-twice", "is twice in the pack")
        } else {
            ("pack-unlisted", "is in the pack and not listed in its manifest")
        };
        return Err(PackError::refused(code, format!("`{path}` {what}")));
    };
    if *size != file.size {
        let listed = file.size;
        let message = format!("`{path}` has {size} bytes, and {listed} in the pack's manifest");
        return Err(PackError::refused("pack-size", message));
    }
    Ok(file)
}

fn unpack_file<R: Read>(
    members: &mut Members<R>,
    file: &PackFile,
    path: &Path,
    on_progress: &mut dyn FnMut(u64),
) -> Result<(), PackError> {
    let mut hash = Sha256::new();
    let mut out = NewFile::create(path)?;
    members.content(file.size, &mut |piece| {
        hash.update(piece);
        out.write(piece)?;
        on_progress(piece.len() as u64);
        Ok(())
    })?;
    if hex(&hash.finalize()) != file.sha256 {
        let message =
            format!("`{}` is not what the pack's manifest says: its SHA-256 differs", file.path);
        return Err(PackError::refused("pack-digest", message));
    }
    out.finish(if file.executable { Mode::Program } else { Mode::Data })
}
