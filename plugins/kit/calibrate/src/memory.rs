//! Where hidden states are.

use std::path::PathBuf;

/// Rows that are computed at once, unless a sequence is longer: enough for products to run at the
/// processor's rate.
const ROWS_AT_ONCE: usize = 1024;

/// Where hidden states are, and how many are computed at once. Neither changes a bit of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// Bytes of hidden states that may be in memory; what does not fit is in a file.
    pub states_bytes: u64,
    /// The folder of the temporary file, which has no name and is gone with the process.
    pub scratch_dir: PathBuf,
    /// Rows of sequences that are computed together; a longer sequence is computed alone.
    pub rows_at_once: usize,
}

impl Memory {
    /// At most 512 MiB of hidden states in memory, others in `scratch_dir`.
    pub fn new(scratch_dir: impl Into<PathBuf>) -> Self {
        let scratch_dir = scratch_dir.into();
        Self { states_bytes: 512 << 20, scratch_dir, rows_at_once: ROWS_AT_ONCE }
    }
}
