//! Where the library of ONNX Runtime is looked for.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// Variable that holds the path of the library and overrides every other place.
pub const LIBRARY_VARIABLE: &str = "OLIVE_ONNXRUNTIME_LIB";

/// Variable in which a worker tells a plugin where its own library is.
pub const PLUGIN_VARIABLE: &str = "OLIVE_PLUGIN_PATH";

/// Where the library is looked for, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// The very file, if the user names one.
    pub explicit: Option<PathBuf>,
    /// Folder of the plugin's own library; its subfolder `onnxruntime` is looked at too.
    pub plugin_dir: Option<PathBuf>,
    /// Folder of downloaded versions: `<version>/libonnxruntime.so*`.
    pub cache_dir: Option<PathBuf>,
}

impl Places {
    /// The places that the process's environment variables point to.
    pub(crate) fn from_environment() -> Self {
        let path = |name| variable(name).map(PathBuf::from);
        let cache = path("OLIVE_CACHE_HOME")
            .or_else(|| path("XDG_CACHE_HOME").map(|cache| cache.join("olive")))
            .or_else(|| path("HOME").map(|home| home.join(".cache/olive")));
        Self {
            explicit: path(LIBRARY_VARIABLE),
            plugin_dir: path(PLUGIN_VARIABLE).and_then(|file| Some(file.parent()?.to_path_buf())),
            cache_dir: cache.map(|cache| cache.join("onnxruntime")),
        }
    }
}

fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}
