//! Packs: made, signed, installed, listed, used, removed.

mod author;
mod catalog;
mod indexes;
mod hardening;
mod install;
mod keys;
#[cfg(unix)]
mod kills;
pub(crate) mod maker;
mod providers;
pub(crate) mod servers;
mod store;
mod trust;
