//! Reading, checking and refusing checkpoints.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod fixtures;
mod families;
mod published;
mod quantized;
mod packed;
mod packed_writer;
