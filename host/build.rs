//! Tells the program the target it is built for, which decides what of a pack it can use.

use std::env;

fn main() {
    let target = env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=OLIVE_TARGET={target}");
    println!("cargo::rerun-if-changed=build.rs");
}
