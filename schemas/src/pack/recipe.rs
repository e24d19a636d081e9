//! The recipe of a pack: what its author writes beside a plugin.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PackName, PluginKind, Publisher};
use crate::step::Device;

/// `olive-pack.json`, in the folder of a plugin: what `olive plugin pack` makes a pack of.
///
/// Paths start at the folder of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackRecipe {
    /// Where this form is described, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Name of the pack, `publisher/name`.
    pub name: PackName,
    /// Version of the pack (semver); that of its plugins when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Who ships it; the id is the first part of the name.
    pub publisher: Publisher,
    /// License of everything in it, as an SPDX expression such as `MIT OR Apache-2.0`.
    #[schemars(
        regex(pattern = r"^[A-Za-z0-9(][A-Za-z0-9.+:() -]*$"),
        extend("patternErrorMessage" = "an SPDX expression such as `MIT OR Apache-2.0`")
    )]
    pub license: String,
    /// What it is for: one sentence.
    #[schemars(
        regex(pattern = r"^\S[^\n\r]*$"),
        extend("patternErrorMessage" = "a sentence in one line")
    )]
    pub description: String,
    /// Page of the pack.
    #[schemars(
        regex(pattern = r"^https?://\S+$"),
        extend("patternErrorMessage" = "an address such as `https://example.com/prune`")
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Versions of the plugin API that its native plugins fit (a semver range); when left out, every
    /// one from that they are built against up to the next major version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// Oldest version of Olive that it needs (semver).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_host: Option<String>,
    /// Packs that cannot be active together with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<PackName>,
    /// Packs whose place it takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<PackName>,
    /// Folder with what is packed; when left out, `dist` if it is there, else the folder of this
    /// file, of which only the plugins and what belongs to them are packed.
    ///
    /// Folders in it that are called by a target triple, or `any`, hold what is for that target;
    /// libraries beside them are for the machine that packs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dist: Option<String>,
    /// Files for people; when left out, those called `README`, `LICENSE`, `NOTICE` or `COPYING`,
    /// with any ending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docs: Option<Vec<String>>,
    /// The plugins, where they cannot be told by their files' names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugins: Option<Vec<RecipePlugin>>,
    /// Libraries with ONNX Runtime's API of execution providers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub execution_providers: Vec<RecipeProvider>,
    /// Execution providers that are inside a build of ONNX Runtime which a plugin brings along, by
    /// the plugin's name, such as `{"acme-runtime": ["CUDAExecutionProvider"]}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub built_in_providers: BTreeMap<String, Vec<String>>,
}

/// A plugin of a recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecipePlugin {
    /// What kind of file it is: `native`, `process` or `wasm`.
    pub kind: PluginKind,
    /// The file to load, by target (a target triple or `any`): its path in the folder of the target.
    #[schemars(extend("minProperties" = 1))]
    pub entry: BTreeMap<String, String>,
}

/// An execution provider of a recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecipeProvider {
    /// Name that configs use and the library reports, such as `OpenVINOExecutionProvider`.
    #[schemars(
        regex(pattern = "^[A-Za-z][A-Za-z0-9_]*$"),
        extend("patternErrorMessage" = "a name of letters, digits and `_`")
    )]
    pub name: String,
    /// Devices it runs on.
    #[schemars(length(min = 1))]
    pub devices: Vec<Device>,
    /// Versions of ONNX Runtime that it fits (a semver range).
    pub onnxruntime: String,
    /// The library, by target triple: its path in the folder of the target.
    #[schemars(extend("minProperties" = 1))]
    pub entry: BTreeMap<String, String>,
}
