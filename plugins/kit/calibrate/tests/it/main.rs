//! Walks through the tiny fixtures, against decoders computed by their definition.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod inputs;
mod replaced;
mod refused;
mod sensitivity;
mod recorder;
mod by_definition;
