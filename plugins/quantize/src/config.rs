//! Settings of the passes, as a user writes them.
//!
//! What all passes share is in [`Selection`], what those that write codes share in [`Codes`], and
//! what those share that calibrate in [`Data`]; each pass has a struct of its own that flattens them
//! into one object.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

mod values;
mod common;
mod weights;
mod gptq;
mod awq;
mod clip;
mod mixed;
mod rotation;
mod spin;
mod smooth;

pub use awq::AwqConfig;
pub use clip::AutoClipConfig;
pub use common::{Codes, Data, Override, Selection};
pub use gptq::GptqConfig;
pub use mixed::{Algorithm, SelectiveMixedPrecisionConfig};
pub use rotation::{QuaRotConfig, RotateMode};
pub use smooth::{Alpha, SmoothQuantConfig};
pub use spin::{SpinQuantConfig, SpinTrainingArgs};
pub use values::{Bits, CheckpointFormat, GroupSize};
pub use weights::{KQuantConfig, RtnConfig};

/// Settings of a pass that quantizes.
pub trait Quantizer:
    Serialize + DeserializeOwned + JsonSchema + Clone + Send + Sync + 'static
{
    /// Name a config selects the pass by, as in Olive.
    const NAME: &'static str;

    /// One sentence on what the pass does.
    const SUMMARY: &'static str;

    /// Inputs of a group where the settings do not say.
    const GROUP_SIZE: usize = 128;

    /// Which matrices are quantized, on which grids.
    fn selection(&self) -> &Selection;

    /// What is written of them; `None` where weights stay in floats.
    fn codes(&self) -> Option<&Codes>;

    /// What the model reads; `None` of a pass that looks at weights only.
    fn data(&self) -> Option<&Data> {
        None
    }

    /// How codes are found.
    fn method(&self) -> Method<'_>;
}

/// How codes are found.
#[derive(Debug, Clone, Copy)]
pub enum Method<'a> {
    /// Each weight to the nearest step.
    Nearest,
    /// The grid of least weighted error for each group.
    KQuant,
    /// Input by input, those that follow making up for the error.
    Gptq(&'a GptqConfig),
    /// Inputs that count are made wider first.
    Awq(&'a AwqConfig),
    /// Ranges of groups are narrowed; nothing is rounded.
    Clip(&'a AutoClipConfig),
    /// Inputs and weights are made even; nothing is rounded.
    Smooth(&'a SmoothQuantConfig),
}

impl Method<'_> {
    /// Whether settings and model say which grids there are.
    pub(crate) const fn has_grids(self) -> bool {
        match self {
            Self::Nearest | Self::KQuant | Self::Gptq(_) | Self::Awq(_) | Self::Clip(_) => true,
            Self::Smooth(_) => false,
        }
    }
}
