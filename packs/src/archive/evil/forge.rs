//! Packs, tars and headers made by hand, from what is right to what no sound program writes.

use std::io::Write;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Path and content of a file.
pub(super) type File<'a> = (&'a str, &'a [u8]);

pub(super) const ENTRY: &str = "any/words.plugin.json";
pub(super) const DESCRIPTOR: &str = "schemas/words.json";
/// The files of the pack that all others are made from.
pub(super) const FILES: [File<'static>; 3] =
    [(ENTRY, b"{}"), ("docs/README.md", b"A pack.\n"), (DESCRIPTOR, b"{}")];
/// The end of a tar.
pub(super) const END: [u8; 1024] = [0; 1024];

/// A pack of `files`, and `extra` behind them in its tar.
pub(super) fn pack(files: &[File<'_>], extra: &[u8]) -> Vec<u8> {
    compress(&[&described(files), &members_of(files), extra, &END])
}

/// A pack that lists `files`, in whose tar `members` stand instead of those that are not in every
/// pack.
pub(super) fn pack_with(files: &[File<'_>], members: &[u8]) -> Vec<u8> {
    compress(&[&described(files), &members_of(&FILES), members, &END])
}

/// A pack whose manifest lists `files` in their order, before those of every pack.
pub(super) fn pack_in_order(files: &[File<'_>]) -> Vec<u8> {
    let all = [files, &FILES].concat();
    let first = member("pack.json", manifest_in_order(&all).to_string().as_bytes());
    compress(&[&first, &members_of(&all), &END])
}

/// The files of every pack and some more.
pub(super) fn with<'a>(files: &[File<'a>]) -> Vec<File<'a>> {
    [&FILES, files].concat()
}

/// The member of the manifest that lists `files`.
pub(super) fn described(files: &[File<'_>]) -> Vec<u8> {
    member("pack.json", manifest(files).to_string().as_bytes())
}

pub(super) fn members_of(files: &[File<'_>]) -> Vec<u8> {
    files.iter().flat_map(|(path, content)| member_with_long_path(path, content)).collect()
}

pub(super) fn manifest(files: &[File<'_>]) -> Value {
    let mut files = files.to_vec();
    files.sort();
    manifest_in_order(&files)
}

pub(super) fn manifest_in_order(files: &[File<'_>]) -> Value {
    let file = |(path, content): &File<'_>| json!({"path": path, "sha256": sha256(content), "size": content.len()});
    json!({
        "format": 1,
        "name": "acme/words",
        "version": "6.6.6",
        "publisher": {"id": "acme", "name": "Acme"},
        "license": "MIT",
        "description": "Words.",
        "api": ">=0.1.0",
        "plugins": [{
            "id": "words",
            "kind": "process",
            "provides": {"passes": ["Words"]},
            "descriptor": DESCRIPTOR,
            "entry": {"any": ENTRY},
        }],
        "files": files.iter().map(file).collect::<Vec<_>>(),
    })
}

fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// A member, with a PAX header before it when its path is too long for its own.
pub(super) fn member_with_long_path(path: &str, content: &[u8]) -> Vec<u8> {
    if path.len() <= 100 {
        return member(path, content);
    }
    let rest = format!(" path={path}\n");
    let digits = if rest.len() < 997 { 3 } else { 4 };
    let record = format!("{}{rest}", rest.len() + digits);
    let pax = Block { kind: b'x', size: record.len() as u64, ..Block::new("pax") };
    [pax.bytes(), padded(record.as_bytes()), member("long", content)].concat()
}

pub(super) fn member(path: &str, content: &[u8]) -> Vec<u8> {
    let block = Block { size: content.len() as u64, ..Block::new(path) };
    [block.bytes(), padded(content)].concat()
}

pub(super) fn padded(content: &[u8]) -> Vec<u8> {
    let mut bytes = content.to_vec();
    bytes.resize(content.len().next_multiple_of(512), 0);
    bytes
}

pub(super) fn compress(parts: &[&[u8]]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    for part in parts {
        encoder.write_all(part).unwrap();
    }
    encoder.finish().unwrap()
}

/// A header of a tar, field by field.
pub(super) struct Block<'a> {
    pub(super) path: Vec<u8>,
    pub(super) mode: u32,
    pub(super) size: u64,
    /// What stands for the size when it is not zero.
    pub(super) digits: [u8; 12],
    pub(super) kind: u8,
    pub(super) link: &'a str,
    pub(super) magic: [u8; 8],
}

impl Block<'_> {
    pub(super) fn new(path: &str) -> Self {
        Self {
            path: path.into(),
            mode: 0o644,
            size: 0,
            digits: [0; 12],
            kind: b'0',
            link: "",
            magic: *b"ustar\x0000",
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 512];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0, &self.path);
        put(100, format!("{:07o}\0", self.mode).as_bytes());
        put(108, b"0000000\x000000000\0");
        match self.digits {
            [0, ..] if self.size < 1 << 33 => put(124, format!("{:011o}\0", self.size).as_bytes()),
            [0, ..] => put(124, &[&[0x80, 0, 0, 0][..], &self.size.to_be_bytes()].concat()),
            digits => put(124, &digits),
        }
        put(136, b"00000000000\0        ");
        put(156, &[self.kind]);
        put(157, self.link.as_bytes());
        put(257, &self.magic);
        let sum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
        bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes
    }
}
