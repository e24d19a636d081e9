//! Why an ONNX model could not be run.

use std::io;
use std::path::PathBuf;

use olive_kit_measure::MeasureError;
use olive_kit_text::TextError;
use olive_plugin_api::PluginError;
use thiserror::Error;

use crate::places::{LIBRARY_VARIABLE, Places};

/// Why an ONNX model could not be run.
#[derive(Debug, Error)]
pub enum OnnxError {
    /// The library the user names does not exist.
    #[error("no ONNX Runtime library at `{}`, which {LIBRARY_VARIABLE} names", path.display())]
    NoLibraryAt {
        /// The path.
        path: PathBuf,
    },
    /// There is no library in any place.
    #[error("no ONNX Runtime library: {}", describe(places))]
    NoLibrary {
        /// Where it was looked for.
        places: Places,
    },
    /// The library is older than this plugin needs.
    #[error(
        "the ONNX Runtime library `{}` is version {found}; 1.{needed} or newer is needed",
        path.display()
    )]
    OldLibrary {
        /// The library.
        path: PathBuf,
        /// Its version.
        found: String,
        /// The least minor version.
        needed: u32,
    },
    /// The library is another one.
    #[error("`{}` is not an ONNX Runtime library", path.display())]
    NotOnnxRuntime {
        /// The library.
        path: PathBuf,
    },
    /// The library cannot be loaded.
    #[error("cannot load the ONNX Runtime library `{}`", path.display())]
    Unloadable {
        /// The library.
        path: PathBuf,
        /// What the system says.
        source: ort::LoadDynamicError,
    },
    /// An execution provider that is neither in the runtime nor in an installed pack.
    #[error(
        "no installed pack has the execution provider `{name}`, and the ONNX Runtime library has \
         only {}",
        available.join(", ")
    )]
    NoProvider {
        /// Its name.
        name: String,
        /// Providers of the runtime.
        available: Vec<String>,
    },
    /// An execution provider's library that the runtime does not take.
    #[error("cannot use `{}` as the library of `{name}`", path.display())]
    ProviderLibrary {
        /// Name of the provider.
        name: String,
        /// The library.
        path: PathBuf,
        /// What the runtime says.
        source: ort::Error,
    },
    /// An execution provider that finds no device of the wanted kind.
    #[error(
        "`{name}` finds no device of kind {device} on this machine; there are: {}",
        devices.join(", ")
    )]
    NoDevice {
        /// Name of the provider.
        name: String,
        /// The kind.
        device: &'static str,
        /// The devices there are, for people.
        devices: Vec<String>,
    },
    /// An execution provider that fails.
    #[error("`{name}` cannot be used")]
    Provider {
        /// Name of the provider.
        name: String,
        /// What the runtime says.
        source: ort::Error,
    },
    /// An execution provider that computes nothing of a graph.
    #[error("`{name}` computes no node of the graph `{}`", path.display())]
    NothingAssigned {
        /// Name of the provider.
        name: String,
        /// The graph.
        path: PathBuf,
    },
    /// Inference settings that contradict themselves.
    #[error("the inference settings cannot be kept: {problem}")]
    Settings {
        /// What is wrong.
        problem: String,
    },
    /// Session options that the runtime does not take.
    #[error("ONNX Runtime refuses the session options")]
    Options {
        /// What the runtime says.
        source: ort::Error,
    },
    /// A file of the model that is missing or cannot be read.
    #[error("cannot read `{}` of the ONNX model", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A `genai_config.json` that does not say what is needed.
    #[error("`{}` is no generation config of a decoder model", path.display())]
    GenaiConfig {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// A graph that ONNX Runtime refuses.
    #[error("cannot load the graph `{}`", path.display())]
    Graph {
        /// The file.
        path: PathBuf,
        /// What ONNX Runtime says.
        source: ort::Error,
    },
    /// A graph file that is no ONNX graph.
    #[error(transparent)]
    File(#[from] olive_kit_onnx::OnnxError),
    /// A graph whose inputs or outputs are not those of a decoder with a key-value cache.
    #[error("the graph `{}` {problem}", path.display())]
    Signature {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// ONNX Runtime failed.
    #[error("ONNX Runtime failed")]
    Runtime(#[from] ort::Error),
    /// A tokenizer that is missing or cannot be read.
    #[error(transparent)]
    Tokenizer(#[from] TextError),
    /// A measurement that could not be made.
    #[error(transparent)]
    Measure(#[from] MeasureError),
}

impl OnnxError {
    /// Stable name of the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoLibraryAt { .. }
            | Self::NoLibrary { .. }
            | Self::OldLibrary { .. }
            | Self::NotOnnxRuntime { .. }
            | Self::Unloadable { .. } => "onnxruntime-library",
            Self::NoProvider { .. }
            | Self::ProviderLibrary { .. }
            | Self::NoDevice { .. }
            | Self::Provider { .. }
            | Self::NothingAssigned { .. } => "execution-provider",
            Self::Settings { .. } | Self::Options { .. } => "inference-settings",
            Self::Unreadable { .. } => "io",
            Self::GenaiConfig { .. } => "genai-config",
            Self::Graph { .. } | Self::Signature { .. } | Self::File(_) => "onnx-graph",
            Self::Runtime(_) => "onnxruntime",
            Self::Tokenizer(_) => "tokenizer",
            Self::Measure(error) => error.code(),
        }
    }

    /// What to try.
    fn help(&self) -> Option<String> {
        match self {
            Self::NoLibrary { .. } | Self::OldLibrary { .. } | Self::NotOnnxRuntime { .. } => {
                Some(format!(
                    "run `cargo xtask fetch onnxruntime`, or set {LIBRARY_VARIABLE} to the library"
                ))
            }
            Self::NoLibraryAt { .. } => Some(format!(
                "set {LIBRARY_VARIABLE} to an existing library, or unset it to look elsewhere"
            )),
            Self::NoProvider { name, .. } => Some(format!(
                "install the pack that has it{}: `olive plugin search {name}`",
                pack_of(name).map(|pack| format!(", such as `{pack}`")).unwrap_or_default()
            )),
            Self::NoDevice { .. } | Self::NothingAssigned { .. } => Some(
                "choose another entry of `accelerators` for the system the workflow measures on"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

impl From<OnnxError> for PluginError {
    fn from(error: OnnxError) -> Self {
        match error {
            OnnxError::Measure(MeasureError::Model(source)) => match source.downcast::<OnnxError>()
            {
                Ok(error) => (*error).into(),
                Err(source) => MeasureError::Model(source).into(),
            },
            OnnxError::Measure(error) => error.into(),
            OnnxError::File(olive_kit_onnx::OnnxError::Stopped) => Self::cancelled(),
            error => {
                let plain = Self::from_error(error.code(), &error);
                error.help().map_or(plain.clone(), |help| plain.with_help(help))
            }
        }
    }
}

/// The pack of this plugin that has the execution provider called `name`.
fn pack_of(name: &str) -> Option<&'static str> {
    match name {
        "CUDAExecutionProvider" | "TensorrtExecutionProvider" => Some("gpu"),
        "DmlExecutionProvider" => Some("directml"),
        _ => None,
    }
}

fn describe(places: &Places) -> String {
    let folder = |folder: &Option<PathBuf>, unknown: &str| match folder {
        Some(folder) => format!("`{}`", folder.display()),
        None => unknown.to_owned(),
    };
    format!(
        "{LIBRARY_VARIABLE} is not set, none lies beside the plugin ({}), none is downloaded ({})",
        folder(&places.plugin_dir, "folder unknown"),
        folder(&places.cache_dir, "no cache folder"),
    )
}
