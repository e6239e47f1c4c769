#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| regfsck::fuzzed::redis_value(bytes));
