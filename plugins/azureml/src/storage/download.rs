//! Blobs on their way here.

use std::fs;
use std::io::Write;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{Blob, Container, told};
use crate::AzureError;
use crate::line::accepted;
use crate::text::hex;

/// Bytes that are asked for at once.
const PART: u64 = 16 << 20;

impl Container<'_> {
    /// Brings `blob` to the path `to`, which appears whole or not at all; gives its SHA-256.
    ///
    /// # Errors
    /// When it does not come whole.
    pub(crate) fn download(&self, blob: &Blob, to: &Path) -> Result<String, AzureError> {
        let folder = to.parent().unwrap_or(to);
        fs::create_dir_all(folder).map_err(AzureError::io("make", folder))?;
        let mut name = to.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = to.with_file_name(name);
        let mut file = fs::File::create(&part).map_err(AzureError::io("write", &part))?;
        let mut digest = Sha256::new();
        let mut come = 0;
        while come < blob.size {
            let last = blob.size.min(come + PART) - 1;
            let range = format!("bytes={come}-{last}");
            let answer = self.ask("GET", &blob.path, &[], &[("range", range)], None)?;
            let content = accepted(&told(&blob.path), answer)?.content;
            if content.len() as u64 != last + 1 - come {
                let reason = format!("{} bytes, not {}", content.len(), last + 1 - come);
                return Err(AzureError::odd(told(&blob.path), reason));
            }
            file.write_all(&content).map_err(AzureError::io("write", &part))?;
            digest.update(&content);
            come += content.len() as u64;
        }
        file.sync_all().map_err(AzureError::io("write", &part))?;
        fs::rename(&part, to).map_err(AzureError::io("write", to))?;
        Ok(hex(&digest.finalize()))
    }

    /// Brings all `blobs` below `prefix` into `folder`, with progress.
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
        let mut digests = Vec::new();
        for blob in blobs {
            let below = blob.path.strip_prefix(prefix).unwrap_or(&blob.path);
            if !is_below(below) {
                return Err(AzureError::odd(told(&blob.path), "its name leaves the folder"));
            }
            digests.push((below.to_owned(), self.download(blob, &folder.join(below))?));
            come += blob.size;
            self.line.ctx().progress("byte", come, total, &[]);
        }
        Ok(digests)
    }
}

/// Whether a path stays below the folder that it starts in.
fn is_below(path: &str) -> bool {
    let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    path.split('/').all(is_plain) && !path.contains(['\\', '\0'])
}

#[cfg(test)]
mod tests {
    use super::is_below;

    #[test]
    fn no_name_of_a_blob_leaves_the_folder() {
        for (path, expected) in [
            ("a", true),
            ("a/b.json", true),
            ("a/..b", true),
            ("../a", false),
            ("a/../../b", false),
            ("/etc/passwd", false),
            ("a//b", false),
            ("a\\..\\b", false),
            ("", false),
        ] {
            assert_eq!(is_below(path), expected, "{path}");
        }
    }
}
