//! Settings of the pass `SpinQuant`.

use olive_kit_solve::{Grid, SpinOptions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bits, Data, GroupSize, QuaRotConfig, RotateMode};
use crate::known;

/// Inputs of a group where the settings do not say.
const GROUP_SIZE: usize = 128;

/// Settings of the `SpinQuant` pass: learn the rotation that makes rounded weights err least.
///
/// As `QuaRot` does, the residual stream and the values of heads are rotated and all is folded into
/// the weights. The rotation of the stream then learns from calibration data: the error in the
/// outputs of linear layers whose weights are rounded to the grid that is said here falls, so say
/// what the quantizer after it will do. Olive's pass learns it for rounded activations.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend(
    "x-olive-ignored" = known::of_spin(),
    "x-olive-unavailable" = known::unavailable_in_spin(),
    "x-olive-adapter" = "refuses"
))]
pub struct SpinQuantConfig {
    /// Seed of the first rotations, and of the draw of samples.
    pub seed: u64,
    /// Kind of the first rotations: `hadamard`, or `random` for any orthogonal matrix.
    ///
    /// Those of values stay as they are drawn; that of the stream is learned from there.
    pub rotate_mode: RotateMode,
    /// Bits of a weight after this pass.
    pub bits: Bits,
    /// Neighboring weights of a row that will share a scale; -1 is a whole row, `null` is 128.
    pub group_size: Option<GroupSize>,
    /// Whether zero will be in the middle of the grid.
    pub sym: bool,
    /// Whether the layer that makes logits will be quantized too.
    pub lm_head: bool,
    /// Name of the data config to calibrate on: best what the model was tuned on.
    ///
    /// Its `max_seq_len` is the length of a sample in tokens. Nothing is downloaded in its place.
    #[schemars(extend("x-olive-reference" = "data_config"))]
    pub data_config: Option<String>,
    /// Samples to calibrate on at most, drawn from those of the data config; `null` is 128.
    #[schemars(range(min = 1))]
    pub nsamples: Option<usize>,
    /// How long and how fast is learned; `null` leaves all at their defaults.
    pub training_args: Option<SpinTrainingArgs>,
}

/// How long and how fast is learned, by the names of transformers' `TrainingArguments`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-olive-ignored" = known::left_out_of_spin()))]
pub struct SpinTrainingArgs {
    /// Steps that are tried at most, each on all calibration data.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_steps: usize,
    /// Angle in radians by which the first step turns; more than 1 is 1.
    ///
    /// A step that does not lower the error is taken back and halves the angle, and one that does
    /// makes it a quarter larger.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub learning_rate: f64,
}

impl Default for SpinTrainingArgs {
    fn default() -> Self {
        Self { max_steps: 20, learning_rate: 0.25 }
    }
}

impl SpinQuantConfig {
    /// The rotations to start from.
    pub(crate) fn start(&self) -> QuaRotConfig {
        QuaRotConfig { seed: self.seed, rotate_mode: self.rotate_mode }
    }

    /// What weights will be rounded to.
    pub(crate) fn grid(&self) -> Grid {
        let group_size = self.group_size.map_or(Some(GROUP_SIZE), GroupSize::inputs);
        Grid { bits: self.bits.count(), group_size, is_symmetric: self.sym }
    }

    /// What the model reads.
    pub(crate) fn data(&self) -> Data {
        let Self { data_config, nsamples, seed, .. } = self.clone();
        Data { data_config, nsamples, seed }
    }

    /// How long and how fast is learned.
    pub(crate) fn training_args(&self) -> SpinTrainingArgs {
        self.training_args.unwrap_or_default()
    }

    /// The same for what learns.
    pub(crate) fn options(&self) -> SpinOptions {
        let SpinTrainingArgs { max_steps, learning_rate } = self.training_args();
        SpinOptions { max_steps, angle: learning_rate }
    }
}
