//! Tests against a real ONNX Runtime library; where none is found, they say so and pass.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod parity;
mod steps;
mod quality;
mod settings;
mod tuning;
mod errors;
mod optimizer;

use std::io::{self, Write};
use std::sync::Once;

use olive_plugin_onnxruntime::library::environment;

/// Whether there is an ONNX Runtime library; says once when there is not.
fn has_library() -> bool {
    static SAID: Once = Once::new();
    let found = environment();
    if let Err(error) = &found {
        // Not by `eprintln!`: the harness hides what passing tests print.
        SAID.call_once(|| {
            io::stderr().write_all(format!("skipped: {error}\n").as_bytes()).unwrap();
        });
    }
    found.is_ok()
}
