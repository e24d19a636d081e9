//! Adapters: what is trained beside frozen weights, by PEFT's methods, names and files.

mod adapters;
mod parameter;

pub use adapters::{Adapters, Drop, Factor, Layer, Method};
pub use parameter::{Gradients, Parameter, ParameterId};
