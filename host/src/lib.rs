//! Takes a model from checkpoint, data and config file to a deployable model.
