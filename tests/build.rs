//! Tells tests the target they are built for, which is that of the program.

use std::env;

fn main() {
    let target = env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=OLIVE_TARGET={target}");
    println!("cargo::rerun-if-changed=build.rs");
}
