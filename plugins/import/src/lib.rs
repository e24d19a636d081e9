//! Importing models from other file formats.
