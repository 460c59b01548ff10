#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| capsules_fuzz_tests::uri(input));
