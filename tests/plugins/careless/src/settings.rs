//! Settings: some as they should be, some not.

use olive_plugin_api::{Advice, PluginError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings as they should be.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(example = Settings { note: "hello".into() })]
pub struct Settings {
    /// What is written into the model.
    pub note: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { note: "nothing".into() }
    }
}

/// Settings that are not described.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "that is what is wrong with it")]
pub struct UndescribedSettings {
    pub note: String,
    /// What is written into the model, told in a first sentence that goes on and on until nobody
    /// remembers how it began.
    pub longwinded: String,
}

/// Settings whose description is not true.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend(
    "x-olive-advice" = [Advice::new("no-effect", "/nowhere", "nothing is there")],
    "x-olive-magic" = true,
    "examples" = [{"share": "much"}]
))]
pub struct MisdescribedSettings {
    /// A share from 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0), extend("default" = 1.5))]
    pub share: f64,
}

impl Default for MisdescribedSettings {
    fn default() -> Self {
        Self { share: 0.5 }
    }
}

/// Settings with a mark that is read of passes alone.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(example = ScatteringSettings { note: "hello".into() })]
pub struct ScatteringSettings {
    /// What is counted along.
    #[schemars(extend("x-olive-renamed-from" = ["remark"]))]
    pub note: String,
}

/// An error of the system as one of the plugin.
#[expect(clippy::needless_pass_by_value, reason = "used as a function of an error")]
pub(crate) fn io(error: std::io::Error) -> PluginError {
    PluginError::from_error("io", &error)
}
