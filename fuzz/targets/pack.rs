//! libFuzzer on [`olive_fuzz::pack`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| olive_fuzz::pack::read(input));
