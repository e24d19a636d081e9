//! Components against the sandbox: honest ones, old ones, and hostile ones.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]
#![expect(clippy::print_stdout, reason = "tables of figures are for `--nocapture`")]

mod guest;
mod answers;
mod adversarial;
mod compile_bombs;
mod frozen;
mod growth;
mod price;
