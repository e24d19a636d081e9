//! Checkpoints: what a model folder holds, read through memory maps and written by streaming.
//!
//! [`Checkpoint::open`] reads `config.json` into a [`Decoder`] and maps the safetensors files;
//! nothing is copied until a [`Tensor`] is asked for its values. [`SafetensorsWriter`] writes one
//! tensor at a time. This crate knows no tensor library and computes nothing but conversions.

pub mod decoder;
pub mod rope;

pub use decoder::{Activation, Decoder, Family, Linear, LinearRole};
