//! Quantizing checkpoints.
//!
//! The passes `Rtn` and `KQuant` make codes of weights alone; `Gptq` and `Awq` of weights and of what
//! the layers are given when the model reads calibration data; `AutoClip` narrows weights and leaves
//! them in floats, and `SmoothQuant` evens out inputs and weights for 8 bits of both. They are one
//! [`Quantize`], which differs only in the settings of its [`Quantizer`]. Before them stand
//! [`QuaRot`], which rotates weights, [`SpinQuant`], which learns how, and
//! [`SelectiveMixedPrecision`], which chooses their grids.
//!
//! From the top: the pass runs; its settings are in `config`, what is known beside them stands in
//! their schema, the checks say what cannot work with the model and the data; then which matrices are
//! quantized on which grid, in which layout they are written, what the methods do at each site of a
//! layer, and what is said about it.

mod pass;
mod rotate;
mod spin;
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
    Algorithm, Alpha, AutoClipConfig, AwqConfig, Bits, CheckpointFormat, Codes, Data, GptqConfig,
    GroupSize, KQuantConfig, Method, Override, QuaRotConfig, Quantizer, RotateMode, RtnConfig,
    Selection, SelectiveMixedPrecisionConfig, SmoothQuantConfig, SpinQuantConfig, SpinTrainingArgs,
};
pub use error::QuantizeError;
pub use pass::{AutoClip, Awq, Gptq, KQuant, Quantize, Rtn, SmoothQuant};
pub use rotate::QuaRot;
pub use select::SelectiveMixedPrecision;
pub use spin::SpinQuant;

olive_plugin_api::export_plugin! {
    passes: [
        Rtn, KQuant, Gptq, Awq, AutoClip, SmoothQuant, QuaRot, SpinQuant, SelectiveMixedPrecision,
    ]
}
