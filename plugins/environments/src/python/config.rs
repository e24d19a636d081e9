//! Settings of a Python environment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of the `PythonEnvironment` system.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PythonEnvironmentConfig {
    /// Folder of the environment, or the one in it that holds `python`.
    ///
    /// Process plugins whose command is `python3` or `python` run with that one, and find the
    /// programs beside it first. Native plugins run as they do without it.
    // Of what is an `input`, a digest is made, which a place to run is no part of.
    #[schemars(extend("x-olive-path" = "output"))]
    pub python_environment_path: PathBuf,
    /// Variables of the worker, besides those of this program.
    #[serde(default)]
    #[schemars(extend("propertyNames" = {
        "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
        "patternErrorMessage": "a name of letters, digits and `_`, such as `HF_HUB_OFFLINE`"
    }))]
    pub environment_variables: BTreeMap<String, String>,
    /// Folders that programs are looked for in, after the environment's and before all others.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "x-olive-path": "output"}))]
    pub prepend_to_path: Vec<PathBuf>,
    /// Modules that process plugins import, such as `torch`; a probe tries each.
    #[serde(default)]
    #[schemars(extend("items" = {
        "type": "string",
        "pattern": r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$",
        "patternErrorMessage": "the name of a module, such as `torch` or `onnx.helper`"
    }))]
    pub required_modules: Vec<String>,
}
