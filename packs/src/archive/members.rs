//! The members of a tar. Plain files are accepted, and of PAX headers the one that gives a path.

use std::io::Read;

use tar::{EntryType, Header};

use super::stream::Stream;
use super::{BLOCK, BUFFER, padding};
use crate::PackError;
use crate::manifest::printable;

/// Bytes of a PAX header: a path of the longest kind and what stands around it.
const LONGEST_PAX: u64 = 2048;
/// Bytes of zeros that end a tar, at most: programs fill a record of this size.
const RECORD: usize = 20 * BLOCK;

/// The members of a tar.
pub(super) struct Members<R: Read> {
    tar: Stream<R>,
    buffer: Vec<u8>,
}

/// What the header of a plain file says, as far as it matters.
pub(super) struct Member {
    /// Its path, as it stands there.
    pub(super) path: String,
    /// Bytes.
    pub(super) size: u64,
}

impl<R: Read> Members<R> {
    pub(super) fn new(tar: Stream<R>) -> Self {
        Self { tar, buffer: vec![0; BUFFER] }
    }

    /// The next member, whose content must be read then; `None` at the end of the tar.
    pub(super) fn next(&mut self) -> Result<Option<Member>, PackError> {
        let Some(header) = self.header()? else { return Ok(None) };
        if header.entry_type() != EntryType::XHeader {
            return member(&header, header.path_bytes().into_owned()).map(Some);
        }
        let size = size_of(&header)?;
        if size > LONGEST_PAX {
            return Err(wrong_header(&format!("a PAX header of {size} bytes")));
        }
        let mut record = Vec::new();
        self.content(size, &mut |bytes| {
            record.extend_from_slice(bytes);
            Ok(())
        })?;
        let Some(path) = pax_path(&record) else {
            return Err(wrong_header("a PAX header that says more than one path"));
        };
        let Some(header) = self.header()? else {
            return Err(wrong_header("a PAX header without a member"));
        };
        member(&header, path.to_vec()).map(Some)
    }

    /// Gives the content of a member of `size` bytes to `take`, piece by piece.
    pub(super) fn content(
        &mut self,
        size: u64,
        take: &mut dyn FnMut(&[u8]) -> Result<(), PackError>,
    ) -> Result<(), PackError> {
        let mut left = size;
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
            self.tar.read(&mut self.buffer[..length])?;
            take(&self.buffer[..length])?;
            left -= length as u64;
        }
        let padding = &mut self.buffer[..padding(size)];
        self.tar.read(padding)?;
        if !is_zero(padding) {
            return Err(wrong_header("bytes between its members"));
        }
        Ok(())
    }

    /// Checks that the archive ends here too; gives its SHA-256 and size.
    pub(super) fn finish(mut self) -> Result<(String, u64), PackError> {
        let mut rest = [0; RECORD];
        let length = self.tar.fill(&mut rest)?;
        if !is_zero(&rest[..length]) {
            let message = "the pack has more bytes behind the end of its tar";
            return Err(PackError::refused("pack-trailing", message));
        }
        self.tar.finish()
    }

    /// The next header; `None` when the two blocks of zeros come that end a tar.
    fn header(&mut self) -> Result<Option<Header>, PackError> {
        let mut header = Header::new_ustar();
        let block = header.as_mut_bytes();
        self.tar.read(block)?;
        if is_zero(block) {
            self.tar.read(block)?;
            if !is_zero(block) {
                return Err(wrong_header("one block of zeros, and more behind it"));
            }
            return Ok(None);
        }
        if !header.cksum().is_ok_and(|sum| sum == checksum(header.as_bytes())) {
            return Err(wrong_header("a header whose checksum is wrong"));
        }
        Ok(Some(header))
    }
}

fn member(header: &Header, path: Vec<u8>) -> Result<Member, PackError> {
    let shown = printable(&String::from_utf8_lossy(&path));
    let kind = match header.entry_type() {
        EntryType::Regular if header.as_ustar().is_some() => {
            let path = String::from_utf8(path).map_err(|_| {
                let message = format!("path `{shown}` in the pack is not UTF-8");
                PackError::refused("pack-path", message)
            })?;
            return Ok(Member { path, size: size_of(header)? });
        }
        EntryType::Regular => "in a form that is not POSIX",
        EntryType::Link => "a hard link",
        EntryType::Symlink => "a symbolic link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Directory => "a folder",
        EntryType::Fifo => "a named pipe",
        EntryType::GNUSparse => "a sparse file",
        EntryType::GNULongName | EntryType::GNULongLink => "a long name in GNU's form",
        EntryType::XHeader | EntryType::XGlobalHeader => "a PAX header for other members",
        _ => "of an unknown kind",
    };
    let message =
        format!("member `{shown}` of the pack is {kind}, and only plain files are allowed");
    Err(PackError::refused("pack-member", message))
}

fn size_of(header: &Header) -> Result<u64, PackError> {
    header.size().map_err(|_| wrong_header("a member whose size is no number"))
}

/// The path in a PAX header that has this one record: `LENGTH path=PATH` and a line end.
fn pax_path(record: &[u8]) -> Option<&[u8]> {
    let space = record.iter().position(|byte| *byte == b' ')?;
    let length = std::str::from_utf8(&record[..space]).ok()?.parse::<usize>().ok()?;
    let path = record[space + 1..].strip_prefix(b"path=")?.strip_suffix(b"\n")?;
    (length == record.len()).then_some(path)
}

/// The sum of a header's bytes, its own field taken as spaces.
fn checksum(header: &[u8; BLOCK]) -> u32 {
    const FIELD: std::ops::Range<usize> = 148..156;
    let byte = |(at, byte): (usize, &u8)| if FIELD.contains(&at) { b' ' } else { *byte };
    header.iter().enumerate().map(|entry| u32::from(byte(entry))).sum()
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

fn wrong_header(what: &str) -> PackError {
    PackError::refused("pack-tar", format!("the tar in the pack has {what}"))
}
