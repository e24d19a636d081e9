//! Components against the sandbox: honest ones, old ones, and hostile ones.

mod guest;
mod answers;
mod adversarial;
mod compile_bombs;
mod frozen;
mod growth;
mod price;
