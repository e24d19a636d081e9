//! Fine-tuning with low-rank adapters.
//!
//! The pass [`Lora`] packs a data set into blocks of tokens, trains LoRA factors on linear layers
//! of a frozen model, and writes them as an adapter that PEFT loads.
//!
//! From the top: the pass runs, its settings are [`LoraConfig`] and [`TrainingArgs`], what is known
//! beside them and what will surprise stands in their schema, the checks say what cannot work with
//! the model and the data, targets and data are what is trained and on what.

mod pass;
mod config;
mod training_args;
mod known;
mod advice;
mod checks;
mod targets;
mod data;
mod settings;
mod progress;
mod error;

pub use config::{AllLinear, Bias, LoraConfig, TargetModules, TorchDtype};
pub use error::LoraError;
pub use pass::Lora;
pub use training_args::{EvalStrategy, LrSchedulerType, Optimizer, TrainingArgs};

olive_plugin_api::export_plugin! {
    passes: [Lora]
}
