//! The footprint: what ran, what it made and what it measured.
