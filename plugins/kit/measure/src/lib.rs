//! Measurement: one set of metrics for every way of running a language model.
//!
//! A plugin wraps what it runs in [`LanguageModel`] and calls [`evaluate()`]; base, tuned, merged and
//! quantized models are then compared by the same code. In reading order: what a model is here
//! ([`model`]), greedy generation ([`mod@generate`]) and [`likelihood`]; what a figure is
//! ([`uncertainty`]) and what is kept of rows ([`records`]); the metrics of quality
//! ([`mod@exact_match`], [`mod@perplexity`], [`classification`], [`multiple_choice`],
//! [`comparison`]) and those of cost ([`timing`] with [`statistic`] and
//! [`confidence`], [`memory`], [`size`]); and how an evaluator config picks them ([`evaluate()`]).

pub mod model;
pub mod generate;
pub mod likelihood;
pub mod uncertainty;
pub mod records;
pub mod ground;
pub mod exact_match;
pub mod perplexity;
pub mod classification;
pub mod multiple_choice;
pub mod comparison;
pub mod timing;
pub mod memory;
pub mod statistic;
pub mod confidence;
pub mod size;
pub mod data;
pub mod progress;
mod accuracy;
pub mod evaluate;
pub mod error;
mod stream;
#[cfg(test)]
mod toy;

pub use error::{MeasureError, ModelError};
pub use evaluate::{Subject, Surroundings, evaluate};
pub use generate::{Generated, GenerationLimits, generate};
pub use model::{LanguageModel, Logits, Positions};
pub use progress::{Observer, Progress, tell};
pub use uncertainty::Figure;
