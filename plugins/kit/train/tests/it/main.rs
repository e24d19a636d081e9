//! The trainer over a small engine of its own, and its parts against what Python computes.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod toy;
mod optimizers;
mod schedules;
mod flow;
mod resume;
mod failures;
