//! Packs from servers: one that misbehaves when it is told to, and a real registry.

#[expect(dead_code, reason = "the tests of transfers use the rest")]
pub(crate) mod https;
pub(crate) mod registry;
mod downloads;
mod registries;
