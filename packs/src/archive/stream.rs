//! The tar in an archive, as it is decompressed: counted, digested, bounded.

use std::io::{self, BufRead, BufReader, Chain, Cursor, ErrorKind, Read};
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use zstd::stream::read::Decoder;

use super::{BUFFER, Limits, WINDOW_LOG};
use crate::PackError;
use crate::data::hex;

/// Unpacked bytes that are free of the bound on the ratio.
const FREE: u64 = 16 << 20;
/// What every zstd frame begins with.
const MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();

/// The tar in an archive.
pub(super) struct Stream<R: Read> {
    decoder: Decoder<'static, BufReader<Digesting<Rewound<R>>>>,
    unpacked: u64,
    limits: Limits,
}

/// An archive whose first bytes have been looked at.
type Rewound<R> = Chain<Cursor<Vec<u8>>, R>;

/// An archive while it is read.
struct Digesting<R> {
    archive: R,
    hash: Sha256,
    size: u64,
}

impl<R: Read> Stream<R> {
    pub(super) fn new(mut archive: R, limits: &Limits) -> Result<Self, PackError> {
        let mut start = Vec::new();
        let magic = MAGIC.len() as u64;
        archive.by_ref().take(magic).read_to_end(&mut start).map_err(explain)?;
        if start != MAGIC {
            let message = "the file is no pack, for it does not begin as zstd does";
            return Err(PackError::refused("pack-format", message));
        }
        let archive = Cursor::new(start).chain(archive);
        let digesting = Digesting { archive, hash: Sha256::new(), size: 0 };
        let archive = BufReader::with_capacity(BUFFER, digesting);
        let mut decoder = Decoder::with_buffer(archive).map_err(explain)?.single_frame();
        decoder.window_log_max(WINDOW_LOG).map_err(explain)?;
        Ok(Self { decoder, unpacked: 0, limits: limits.clone() })
    }

    /// Reads as much of `buffer` as there is.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, PackError> {
        let mut length = 0;
        while length < buffer.len() {
            let read = match self.decoder.read(&mut buffer[length..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => result.map_err(explain)?,
            };
            if read == 0 {
                break;
            }
            length += read;
            self.count(read)?;
        }
        Ok(length)
    }

    /// Fills `buffer`.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<(), PackError> {
        if self.fill(buffer)? < buffer.len() {
            return Err(truncated());
        }
        Ok(())
    }

    /// Checks that nothing stands behind the tar; gives SHA-256 and size of the archive.
    pub(super) fn finish(mut self) -> Result<(String, u64), PackError> {
        if self.fill(&mut [0])? != 0 {
            return Err(trailing("its tar"));
        }
        let archive = self.decoder.get_mut();
        if !archive.fill_buf().map_err(explain)?.is_empty() {
            return Err(trailing("its zstd frame"));
        }
        let Digesting { hash, size, .. } = self.decoder.into_inner().into_inner();
        Ok((hex(&hash.finalize()), size))
    }

    fn count(&mut self, read: usize) -> Result<(), PackError> {
        self.unpacked += read as u64;
        let packed = self.decoder.get_ref().get_ref().size;
        let Limits { archive, ratio, .. } = self.limits;
        let message = if packed > archive {
            format!("the pack is larger than {archive} bytes")
        } else if self.unpacked > FREE.saturating_add(packed.saturating_mul(ratio)) {
            format!("the pack grows to more than {ratio} times its size when it is unpacked")
        } else {
            return Ok(());
        };
        Err(PackError::refused("pack-limit", message))
    }
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.archive.read(buffer)?;
        self.hash.update(&buffer[..length]);
        self.size += length as u64;
        Ok(length)
    }
}

/// The error of a pack that ends too early.
fn truncated() -> PackError {
    PackError::refused("pack-truncated", "the pack ends too early: a part of the file is missing")
        .with_help("fetch the pack again")
}

fn trailing(what: &str) -> PackError {
    PackError::refused("pack-trailing", format!("the pack has more bytes behind {what}"))
}

/// The system's errors stay what they are; all others are the decoder's.
fn explain(error: io::Error) -> PackError {
    if error.kind() == ErrorKind::UnexpectedEof {
        return truncated();
    }
    if error.raw_os_error().is_some() {
        return PackError::Io { action: "read", path: PathBuf::new(), source: error };
    }
    PackError::refused("pack-damaged", format!("the pack cannot be decompressed: {error}"))
        .with_help("fetch the pack again")
}
