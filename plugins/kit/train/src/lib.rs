//! Training: optimizers, schedules, the loop, checkpoints.
//!
//! [`train`] fits [`Adapters`](olive_kit_adapters::Adapters) on [`Sequence`]s of tokens, as
//! transformers' `Trainer` does: epochs in a seeded order, micro-batches accumulated into steps,
//! clipped gradients, an [`Optimizer`], a [`Schedule`] of rates, evaluations and checkpoints in
//! between. What computes losses and gradients is an [`Engine`](olive_kit_decoder::Engine). An
//! [`Observer`] hears of every step and may end the training.
//!
//! Several processes train together as ranks of a group ([`train_in`]): each computes on its share
//! of a step, gradients are summed over all, and every one makes the same update.
//!
//! Everything is a function of the settings, the number of threads and that of ranks: same input, same bytes, and
//! a training that was stopped anywhere and resumed ends with the bytes of one that was not.
//! This crate knows no tokenizer, no data set, no tensor library and no config file.
//!
//! In reading order: the loop ([`trainer`]), on what ([`sequence`]), where it stands, then its
//! parts and what it writes.

pub mod trainer;
pub mod settings;
pub mod sequence;
pub mod observer;
pub mod history;
pub mod plan;
mod progress;
mod batches;
mod order;
mod ranks;
mod evaluation;
pub mod schedule;
pub mod plateau;
pub mod optimizer;
pub mod checkpoint;
mod store;
mod tensorboard;
mod error;

pub use checkpoint::{Checkpoints, Resume, WriteAdapter};
pub use error::{SaveError, TrainError};
pub use history::LogEntry;
pub use observer::{Evaluation, Observer, Start, StepReport};
pub use optimizer::{Adafactor, Adagrad, AdamW, Lion, Optimizer, OptimizerSettings, RmsProp, Sgd};
pub use plan::StepPlan;
pub use plateau::{PlateauSettings, ThresholdMode};
pub use schedule::{MinLr, Ramp, Schedule, ScheduleKind};
pub use sequence::{Sequence, TrainingData};
pub use settings::{Duration, EarlyStopping, Interval, Order, Saving, TrainingSettings, Warmup};
pub use store::Outputs;
pub use trainer::{Best, Trained, train, train_in};
