//! The engine that components run in.

use crate::compile::MachineCode;
use crate::component::Component;
use crate::failure::Failure;
use crate::limits::Limits;

/// An engine for components, with the limits of their calls.
#[derive(Debug)]
pub struct Sandbox {}

impl Sandbox {
    /// An engine whose calls run with `limits`.
    ///
    /// # Errors
    /// When this machine cannot run WebAssembly.
    pub fn new(limits: Limits) -> Result<Self, Failure> {
        let _ = limits;
        Ok(Self {})
    }

    /// The component whose machine code is `code`.
    ///
    /// # Errors
    /// When the code is of another engine, or the component does not fit the contract.
    pub fn load(&self, code: &MachineCode) -> Result<Component, Failure> {
        let _ = code;
        Err(Failure::Compile("not written yet".into()))
    }
}
