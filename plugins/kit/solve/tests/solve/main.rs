//! Quantizers against independent computations in f64, and what must hold of any matrix.

#![expect(clippy::float_cmp, reason = "what is exact is compared as such")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod degenerate;
mod gptq;
mod made;
mod properties;
mod quantizers;
mod rotations;
mod smoothing;
mod speed;
