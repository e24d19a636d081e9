//! Packs: what a vendor ships, what an index lists, what a project locks.
//!
//! A pack is one archive, `NAME-VERSION.pack`: a tar of plain files, compressed with zstd, whose
//! first member is [`MANIFEST`]. Its signature lies beside it, `NAME-VERSION.pack.minisig`.
//!
//! ```text
//! pack.json                        PackManifest; lists every other member
//! x86_64-unknown-linux-gnu/…       files of one target, in folders of their own
//! any/…                            files of every target
//! schemas/ID.json                  what the plugin ID says about itself
//! docs/…                           README, license, notices
//! ```

mod index;
mod lock;
mod name;
mod recipe;

pub use index::{IndexEntry, PackIndex};
pub use lock::{LockFile, LockedPack, Signer};
pub use name::{NameError, PackName};
pub use recipe::{PackRecipe, RecipePlugin, RecipeProvider};

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::step::Device;

/// Name of the file that a pack is made by, in the folder of a plugin: a [`PackRecipe`].
pub const RECIPE: &str = "olive-pack.json";
/// Name of the first member of every pack.
pub const MANIFEST: &str = "pack.json";
/// Version of the format that [`PackManifest`], [`PackIndex`] and [`LockFile`] have.
pub const FORMAT: u32 = 1;
/// Target of files that fit every machine; also the name of their folder.
pub const ANY_TARGET: &str = "any";

/// The manifest of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackManifest {
    /// Version of this format: 1.
    pub format: u32,
    /// Name, `publisher/name`.
    pub name: PackName,
    /// Version of the pack (semver).
    pub version: String,
    /// Who ships it; the signature names the same.
    pub publisher: Publisher,
    /// License of what is in it, as an SPDX expression.
    pub license: String,
    /// What it is for: one sentence.
    pub description: String,
    /// Page of the pack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Versions of the plugin API that its native plugins fit (a semver range), such as
    /// `>=0.2.0, <1.0.0`.
    pub api: String,
    /// Oldest version of Olive that it needs (semver).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_host: Option<String>,
    /// Packs that cannot be active together with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<PackName>,
    /// Packs whose place it takes: they stop being active when it is installed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<PackName>,
    /// What it provides.
    pub plugins: Vec<PackPlugin>,
    /// Every other member, sorted by path.
    pub files: Vec<PackFile>,
}

/// Who ships packs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Publisher {
    /// Short name, the first part of the names of its packs.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// One plugin of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackPlugin {
    /// Name within the pack; of a plugin that describes itself, the name it gives.
    pub id: String,
    /// What kind of file it is.
    pub kind: PluginKind,
    /// Names of what it provides.
    #[serde(default, skip_serializing_if = "Provides::is_empty")]
    pub provides: Provides,
    /// Member with what the plugin says about itself: a plugin descriptor, of a component a
    /// validator descriptor. Execution providers have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descriptor: Option<String>,
    /// The file to load, by target: a library, a manifest of a process plugin, a component.
    pub entry: BTreeMap<String, String>,
    /// What an execution provider is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_provider: Option<PackProvider>,
}

/// What kind of file a plugin of a pack is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum PluginKind {
    /// A dynamic library with Olive's plugin API.
    Native,
    /// A manifest of a program that speaks the protocol of process plugins.
    Process,
    /// A WebAssembly component, run in the sandbox.
    Wasm,
    /// A library with ONNX Runtime's API of execution providers.
    OrtEp,
}

impl PluginKind {
    /// The name that manifests use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Process => "process",
            Self::Wasm => "wasm",
            Self::OrtEp => "ort-ep",
        }
    }
}

/// Names of what a plugin or a pack provides, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Provides {
    /// Passes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passes: Vec<String>,
    /// Evaluators.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evaluators: Vec<String>,
    /// Generators.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub generators: Vec<String>,
    /// Sources of files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Systems.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub systems: Vec<String>,
    /// Previewers of data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub previewers: Vec<String>,
    /// Packagers of results.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packagers: Vec<String>,
    /// Validators, by id.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validators: Vec<String>,
    /// ONNX Runtime execution providers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub execution_providers: Vec<String>,
}

impl Provides {
    /// Whether it provides nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Each list with what its entries are called.
    pub fn lists(&self) -> [(&'static str, &[String]); 9] {
        [
            ("pass", &self.passes),
            ("evaluator", &self.evaluators),
            ("generator", &self.generators),
            ("source", &self.sources),
            ("system", &self.systems),
            ("previewer", &self.previewers),
            ("packager", &self.packagers),
            ("validator", &self.validators),
            ("execution provider", &self.execution_providers),
        ]
    }

    /// Adds what `other` provides.
    pub fn extend(&mut self, other: &Self) {
        let lists = [
            (&mut self.passes, &other.passes),
            (&mut self.evaluators, &other.evaluators),
            (&mut self.generators, &other.generators),
            (&mut self.sources, &other.sources),
            (&mut self.systems, &other.systems),
            (&mut self.previewers, &other.previewers),
            (&mut self.packagers, &other.packagers),
            (&mut self.validators, &other.validators),
            (&mut self.execution_providers, &other.execution_providers),
        ];
        for (own, others) in lists {
            own.extend(others.iter().cloned());
            own.sort();
            own.dedup();
        }
    }
}

/// An execution provider of ONNX Runtime in a library of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackProvider {
    /// Name that configs use and the library reports, such as `OpenVINOExecutionProvider`.
    pub name: String,
    /// Devices it runs on.
    pub devices: Vec<Device>,
    /// Versions of ONNX Runtime that it fits (a semver range).
    pub onnxruntime: String,
}

/// A member of a pack beside its manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackFile {
    /// Path in the pack: relative, `/` between parts, no part `.` or `..`.
    pub path: String,
    /// SHA-256 of its content, 64 hexadecimal digits in lower case.
    pub sha256: String,
    /// Size of its content in bytes.
    pub size: u64,
    /// Whether it may be run as a program.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
}

impl PackManifest {
    /// Everything the pack provides.
    pub fn provides(&self) -> Provides {
        let mut all = Provides::default();
        self.plugins.iter().for_each(|plugin| all.extend(&plugin.provides));
        all
    }

    /// Targets that some plugin has an entry for, sorted; [`ANY_TARGET`] among them.
    pub fn targets(&self) -> Vec<String> {
        let mut targets: Vec<String> =
            self.plugins.iter().flat_map(|plugin| plugin.entry.keys().cloned()).collect();
        targets.sort();
        targets.dedup();
        targets
    }

    /// The member at `path`.
    pub fn file(&self, path: &str) -> Option<&PackFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Members in the folder of `target`.
    pub fn files_of<'a>(&'a self, target: &'a str) -> impl Iterator<Item = &'a PackFile> {
        let is_below =
            move |path: &str| path.strip_prefix(target).is_some_and(|rest| rest.starts_with('/'));
        self.files.iter().filter(move |file| is_below(&file.path))
    }
}

impl PackPlugin {
    /// The file to load on a machine of `target`, with the target it is listed for.
    pub fn entry_for(&self, target: &str) -> Option<(&str, &str)> {
        let find = |target: &str| self.entry.get_key_value(target);
        let (target, path) = find(target).or_else(|| find(ANY_TARGET))?;
        Some((target, path))
    }
}
