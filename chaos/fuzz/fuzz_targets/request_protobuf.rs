//! Bytes that should be a request in protobuf. The first byte chooses the signal, and whether the rest is the request or
//! instructions that write one.
#![no_main]

use forebay_fuzz::{check_protobuf, signal_and_form, written};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = input.split_first() else { return };
    let (signal, is_written) = signal_and_form(*first);
    let body = if is_written { written(rest) } else { rest.to_vec() };
    check_protobuf(signal, &body);
});
