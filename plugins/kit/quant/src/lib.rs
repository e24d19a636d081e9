//! Weight quantization: grids, rounding and packed layouts.
