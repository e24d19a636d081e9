//! libFuzzer on [`olive_fuzz::onnx`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| olive_fuzz::onnx::read(input));
