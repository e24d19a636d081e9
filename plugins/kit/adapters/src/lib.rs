//! Adapters: what is trained beside frozen weights, by PEFT's methods, names and files.
//!
//! - [`AdapterConfig`] says what an adapter is; [`AdapterConfig::resolve`] finds the layers it is
//!   for in a decoder, and [`Adapters::new`] makes one with first values.
//! - [`Adapters`] holds all trained tensors; [`Adapters::write`] and [`Adapters::open`] speak PEFT's
//!   files.
//! - [`AdapterFolder`] reads such files layer by layer, and [`Adapters::adapt_rows`] computes rows of
//!   adapted weights, for merging in little memory.

mod adapters;
mod config;
mod error;
mod folder;
mod layout;
mod parameter;
mod pattern;
mod quantized_base;
pub mod random;
mod rows;
mod start;
pub mod targets;

pub use adapters::{Adapters, Drop, Factor, Layer, Method};
pub use config::{
    AdapterConfig, LohaConfig, LokrConfig, LokrStart, LoraConfig, LoraStart, MethodConfig,
};
pub use error::AdapterError;
pub use folder::{AdapterFolder, Factors, PREFIX, WEIGHTS};
pub use parameter::{Gradients, Parameter, ParameterId};
pub use quantized_base::QuantizedBase;
pub use rows::BLOCK_ROWS;
pub use start::checkpoint_rows;
pub use targets::{Bias, Names, TargetModules, TargetProblem, TargetSpec, Targets};
