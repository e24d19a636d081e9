//! Packs of plugins: what a vendor ships and a user installs.
//!
//! ```text
//! files ─archive::write→ archive ─signature::sign→ signature          (author)
//! archive ─trust::judge→ Signer ─store.stage→ Staged ─change::plan→ Change ─store.commit→ Generation   (user)
//! store ─installed::load→ usable and broken packs                     (every start of the program)
//! ```
//!
//! Nothing here uses a network or runs what a pack holds. [`home`] says where everything is kept.

pub mod archive;
pub mod change;
mod data;
mod durable;
pub mod error;
pub mod home;
pub mod index;
pub mod installed;
pub mod lock;
pub mod manifest;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod shelf;
pub mod signature;
pub mod source;
pub mod store;
pub mod trust;

pub use error::PackError;
