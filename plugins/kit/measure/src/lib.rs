//! Measurement: metrics over a language model, timing, percentiles.
