//! Evaluation and generation for checkpoints.
