//! libFuzzer on [`olive_fuzz::events`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| olive_fuzz::events::read(input));
