//! Packs: made, signed, installed, listed, used, removed.

mod maker;
mod servers;
