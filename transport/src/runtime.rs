//! The runtime that a call lives in.
