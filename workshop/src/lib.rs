//! What plugin authors use: a new plugin from a template, a component from its sources.
//!
//! The host's `olive plugin new` and `olive plugin build` and the repository's `cargo xtask wasm`
//! are thin commands over this crate. In reading order: [`toolchain`] finds a way to compile Rust
//! for WebAssembly, [`component`] makes a component of a module, [`build`] builds a plugin folder,
//! [`new`] writes one, with the contract's sources of [`sdk`].

mod command;
pub mod toolchain;
pub mod component;
pub mod build;
pub mod sdk;
pub mod new;

use std::path::Path;

/// What a build uses that is not the plugin's.
#[derive(Clone, Copy)]
pub struct BuildContext<'a> {
    /// Folder for what is fetched once and used by every build.
    pub cache: &'a Path,
    /// Tells people what goes on, in lines of a few words.
    pub say: &'a dyn Fn(&str),
}
