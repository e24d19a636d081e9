//! Machine code of a component.

use std::fmt;

/// Machine code of a component, ready to be [loaded](crate::Sandbox::load).
///
/// Whoever loads machine code runs it outside every sandbox. So there is no way to make one from
/// bytes at hand: it comes from [`compile`](crate::compile()), from [`compile_in_child`](crate::compile_in_child), or
/// from a [`Cache`](crate::Cache) that has proved that this user wrote it.
pub struct MachineCode {
    bytes: Vec<u8>,
    /// Where the code starts; a kept entry has its proof before it.
    start: usize,
}

impl MachineCode {
    /// The code in `bytes` from `start` on, of which the caller knows that a compiler made it.
    pub(crate) fn trusted(bytes: Vec<u8>, start: usize) -> Self {
        Self { bytes, start }
    }

    /// The code, to be written where [`compile_in_child`](crate::compile_in_child) reads.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

impl fmt::Debug for MachineCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "MachineCode({} bytes)", self.as_bytes().len())
    }
}
