//! Servers of the tests: an https server that misbehaves when it is told to, and a real registry.

#[expect(dead_code, reason = "other tests use the rest")]
pub(super) mod https;
