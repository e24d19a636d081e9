//! The `olive` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    olive::commands::main()
}
