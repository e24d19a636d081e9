//! Files on their way into a container.

use std::fs;
use std::io::Read;
use std::path::Path;

use ct_codecs::{Base64, Encoder};

use super::{Container, told};
use crate::AzureError;
use crate::line::accepted;

/// Bytes that are sent at once.
const BLOCK: u64 = 16 << 20;

impl Container<'_> {
    /// Puts the file at `from` into the blob at `path`, unless one of its size is there.
    ///
    /// # Errors
    /// When it cannot be read, or is not taken.
    pub(crate) fn upload(&self, path: &str, from: &Path) -> Result<(), AzureError> {
        let mut file = fs::File::open(from).map_err(AzureError::io("read", from))?;
        let size = file.metadata().map_err(AzureError::io("read", from))?.len();
        if self.find(path)?.is_some_and(|blob| blob.size == size) {
            return Ok(());
        }
        let mut next = || {
            let mut block = Vec::new();
            let read = (&mut file).take(BLOCK).read_to_end(&mut block);
            read.map_err(AzureError::io("read", from)).map(|_| block)
        };
        if size <= BLOCK {
            return self.write(path, &next()?);
        }
        let mut ids = Vec::new();
        loop {
            let block = next()?;
            if block.is_empty() {
                break;
            }
            let id = Base64::encode_to_string(format!("{:08}", ids.len()))
                .map_err(|_| AzureError::odd(told(path), "a block without a name"))?;
            let query = [("comp", "block"), ("blockid", id.as_str())];
            accepted(&told(path), self.ask("PUT", path, &query, &[], Some(&block))?)?;
            ids.push(id);
        }
        let ids: Vec<_> = ids.iter().map(|id| format!("<Latest>{id}</Latest>")).collect();
        let ids = ids.concat();
        let list =
            format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>{ids}</BlockList>");
        let query = [("comp", "blocklist")];
        accepted(&told(path), self.ask("PUT", path, &query, &[], Some(list.as_bytes()))?).map(drop)
    }

    /// Puts `content` into the blob at `path`.
    ///
    /// # Errors
    /// When it is not taken.
    pub(crate) fn write(&self, path: &str, content: &[u8]) -> Result<(), AzureError> {
        let kind = [("x-ms-blob-type", "BlockBlob".to_owned())];
        accepted(&told(path), self.ask("PUT", path, &[], &kind, Some(content))?).map(drop)
    }
}
