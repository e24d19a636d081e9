//! How much a component may use.

use std::time::Duration;

/// How much a component may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Size of a component's file in bytes.
    pub module_bytes: usize,
    /// Size of the largest function body in bytes.
    pub body_bytes: usize,
    /// Functions of a component, adapters between core functions and the contract included.
    pub functions: u32,
    /// Blocks of one function inside each other.
    pub nesting: u32,
    /// Local variables of all functions together.
    pub locals: u64,
    /// Size of the largest custom section in bytes.
    pub custom_bytes: usize,
    /// Core modules and components inside a component.
    pub nested: u32,
    /// Elements of all tables.
    pub table_elements: usize,
    /// Core instances of a component.
    pub instances: usize,
    /// Size of a schema of settings in bytes.
    pub schema_bytes: usize,
    /// Findings of one call that are kept.
    pub findings: usize,
    /// Passes of a component.
    pub passes: usize,
    /// What one call may use, unless it transforms a graph.
    pub call: CallLimits,
    /// What one call that transforms a graph may use.
    pub transform: CallLimits,
}

/// How much one call of a component may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// Wall time.
    pub time: Duration,
    /// Instructions, in wasmtime's units of fuel.
    pub fuel: u64,
    /// Linear memory in bytes.
    pub memory_bytes: usize,
    /// Bytes that may leave the sandbox.
    pub output_bytes: usize,
    /// Bytes of log lines.
    pub log_bytes: usize,
}

impl Default for Limits {
    /// Enough for an interpreter with its library; fuel runs out before time does, so that the same
    /// component gets the same verdict on each machine that is not overloaded.
    fn default() -> Self {
        Self {
            module_bytes: 32 << 20,
            body_bytes: 1 << 20,
            functions: 50_000,
            nesting: 2_000,
            locals: 4_000_000,
            custom_bytes: 4 << 20,
            nested: 128,
            table_elements: 10_000,
            instances: 64,
            schema_bytes: 256 << 10,
            findings: 1000,
            passes: 100,
            call: CallLimits {
                time: Duration::from_millis(500),
                fuel: 100_000_000,
                memory_bytes: 64 << 20,
                output_bytes: 8 << 20,
                log_bytes: 64 << 10,
            },
            // A pass runs once in a run that takes seconds, on graphs of some megabytes of JSON.
            transform: CallLimits {
                time: Duration::from_secs(5),
                fuel: 2_000_000_000,
                memory_bytes: 256 << 20,
                output_bytes: 32 << 20,
                log_bytes: 64 << 10,
            },
        }
    }
}
