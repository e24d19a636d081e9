//! What `olive compile-component` does, for tests of this crate: compiles the component on standard
//! input. Arguments: the limits, megabytes of memory and seconds of processor time.

use std::process::ExitCode;

use olive_sandbox::{ProcessLimits, compile_for_parent};

fn main() -> ExitCode {
    let mut limits = ProcessLimits::default();
    let mut args = std::env::args().skip(1).filter_map(|arg| arg.parse::<u64>().ok());
    if let (Some(megabytes), Some(seconds)) = (args.next(), args.next()) {
        limits = ProcessLimits { memory_bytes: megabytes << 20, cpu_seconds: seconds };
    }
    compile_for_parent(&limits)
}
