//! Folding adapters into their base model.
