//! Quantizing checkpoints.
//!
//! The passes `Rtn` and `KQuant` make codes of weights alone; `Gptq` and `Awq` of weights and of what
//! the layers are given when the model reads calibration data; `AutoClip` narrows weights and leaves
//! them in floats. They are one [`Quantize`], which differs only in the settings of its
//! [`Quantizer`]. Before them stand [`QuaRot`], which rotates weights, and
//! [`SelectiveMixedPrecision`], which chooses their grids.
//!
//! From the top: the pass runs; its settings are in `config`, what is known beside them stands in
//! their schema, the checks say what cannot work with the model and the data; then which matrices are
//! quantized on which grid, in which layout they are written, what the methods do at each site of a
//! layer, and what is said about it.

mod pass;
mod rotate;
mod select;
mod source;
mod threads;
mod config;
mod known;
mod mixed;
mod offers;
mod checks;
mod targets;
mod pattern;
mod layout;
mod calibration;
mod walk;
mod memory;
mod methods;
mod output;
mod made;
mod report;
mod error;

pub use config::{
    Algorithm, AutoClipConfig, AwqConfig, Bits, CheckpointFormat, Codes, Data, GptqConfig,
    GroupSize, KQuantConfig, Method, Override, QuaRotConfig, Quantizer, RotateMode, RtnConfig,
    Selection, SelectiveMixedPrecisionConfig,
};
pub use error::QuantizeError;
pub use pass::{AutoClip, Awq, Gptq, KQuant, Quantize, Rtn};
pub use rotate::QuaRot;
pub use select::SelectiveMixedPrecision;

olive_plugin_api::export_plugin! {
    passes: [Rtn, KQuant, Gptq, Awq, AutoClip, QuaRot, SelectiveMixedPrecision]
}
