//! Types of the ONNX schema, generated from `proto/onnx.proto`; see `proto/README.md`.

pub use generated::*;

#[allow(
    missing_docs,
    clippy::pedantic,
    reason = "generated; the schema file holds the documentation"
)]
#[rustfmt::skip]
mod generated;
