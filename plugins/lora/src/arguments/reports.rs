//! Where figures are reported to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::known;

/// Where figures are reported to: one place, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ReportTo {
    /// One place.
    One(Reporter),
    /// Several.
    Several(Vec<Reporter>),
}

/// A place that figures are reported to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(extend("x-olive-unavailable-values" = known::unavailable_reporters()))]
pub enum Reporter {
    /// Nowhere else.
    None,
    /// Event files of `TensorBoard` in the folder `runs` of the output model.
    Tensorboard,
    /// Every place there is: `TensorBoard`.
    All,
}

impl ReportTo {
    /// Whether event files of `TensorBoard` are asked for.
    pub(crate) fn has_tensorboard(&self) -> bool {
        let places = match self {
            Self::One(place) => std::slice::from_ref(place),
            Self::Several(places) => places,
        };
        places.iter().any(|place| matches!(place, Reporter::Tensorboard | Reporter::All))
    }
}
