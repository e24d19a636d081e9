//! Writing: the same input gives the same bytes.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use olive_schemas::pack::{MANIFEST, PackFile, PackManifest};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};
use zstd::stream::write::Encoder;

use super::{BUFFER, WINDOW_LOG, padding};
use crate::PackError;
use crate::data::{self, hex};
use crate::manifest::check;

/// zstd's level: beyond it, packing becomes slow long before packs become small. The library of ONNX
/// Runtime 1.24 for Linux (22 MB) takes on one core
///
/// | level | packed | time |
/// | --- | --- | --- |
/// | 3 | 7.6 MB | 0.26 s |
/// | 9 | 7.0 MB | 0.45 s |
/// | 12 | 6.9 MB | 2.7 s |
/// | 19 | 6.2 MB | 22 s |
///
/// and is unpacked at the same speed from each. One thread writes it, so that the bytes do not depend
/// on the machine.
const LEVEL: i32 = 9;

/// Writes the archive of `manifest`, whose files lie under `root` at their paths in the pack. The
/// same input gives the same bytes.
///
/// # Errors
/// When the manifest breaks a rule, a file differs from what it says, or something cannot be read
/// or written.
pub fn write(manifest: &PackManifest, root: &Path, out: impl Write) -> Result<(), PackError> {
    check(manifest)?;
    let name = manifest.name.file_name(&manifest.version);
    let failed = |error| PackError::io("write", &name)(error);
    let mut tar = encoder(out).map_err(failed)?;
    let text = data::json(manifest)?;
    write_header(&mut tar, MANIFEST, text.len() as u64, false).map_err(failed)?;
    tar.write_all(text.as_bytes())
        .and_then(|()| pad(&mut tar, text.len() as u64))
        .map_err(failed)?;
    for file in &manifest.files {
        write_header(&mut tar, &file.path, file.size, file.executable).map_err(failed)?;
        write_content(&mut tar, file, &root.join(&file.path), &failed)?;
        pad(&mut tar, file.size).map_err(failed)?;
    }
    let end = [0; 2 * super::BLOCK];
    tar.write_all(&end).and_then(|()| tar.finish()?.flush()).map_err(failed)
}

fn encoder<W: Write>(out: W) -> io::Result<Encoder<'static, W>> {
    let mut encoder = Encoder::new(out, LEVEL)?;
    encoder.window_log(WINDOW_LOG)?;
    encoder.include_checksum(true)?;
    Ok(encoder)
}

/// Writes the header of a file; a path too long for it goes into a PAX header first.
fn write_header(out: &mut impl Write, path: &str, size: u64, executable: bool) -> io::Result<()> {
    let mut header = header(EntryType::Regular, size, executable);
    if header.set_path(path).is_err() {
        let record = pax_record(path);
        let mut pax = self::header(EntryType::XHeader, record.len() as u64, false);
        pax.set_path("pax")?;
        pax.set_cksum();
        out.write_all(pax.as_bytes())?;
        out.write_all(record.as_bytes())?;
        pad(out, record.len() as u64)?;
        header.set_path("long")?;
    }
    header.set_cksum();
    out.write_all(header.as_bytes())
}

fn header(kind: EntryType, size: u64, executable: bool) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(if executable { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

/// `LENGTH path=PATH` and a line end, whose length counts itself.
fn pax_record(path: &str) -> String {
    let rest = format!(" path={path}\n");
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    format!("{length}{rest}")
}

fn write_content(
    out: &mut impl Write,
    file: &PackFile,
    path: &Path,
    failed: &dyn Fn(io::Error) -> PackError,
) -> Result<(), PackError> {
    let mut content = File::open(path).map_err(PackError::io("read", path))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    let mut size = 0;
    loop {
        let length = content.read(&mut buffer).map_err(PackError::io("read", path))?;
        size += length as u64;
        if length == 0 || size > file.size {
            break;
        }
        hash.update(&buffer[..length]);
        out.write_all(&buffer[..length]).map_err(failed)?;
    }
    if size != file.size || hex(&hash.finalize()) != file.sha256 {
        let message = format!("`{}` is not what the manifest says of it", path.display());
        return Err(PackError::refused("pack-digest", message));
    }
    Ok(())
}

fn pad(out: &mut impl Write, size: u64) -> io::Result<()> {
    out.write_all(&[0; super::BLOCK][..padding(size)])
}
