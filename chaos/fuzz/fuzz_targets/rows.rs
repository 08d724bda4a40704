//! Rows that are made into requests again. The first byte chooses the signal, and whether the rest is a request in protobuf, of
//! which rows are made, or rows; of these the second byte chooses JSON lines or CSV.
#![no_main]

use forebay_fuzz::{check_foreign_rows, check_rows_of, signal_and_form, written};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = input.split_first() else { return };
    match signal_and_form(*first) {
        (signal, true) => check_rows_of(signal, &written(rest)),
        (signal, false) => {
            let Some((second, content)) = rest.split_first() else { return };
            check_foreign_rows(signal, second % 2 == 1, content);
        }
    }
});
