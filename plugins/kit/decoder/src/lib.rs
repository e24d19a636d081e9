//! Decoder models in candle: fused operations with their backward, forward pass, generation.
