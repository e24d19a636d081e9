//! Training: adapters, optimizer, schedules, the loop.
//!
//! [`train`] fits [`LoraParameters`] on [`Sequence`]s of tokens, as transformers' `Trainer` does:
//! epochs in a seeded order, micro-batches accumulated into steps, clipped gradients, AdamW, a
//! [`Schedule`] of rates, and an evaluation loss in between. An [`Observer`] hears of every step
//! and may end the training.
//!
//! Everything is a function of the settings and the number of threads: same input, same bytes.
//! This crate knows no tokenizer, no data set and no config file.
//!
//! In reading order: the loop ([`trainer`]), what it trains ([`parameters`]) and on what
//! ([`sequence`]), then its parts.

pub mod trainer;
pub mod settings;
pub mod parameters;
pub mod sequence;
pub mod plan;
mod order;
mod random;
pub mod schedule;
pub mod adamw;
pub mod clip;
mod evaluation;
mod error;

pub use adamw::{AdamW, AdamWSettings};
pub use error::TrainError;
pub use parameters::{LoraParameters, LoraSettings};
pub use plan::StepPlan;
pub use schedule::{Schedule, ScheduleKind};
pub use sequence::Sequence;
pub use settings::{Duration, Evaluation, TrainingSettings, Warmup};
pub use trainer::{Observer, StepReport, TrainingData, train};
