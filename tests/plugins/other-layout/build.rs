//! Lets the types of this crate pass for those of the contract's package, which abi_stable compares
//! by the names of their packages.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=CARGO_PKG_NAME=olive-plugin-api");
    println!("cargo::rustc-env=CARGO_PKG_VERSION=0.1.0");
}
