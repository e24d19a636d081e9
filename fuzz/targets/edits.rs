//! libFuzzer on [`olive_fuzz::edits`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| olive_fuzz::edits::read(input));
