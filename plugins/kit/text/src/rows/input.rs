//! Bytes of files of text, compressed or not.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// Bytes read from a file at a time.
const BUFFER: usize = 1 << 16;

/// The text in `file`: what its first bytes say is gzip or Zstandard is taken apart as it is read,
/// and a byte order mark is left out.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn plain(file: File) -> io::Result<Box<dyn BufRead>> {
    let mut bytes = BufReader::with_capacity(BUFFER, file);
    let start = bytes.fill_buf()?;
    let text: Box<dyn Read> = if start.starts_with(&[0x1F, 0x8B]) {
        Box::new(MultiGzDecoder::new(bytes))
    } else if start.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) {
        Box::new(zstd::Decoder::with_buffer(bytes)?)
    } else {
        Box::new(bytes)
    };
    let mut text = BufReader::with_capacity(BUFFER, text);
    if text.fill_buf()?.starts_with("\u{feff}".as_bytes()) {
        text.consume(3);
    }
    Ok(Box::new(text))
}
