//! Packs: made, signed, installed, listed, used, removed.

mod author;
mod install;
mod keys;
mod maker;
mod providers;
mod servers;
