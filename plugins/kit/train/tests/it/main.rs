//! The trainer over a small engine of its own, and its parts against what Python computes.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]
#![expect(clippy::cast_possible_truncation, reason = "parameters are f32")]
#![expect(clippy::float_cmp, reason = "the very same numbers are expected")]

mod toy;
mod optimizers;
mod schedules;
mod flow;
mod trainer;
mod resume;
mod kills;
mod failures;
mod ranks;
