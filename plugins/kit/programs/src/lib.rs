//! What systems need to run steps through other programs.
//!
//! - [`ask`]: a program is asked for something within a time limit, and ended with all that it has
//!   started when it does not answer.
//! - [`shell`]: words and names of variables as a shell takes them.
//! - [`job`]: the files of a job, written whole and read piece by piece.

pub mod ask;
pub mod shell;
pub mod job;
