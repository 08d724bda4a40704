use super::*;

/// What `write` writes.
fn written(write: impl Fn(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn doubles_are_numbers_that_stay_doubles_or_the_three_strings() {
    for (value, expected) in [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (-2.5, "-2.5"),
        (5e-324, "5e-324"),
        (f64::NAN, "\"NaN\""),
        (-f64::NAN, "\"NaN\""),
        (f64::INFINITY, "\"Infinity\""),
        (f64::NEG_INFINITY, "\"-Infinity\""),
    ] {
        assert_eq!(written(|out| double(value, out)), expected);
    }
    for value in [1e15, 1e16, 1e21, f64::MAX, 9_007_199_254_740_993.0] {
        let text = written(|out| double(value, out));
        assert!(text.contains(['.', 'e']), "{text}");
        assert_eq!(text.parse(), Ok(value));
    }
}

#[test]
fn integers_are_written_to_the_ends_of_their_ranges() {
    for value in [0, 1, 9, 10, 99, 100, u64::MAX] {
        assert_eq!(written(|out| unsigned(value, out)), value.to_string());
    }
    for value in [0, -1, i64::MIN, i64::MAX] {
        assert_eq!(written(|out| signed(value, out)), value.to_string());
    }
    for (bits, value) in [(0, 0), (1, -1), (2, 1), (u32::MAX, i32::MIN), (u32::MAX - 1, i32::MAX)] {
        assert_eq!(zigzag(bits), value);
    }
}

#[test]
fn text_is_escaped_wherever_the_special_byte_lies() {
    for byte in 0..128_u8 {
        for before in 0..40 {
            let text = format!("{}{}after", "é".repeat(before / 2), char::from(byte));
            let json = written(|out| string(text.as_bytes(), out));
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text, "{json}");
        }
    }
    assert_eq!(written(|out| string(b"a\"\\\n\x01\x7f", out)), "\"a\\\"\\\\\\n\\u0001\x7f\"");
    assert_eq!(written(|out| string("\u{2028}".as_bytes(), out)), "\"\u{2028}\"");
}

#[test]
fn text_that_is_not_utf_8_is_replaced_as_the_standard_library_does() {
    for text in [&b"\xff"[..], b"a\xffb\"\xe2\x82", b"\xed\xa0\x80", b"\xf0\x9f\x98"] {
        let json = written(|out| string(text, out));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), String::from_utf8_lossy(text));
    }
}

#[test]
fn bytes_of_any_length_are_base64_in_one_piece() {
    for length in [0, 1, 2, 3, 766, 767, 768, 769, 5000] {
        let bytes = (0..=250).cycle().take(length).collect::<Vec<u8>>();
        assert_eq!(written(|out| base64(&bytes, out)), format!("\"{}\"", STANDARD.encode(&bytes)));
    }
}
