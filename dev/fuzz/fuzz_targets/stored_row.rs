#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzz_entry::stored_row(data);
});
