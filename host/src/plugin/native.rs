//! Loading a native plugin. The only file that knows of dynamic libraries; used by workers only.

use std::ffi::{CStr, c_char};
use std::path::Path;

use abi_stable::library::lib_header_from_path;
use libloading::{Library, Symbol};
use olive_plugin_api::abi::{PluginModuleRef, VERSION_SYMBOL};
use olive_plugin_api::version;
use olive_schemas::error::PluginError;
use olive_schemas::protocol::Callee;

use super::packs::unchanged;

/// Loads the library of `plugin`; it stays loaded until the process ends.
///
/// # Errors
/// One sentence when the file is not that of its pack, no library, no plugin, or a plugin of another
/// API version.
pub fn load(plugin: &Callee) -> Result<PluginModuleRef, PluginError> {
    let path = match (unchanged::check(plugin)?, &plugin.packed) {
        (Some(file), Some(packed)) => &file.into_path(packed)?,
        _ => &plugin.path,
    };
    let found = api_version(path)?;
    version::check(&found).map_err(|error| PluginError::from_error("api-version", &error))?;
    let layout_error = |error: &dyn std::fmt::Display| {
        let first_line = error.to_string().lines().next().unwrap_or_default().to_owned();
        let message =
            format!("the library says API {found}, but its functions are laid out otherwise");
        let mut error = PluginError::new("api-layout", message);
        error.causes.push(first_line);
        error.with_help("ask its authors for a build with the published plugin API")
    };
    let header = lib_header_from_path(path).map_err(|error| layout_error(&error))?;
    header.init_root_module::<PluginModuleRef>().map_err(|error| layout_error(&error))
}

/// The API version a library says it was built against, before anything else of it is used.
fn api_version(path: &Path) -> Result<String, PluginError> {
    // SAFETY: opening a library runs its initializers. The user installed this file as a plugin,
    // which is the trust that native code needs, and this process exists for that one plugin.
    #[expect(unsafe_code, reason = "loading native code")]
    let library = unsafe { Library::new(path) }.map_err(|error| {
        let mut refused =
            PluginError::new("not-a-library", "the file is not a dynamic library for this machine");
        refused.causes.push(error.to_string());
        refused
    })?;
    // SAFETY: the symbol is Olive's own and has had this signature since the first API version.
    #[expect(unsafe_code, reason = "loading native code")]
    let symbol: Result<Symbol<'_, extern "C" fn() -> *const c_char>, _> =
        unsafe { library.get(VERSION_SYMBOL.as_bytes()) };
    let version = symbol.map(|function| {
        // SAFETY: the export macro returns a pointer to a static string that ends with NUL, and
        // the library stays loaded below.
        #[expect(unsafe_code, reason = "loading native code")]
        unsafe { CStr::from_ptr(function()) }.to_string_lossy().into_owned()
    });
    let version = version.map_err(|_| {
        let message = format!("the library is not an Olive plugin: it has no `{VERSION_SYMBOL}`");
        PluginError::new("not-a-plugin", message)
    });
    std::mem::forget(library);
    version
}
