//! Which packs are usable.
