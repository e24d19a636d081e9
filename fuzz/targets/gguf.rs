//! libFuzzer on [`olive_fuzz::gguf`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| olive_fuzz::gguf::read(input));
