//! Fine-tuning with low-rank adapters.
