//! Fine-tuning with adapters on a frozen model.
//!
//! The passes `LoRA`, `DoRA`, `QLoRA`, `LoftQ`, `LoHa` and `LoKr` pack a data set into blocks of
//! tokens, train an adapter on linear layers of a frozen model, and write it as PEFT does. They are
//! one [`Tune`], which differs only in the settings of its [`AdapterPass`]: what is trained, and
//! whether on weights as they are stored or in 4 bits.
//!
//! From the top: the pass runs; its settings are in `config` and [`TrainingArgs`], what is known
//! beside them and what will surprise stands in their schema, the checks say what cannot work with
//! the model and the data; then what is trained, on what, in how much memory, and what is said
//! about it.

mod pass;
mod training;
mod config;
mod arguments;
mod known;
mod advice;
mod checks;
mod adapter;
mod base;
mod loftq;
mod data;
mod engine;
mod folder;
mod settings;
mod memory;
mod arithmetic;
mod usage;
mod progress;
mod ranks;
mod error;

pub use arguments::{
    BestMetric, Curve, DdpBackend, EvalStrategy, LoggingStrategy, LrSchedulerType, Optim,
    OptimArgs, OptimArgsError, ReportTo, Reporter, Resume, SamplingStrategy, SaveStrategy,
    SchedulerKwargs, ThresholdMode, TrainingArgs,
};
pub use config::{
    AdapterPass, Base, Bias, Common, DoraConfig, InitLokrWeights, InitLoraWeights, Layers,
    LoftqConfig, LohaConfig, LokrConfig, LoraConfig, LowRank, Lycoris, LycorisInit, Method,
    NamedInit, Names, QloraConfig, QuantType, TorchDtype,
};
pub use error::LoraError;
pub use memory::Memory;
pub use pass::{Dora, Loftq, Loha, Lokr, Lora, Qlora, Tune};

olive_plugin_api::export_plugin! {
    passes: [Lora, Dora, Qlora, Loftq, Loha, Lokr]
}
