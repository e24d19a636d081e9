//! What an archive may take.

/// Bounds of an archive. Memory is bounded whatever they say: by zstd's window and the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the archive.
    pub archive: u64,
    /// Bytes of the manifest.
    pub manifest: u64,
    /// Bytes of one unpacked file.
    pub file: u64,
    /// Bytes of all unpacked files.
    pub total: u64,
    /// Files.
    pub entries: usize,
    /// Unpacked bytes for each byte of the archive, beyond the first 16 MiB.
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            archive: 4 << 30,
            manifest: 4 << 20,
            file: 4 << 30,
            total: 8 << 30,
            entries: 10_000,
            ratio: 200,
        }
    }
}
