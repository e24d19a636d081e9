//! Adapters: what is trained beside frozen weights, by PEFT's methods, names and files.

mod adapters;
mod parameter;
mod pattern;
pub mod targets;

pub use adapters::{Adapters, Drop, Factor, Layer, Method};
pub use parameter::{Gradients, Parameter, ParameterId};
pub use targets::{Bias, Names, TargetModules, TargetProblem, TargetSpec, Targets};
