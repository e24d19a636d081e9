//! `olive compile-component`: machine code of a component, made by a process that may be killed.

use std::process::ExitCode;

use olive_sandbox::{ProcessLimits, compile_for_parent};

/// Reads a component from standard input and writes its machine code to standard output.
pub(super) fn run() -> ExitCode {
    compile_for_parent(&ProcessLimits::default())
}
