//! The contract between the Olive host and its plugins.
