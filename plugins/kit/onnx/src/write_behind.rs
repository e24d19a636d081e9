//! Writing a file while the bytes that follow are made.

use std::fs::File;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

/// Bytes that are handed over at once.
const PIECE_BYTES: usize = 1 << 17;
/// Pieces that are in memory at most.
const PIECES: usize = 4;
/// Bytes after which the system is asked to begin with the disk.
const START_BYTES: u64 = 16 << 20;

/// A file that a thread writes, a few pieces behind whoever makes its bytes.
pub(crate) struct WriteBehind {
    /// Bytes to hand over next.
    piece: Vec<u8>,
    /// Pieces that have been written, to be filled again.
    spare: Receiver<Vec<u8>>,
    /// None when it has ended.
    thread: Option<Thread>,
}

/// Takes pieces, and ends when all are written or one cannot be.
struct Thread {
    pieces: SyncSender<Vec<u8>>,
    end: JoinHandle<io::Result<()>>,
}

impl WriteBehind {
    /// Starts at the beginning of `file`, which is empty.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(crate) fn start(file: File) -> io::Result<Self> {
        let (pieces, filled) = sync_channel::<Vec<u8>>(PIECES);
        let (written, spare) = channel();
        for _ in 1..PIECES {
            let _ = written.send(Vec::new());
        }
        let work = move || {
            let mut file = Started { file, begun: 0, done: 0 };
            for mut piece in filled {
                file.write(&piece)?;
                piece.clear();
                // Nobody takes it when this was the last.
                let _ = written.send(piece);
            }
            Ok(())
        };
        let end = thread::Builder::new().name("write behind".into()).spawn(work)?;
        Ok(Self { piece: Vec::new(), spare, thread: Some(Thread { pieces, end }) })
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// When these, or some before them, cannot be written.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = PIECE_BYTES - self.piece.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.piece.extend_from_slice(now);
            bytes = later;
            if self.piece.len() == PIECE_BYTES {
                self.hand_over()?;
            }
        }
        Ok(())
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    /// When something cannot be.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        if !self.piece.is_empty() {
            self.hand_over()?;
        }
        self.end()
    }

    /// Lets go of the file, whatever it has.
    pub(crate) fn close(&mut self) {
        let _ = self.end();
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let next = self.spare.recv().ok();
        let handed = next.zip(self.thread.as_ref()).is_some_and(|(next, thread)| {
            thread.pieces.send(std::mem::replace(&mut self.piece, next)).is_ok()
        });
        if handed {
            return Ok(());
        }
        self.end()?;
        Err(io::ErrorKind::BrokenPipe.into())
    }

    /// How the thread ends, which gets no more pieces.
    fn end(&mut self) -> io::Result<()> {
        let Some(Thread { pieces, end }) = self.thread.take() else { return Ok(()) };
        drop(pieces);
        end.join().unwrap_or_else(|_| Err(io::Error::other("the thread that writes has panicked")))
    }
}

/// A file whose bytes are on their way to the disk, but the last.
struct Started {
    file: File,
    begun: u64,
    done: u64,
}

impl Started {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.done += bytes.len() as u64;
        if self.done - self.begun >= START_BYTES {
            start(&self.file, self.begun, self.done - self.begun);
            self.begun = self.done;
        }
        Ok(())
    }
}

/// Has the system write a part of the file to the disk now, so that whoever syncs it waits for little.
#[cfg(target_os = "linux")]
fn start(file: &File, offset: u64, length: u64) {
    use rustix::fs::{Advice, fadvise};
    // Linux begins to write what it is told is not needed, and keeps it until it is written.
    let _ = fadvise(file, offset, std::num::NonZero::new(length), Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
fn start(_file: &File, _offset: u64, _length: u64) {}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::{PIECE_BYTES, PIECES, START_BYTES, WriteBehind};

    #[test]
    fn every_byte_is_written_once_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let started = usize::try_from(START_BYTES).unwrap() + 1;
        for length in [0, 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECES * PIECE_BYTES, started] {
            let bytes: Vec<u8> =
                (0_u32..).take(length).map(|n| (n / 251).to_le_bytes()[0]).collect();
            let mut file = WriteBehind::start(File::create(&path).unwrap()).unwrap();
            bytes.chunks(300_007).for_each(|part| file.write(part).unwrap());
            file.finish().unwrap();
            assert!(fs::read(&path).unwrap() == bytes, "{length} bytes");
        }
    }

    #[test]
    fn what_cannot_be_written_is_told_at_the_next_bytes_or_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "").unwrap();
        for pieces in [0, 1, 3 * PIECES] {
            // Opened for reading, so that the system refuses to write.
            let mut file = WriteBehind::start(File::open(&path).unwrap()).unwrap();
            let bytes = vec![1; pieces * PIECE_BYTES + 1];
            assert!(file.write(&bytes).and_then(|()| file.finish()).is_err(), "{pieces} pieces");
        }
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    }
}
