//! A library that says it is a plugin of API version 1.0.0.

use std::ffi::c_char;

/// The API version, read before anything else.
// SAFETY: no other symbol of the process has this name; plugins load one a process.
#[expect(unsafe_code, reason = "a library is found by its exported symbols")]
#[unsafe(no_mangle)]
pub extern "C" fn olive_plugin_api_version() -> *const c_char {
    c"1.0.0".as_ptr()
}
