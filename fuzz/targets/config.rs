//! libFuzzer on [`olive_fuzz::config`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| olive_fuzz::config::read(input));
