//! Packs: made, signed, installed, listed, used, removed.

mod author;
mod catalog;
mod indexes;
mod hardening;
mod install;
mod keys;
#[cfg(unix)]
mod kills;
mod maker;
mod providers;
mod servers;
mod store;
mod trust;
