//! Event files for `TensorBoard`: scalars by step, under transformers' tags.
//!
//! The file is a `TFRecord` file: each record is its length, a masked CRC-32C of the length, its bytes
//! and a masked CRC-32C of those. A record is a protobuf message `Event`, of which the few fields
//! that scalars need are written here.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::TrainError;
use crate::history::LogEntry;

/// What the first record of a file says.
const VERSION: &str = "brain.Event:2";

/// A file of events.
#[derive(Debug)]
pub(crate) struct EventLog {
    dir: PathBuf,
    file: File,
}

impl EventLog {
    /// A new file in a folder, which is made when it is not there.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn create(dir: &Path) -> Result<Self, TrainError> {
        let opened = || {
            fs::create_dir_all(dir)?;
            let (seconds, process) = (now().as_secs(), std::process::id());
            let name = format!("events.out.tfevents.{seconds:010}.olive.{process}.0");
            let mut file = File::create(dir.join(name))?;
            let mut event = Message::default();
            event.double(1, now().as_secs_f64());
            event.bytes(3, VERSION.as_bytes());
            write_record(&mut file, &event.0)?;
            Ok(file)
        };
        let file = opened().map_err(failed(dir))?;
        Ok(Self { dir: dir.to_owned(), file })
    }

    /// Adds an entry of the history.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn log(&mut self, entry: &LogEntry) -> Result<(), TrainError> {
        let (step, scalars) = scalars(entry);
        let event = event(now().as_secs_f64(), step, &scalars);
        write_record(&mut self.file, &event).map_err(failed(&self.dir))
    }
}

/// The step of an entry and its numbers under the tags that transformers uses.
fn scalars(entry: &LogEntry) -> (usize, Vec<(&'static str, f64)>) {
    match *entry {
        LogEntry::Train { epoch, grad_norm, learning_rate, loss, step } => {
            let scalars = vec![
                ("train/loss", loss),
                ("train/grad_norm", grad_norm),
                ("train/learning_rate", learning_rate),
                ("train/epoch", epoch),
            ];
            (step, scalars)
        }
        LogEntry::Eval { epoch, eval_loss, step } => {
            (step, vec![("eval/loss", eval_loss), ("train/epoch", epoch)])
        }
    }
}

/// `Event { wall_time = 1, step = 2, summary = 5 }` with a `Summary { value = 1 }` of
/// `Value { tag = 1, simple_value = 2 }`.
#[expect(clippy::cast_possible_truncation, reason = "scalars of events are f32")]
fn event(wall_time: f64, step: usize, scalars: &[(&str, f64)]) -> Vec<u8> {
    let mut summary = Message::default();
    for (tag, number) in scalars {
        let mut value = Message::default();
        value.bytes(1, tag.as_bytes());
        value.float(2, *number as f32);
        summary.bytes(1, &value.0);
    }
    let mut event = Message::default();
    event.double(1, wall_time);
    event.integer(2, step as u64);
    event.bytes(5, &summary.0);
    event.0
}

/// A protobuf message in the making.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn integer(&mut self, field: u64, value: u64) {
        self.varint(field << 3);
        self.varint(value);
    }

    fn double(&mut self, field: u64, value: f64) {
        self.varint(field << 3 | 1);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }

    fn float(&mut self, field: u64, value: f32) {
        self.varint(field << 3 | 5);
        self.0.extend(value.to_le_bytes());
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(low_bits(value) | 0x80);
            value >>= 7;
        }
        self.0.push(low_bits(value));
    }
}

/// The last seven bits.
fn low_bits(value: u64) -> u8 {
    (value & 0x7f) as u8
}

fn write_record(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = (bytes.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(bytes.len() + 16);
    record.extend(length);
    record.extend(masked_crc(&length).to_le_bytes());
    record.extend(bytes);
    record.extend(masked_crc(bytes).to_le_bytes());
    out.write_all(&record)
}

/// The checksum of `TFRecord`: a CRC-32C, turned and moved, so that checksums of checksums differ.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), bit by bit: records are short and rare.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

fn now() -> std::time::Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn failed(dir: &Path) -> impl Fn(io::Error) -> TrainError {
    let path = dir.to_owned();
    move |source| TrainError::Events { path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // RFC 3720, appendix B.4, and the check value of the catalog of CRCs.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    }

    /// As Python's `Event(wall_time=1.5, step=300, summary=...)` serializes it.
    #[test]
    fn events_are_protobuf_messages() {
        let expected = [
            &[0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x10, 0xac, 0x02, 0x2a, 0x12, 0x0a, 0x10][..],
            &[0x0a, 0x09],
            b"eval/loss",
            &[0x15, 0, 0, 0x20, 0x40],
        ];
        assert_eq!(event(1.5, 300, &[("eval/loss", 2.5)]), expected.concat());
    }

    #[test]
    fn files_hold_the_version_and_an_event_for_each_entry() {
        let dir = tempfile::tempdir().unwrap();
        let runs = dir.path().join("runs");
        let mut log = EventLog::create(&runs).unwrap();
        log.log(&LogEntry::Eval { epoch: 1.0, eval_loss: 2.5, step: 3 }).unwrap();
        let file = fs::read_dir(&runs).unwrap().next().unwrap().unwrap().path();
        let mut rest = fs::read(file).unwrap();
        let mut records = Vec::new();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap());
            let end = 12 + usize::try_from(length).unwrap();
            let checksums =
                [8, end].map(|at| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap()));
            assert_eq!(checksums, [masked_crc(&rest[..8]), masked_crc(&rest[12..end])]);
            records.push(rest[12..end].to_vec());
            rest.drain(..end + 4);
        }
        assert_eq!(records.len(), 2);
        assert!(records[0].ends_with(VERSION.as_bytes()));
        let contains = |tag: &str| records[1].windows(tag.len()).any(|part| part == tag.as_bytes());
        assert!(contains("eval/loss") && contains("train/epoch"));
    }
}
