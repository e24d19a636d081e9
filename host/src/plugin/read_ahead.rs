//! Reading a file while what was read of it is worked on.

use std::fs::File;
use std::io::{self, Read};
use std::sync::mpsc::{channel, sync_channel};
use std::thread;

/// Bytes of a piece; all threads find work in it.
const PIECE_BYTES: u64 = 4 << 20;
/// Pieces that are in memory at most.
const PIECES: usize = 4;

/// Hands what is left of `file` to `take`, piece by piece, and meanwhile reads the next ones.
///
/// # Errors
/// When the file cannot be read; `take` has then seen what comes before.
pub(super) fn read_ahead(file: &File, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    advise(file);
    let mut first = Vec::new();
    file.take(PIECE_BYTES).read_to_end(&mut first)?;
    take(&first);
    if (first.len() as u64) < PIECE_BYTES {
        return Ok(());
    }
    let (filled, pieces) = sync_channel::<io::Result<Vec<u8>>>(PIECES);
    let (empty, spare) = channel::<Vec<u8>>();
    for piece in [first].into_iter().chain((1..PIECES).map(|_| Vec::new())) {
        let _ = empty.send(piece);
    }
    // The ends of the channels move in, so that a panic of `take` ends the thread too.
    thread::scope(move |scope| {
        scope.spawn(move || {
            for mut piece in spare {
                piece.clear();
                let read = file.take(PIECE_BYTES).read_to_end(&mut piece);
                let is_last = !matches!(read, Ok(1..));
                if filled.send(read.map(|_| piece)).is_err() || is_last {
                    return;
                }
            }
        });
        for piece in pieces {
            let piece = piece?;
            take(&piece);
            let _ = empty.send(piece);
        }
        Ok(())
    })
}

/// Has the system read further ahead than it does for files that are read here and there.
#[cfg(target_os = "linux")]
fn advise(file: &File) {
    use rustix::fs::{Advice, fadvise};
    // Without it the file is read all the same.
    let _ = fadvise(file, 0, None, Advice::Sequential);
}

#[cfg(not(target_os = "linux"))]
fn advise(_file: &File) {}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::{PIECE_BYTES, PIECES, read_ahead};

    fn read(bytes: &[u8]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, bytes).unwrap();
        let mut found = Vec::new();
        read_ahead(&File::open(path).unwrap(), |piece| found.extend_from_slice(piece)).unwrap();
        found
    }

    #[test]
    fn every_byte_comes_once_and_in_order() {
        let piece = usize::try_from(PIECE_BYTES).unwrap();
        for length in [0, 1, piece - 1, piece, piece + 1, (2 * PIECES + 1) * piece + 7] {
            let bytes: Vec<u8> =
                (0_u32..).take(length).map(|n| (n / 251).to_le_bytes()[0]).collect();
            assert!(read(&bytes) == bytes, "{length} bytes");
        }
    }

    #[test]
    #[cfg(unix)]
    fn what_cannot_be_read_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read_ahead(&File::open(folder.path()).unwrap(), |_| {}).is_err());
    }

    #[test]
    #[should_panic(expected = "enough")]
    fn a_panic_over_a_piece_ends_the_reading() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        File::create(&path).unwrap().set_len(3 * PIECE_BYTES * PIECES as u64).unwrap();
        let mut left = 2;
        let _ = read_ahead(&File::open(path).unwrap(), |_| {
            left -= 1;
            assert!(left > 0, "enough");
        });
    }
}
