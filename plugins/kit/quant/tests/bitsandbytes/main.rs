//! What bitsandbytes makes of weights and of optimizer states, reproduced.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod dynamic;
mod four_bit;
mod stored;
mod weights;
