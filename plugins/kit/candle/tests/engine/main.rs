//! The engine against transformers and PEFT (`fixtures`), against the engine on the CPU (`oracle`),
//! and its speed (`speed`).
//!
//! Everything runs on candle's CPU device. With `OLIVE_GPU=0` in the environment of a build with the
//! feature `cuda` the same tests run on that GPU.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod fixtures;
mod oracle;
mod speed;

use std::sync::OnceLock;

use olive_kit_candle::{CandleTransformer, Device, gpu};
use olive_kit_checkpoint::{Checkpoint, Dtype};
use olive_kit_testing::fixture;

/// The device that the environment asks for, the same for all tests.
fn device() -> Device {
    static DEVICE: OnceLock<Device> = OnceLock::new();
    let open = || match std::env::var("OLIVE_GPU") {
        Ok(ordinal) => gpu(ordinal.parse().unwrap()).unwrap(),
        Err(_) => Device::Cpu,
    };
    DEVICE.get_or_init(open).clone()
}

fn transformer(model: &str, dtype: Dtype) -> CandleTransformer {
    let checkpoint = Checkpoint::open(fixture(model)).unwrap();
    CandleTransformer::load(&checkpoint, dtype, &device()).unwrap()
}
