#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| capsules_fuzz_tests::import(input));
