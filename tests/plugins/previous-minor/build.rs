//! Lets the types of this crate pass for those of the package of the contract: their names are
//! compared when a plugin is loaded.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=CARGO_PKG_NAME=olive-plugin-api");
    println!("cargo::rustc-env=CARGO_PKG_VERSION=0.1.0");
}
