//! libFuzzer on [`olive_fuzz::safetensors`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| olive_fuzz::safetensors::read(input));
