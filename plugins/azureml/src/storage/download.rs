//! Blobs on their way here.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Blob, Container, told};
use crate::AzureError;
use crate::line::accepted;
use crate::text::{hex, sha256};

/// Bytes that are asked for at once.
const PART: u64 = 16 << 20;

impl Container<'_> {
    /// Brings all `blobs` below `prefix` into `folder`, with progress; gives their names there with
    /// their SHA-256.
    ///
    /// Where the step has a folder for checkpoints, files wait there until all have come; so another
    /// try goes on where this one ends.
    ///
    /// # Errors
    /// When one does not come whole, or lies where no file of the folder can be.
    pub(crate) fn bring(
        &self,
        blobs: &[Blob],
        prefix: &str,
        folder: &Path,
    ) -> Result<Vec<(String, String)>, AzureError> {
        let total: u64 = blobs.iter().map(|blob| blob.size).sum();
        let mut come = 0;
        let (mut digests, mut moves) = (Vec::new(), Vec::new());
        for blob in blobs {
            let below = blob.path.strip_prefix(prefix).unwrap_or(&blob.path);
            if !is_below(below) {
                return Err(AzureError::odd(told(&blob.path), "its name leaves the folder"));
            }
            let to = folder.join(below);
            let part = self.part(blob, &to);
            make_folder_of(&to)?;
            digests.push((below.to_owned(), self.download(blob, &part)?));
            moves.push((part, to));
            come += blob.size;
            self.line.ctx().progress("byte", come, total, &[]);
        }
        for (part, to) in moves {
            fs::rename(&part, &to).map_err(AzureError::io("write", to))?;
        }
        Ok(digests)
    }

    /// Where what has come of `blob`, which is to lie at `to`, waits for the rest.
    fn part(&self, blob: &Blob, to: &Path) -> PathBuf {
        // Without a version nobody knows whether the rest belongs to it.
        if let Some(folder) = self.line.ctx().checkpoint_dir().filter(|_| !blob.version.is_empty())
        {
            let Blob { path, version, .. } = blob;
            return folder.join(sha256(format!("{}\n{path}\n{version}", self.url).as_bytes()));
        }
        let mut name = to.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = to.with_file_name(name);
        // What an earlier try has left is of no use then.
        let _ = fs::remove_file(&part);
        part
    }

    /// Brings what is missing of `blob` at `part`; gives the SHA-256 of the whole.
    fn download(&self, blob: &Blob, part: &Path) -> Result<String, AzureError> {
        let open = OpenOptions::new().create(true).append(true).open(part);
        let mut file = open.map_err(AzureError::io("write", part))?;
        let (mut come, mut digest) = begun(part, blob.size)?;
        while come < blob.size {
            let last = blob.size.min(come + PART) - 1;
            let content = self.range(blob, come, last)?;
            let written = file.write_all(&content).and_then(|()| file.sync_data());
            written.map_err(AzureError::io("write", part))?;
            digest.update(&content);
            come += content.len() as u64;
        }
        Ok(hex(&digest.finalize()))
    }

    /// Bytes `first` to `last` of `blob`, as long as it is the one that was found.
    fn range(&self, blob: &Blob, first: u64, last: u64) -> Result<Vec<u8>, AzureError> {
        let mut headers = vec![("range", format!("bytes={first}-{last}"))];
        if !blob.version.is_empty() {
            headers.push(("if-match", blob.version.clone()));
        }
        let what = told(&blob.path);
        let answer = self.ask("GET", &blob.path, &[], &headers, None)?;
        if answer.status == 412 {
            return Err(AzureError::Changed { what });
        }
        let content = accepted(&what, answer)?.content;
        let expected = last + 1 - first;
        if content.len() as u64 != expected {
            return Err(AzureError::odd(what, format!("{} bytes, not {expected}", content.len())));
        }
        Ok(content)
    }
}

fn make_folder_of(path: &Path) -> Result<(), AzureError> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(AzureError::io("make", folder))
}

/// How many of `size` bytes have come whole into the file at `part`, and their digest; what came
/// after them is cut off.
fn begun(part: &Path, size: u64) -> Result<(u64, Sha256), AzureError> {
    let open = OpenOptions::new().read(true).write(true).open(part);
    let mut file = open.map_err(AzureError::io("read", part))?;
    let length = file.metadata().map_err(AzureError::io("read", part))?.len();
    let come = if length == size { size } else { length.min(size) / PART * PART };
    file.set_len(come).map_err(AzureError::io("write", part))?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(AzureError::io("read", part))? {
            0 => return Ok((come, digest)),
            read => digest.update(&buffer[..read]),
        }
    }
}

/// Whether a path stays below the folder that it starts in.
fn is_below(path: &str) -> bool {
    let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    path.split('/').all(is_plain) && !path.contains(['\\', '\0'])
}

#[cfg(test)]
mod tests;
