//! Bytes that should be a request in OTLP/JSON. The first byte chooses the signal.
#![no_main]

use forebay_fuzz::{check_json, signal_and_form};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((first, json)) = input.split_first() else { return };
    let (signal, _) = signal_and_form(*first);
    check_json(signal, json);
});
