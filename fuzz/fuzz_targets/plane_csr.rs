#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| certrotate::fuzz::plane_csr(data));
