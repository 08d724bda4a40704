//! Documents to the letter. `tests/otlp` compares random ones with what others read.

use super::*;
use crate::otlp::validate;

/// A field of text, bytes or a message.
fn payload(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

/// The document of a request that holds one message three levels down: a log record, a metric or a span.
fn document(signal: Signal, item: &[u8]) -> String {
    let body = payload(1, &payload(2, &payload(2, item)));
    validate(signal, &body).unwrap();
    let mut out = Vec::new();
    write_json(signal, &body, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// A log record as it stands in its document.
fn record(record: &[u8]) -> String {
    let document = document(Signal::Logs, record);
    let inside = document.strip_prefix(r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":["#).unwrap();
    inside.strip_suffix("]}]}]}").unwrap().to_owned()
}

/// The value that is the body of a log record.
fn value(value: &[u8]) -> String {
    let record = record(&payload(5, value));
    record.strip_prefix(r#"{"body":"#).unwrap().strip_suffix('}').unwrap().to_owned()
}

#[test]
fn an_empty_request_that_is_but_a_list_is_a_document_with_an_empty_array() {
    for signal in Signal::ALL {
        let mut out = Vec::new();
        write_json(signal, &[], &mut out).unwrap();
        // A request of profiles is more than a list.
        let expected = match schema::request(signal).fields {
            [list] => format!("{{\"{}\":[]}}", list.json_name),
            _ => "{}".to_owned(),
        };
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn ids_are_in_hex_and_empty_ones_are_left_out() {
    assert_eq!(record(&payload(9, &[0x0f, 0xf0])), r#"{"traceId":"0ff0"}"#);
    assert_eq!(record(&[payload(9, &[]), payload(12, b"x")].concat()), r#"{"eventName":"x"}"#);
    let both = [payload(9, &[1]), payload(12, b"x"), payload(9, &[])].concat();
    assert_eq!(record(&both), r#"{"eventName":"x"}"#, "the last one counts, and it is empty");
}

#[test]
fn every_byte_has_its_two_digits_at_every_place() {
    let bytes: Vec<u8> = (0..=u8::MAX).collect();
    for (start, end) in (0..12).flat_map(|start| (start..12).map(move |less| (start, 256 - less))) {
        let mut out = Vec::new();
        scalar::hex_digits(&bytes[start..end], &mut out);
        let expected: Vec<_> = bytes[start..end].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(String::from_utf8(out).unwrap(), expected.concat());
    }
}

#[test]
fn integers_of_64_bits_are_strings_and_of_32_bits_numbers() {
    assert_eq!(record(&[0x09, 1, 0, 0, 0, 0, 0, 0, 0x80]), r#"{"timeUnixNano":"9223372036854775809"}"#);
    assert_eq!(record(&[0x45, 0, 0, 0, 0x80]), r#"{"flags":2147483648}"#);
    assert_eq!(record(&[0x10, 9]), r#"{"severityNumber":9}"#);
    let minus_one = [0x18, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
    assert_eq!(value(&minus_one), r#"{"intValue":"-1"}"#);
}

#[test]
fn what_is_on_the_wire_is_written_even_if_it_is_the_default() {
    assert_eq!(record(&[0x10, 0, 0x1a, 0]), r#"{"severityNumber":0,"severityText":""}"#);
    assert_eq!(value(&[0x0a, 0]), r#"{"stringValue":""}"#);
    assert_eq!(value(&[0x10, 0]), r#"{"boolValue":false}"#);
    assert_eq!(value(&[0x3a, 0]), r#"{"bytesValue":""}"#);
    assert_eq!(value(&[]), "{}");
}

#[test]
fn lists_are_written_even_if_they_are_empty() {
    assert_eq!(value(&[0x2a, 0]), r#"{"arrayValue":{"values":[]}}"#);
    assert_eq!(value(&[0x32, 0, 0x32, 0]), r#"{"kvlistValue":{"values":[]}}"#);
    assert_eq!(value(&[0x2a, 2, 0x0a, 0]), r#"{"arrayValue":{"values":[{}]}}"#);
}

#[test]
fn fields_that_are_not_known_are_left_out() {
    let unknown = [0xf8, 0x01, 5];
    let with_unknown =
        [&unknown[..], &payload(6, &payload(1, b"a")), &unknown, &payload(6, &payload(1, b"b")), &unknown]
            .concat();
    assert_eq!(record(&with_unknown), r#"{"attributes":[{"key":"a"},{"key":"b"}]}"#);
}

#[test]
fn repeated_fields_with_others_between_them_become_one_array() {
    let a = payload(6, &payload(1, b"a"));
    let b = payload(6, &payload(1, b"b"));
    let apart = [&a[..], &payload(12, b"x"), &b].concat();
    assert_eq!(record(&apart), r#"{"attributes":[{"key":"a"},{"key":"b"}],"eventName":"x"}"#);
}

#[test]
fn of_a_scalar_the_last_counts_and_messages_are_merged() {
    assert_eq!(record(&[0x10, 9, 0x10, 5]), r#"{"severityNumber":5}"#);
    let key = payload(6, &[payload(1, b"k"), payload(2, &[]), payload(2, &payload(1, b"v"))].concat());
    assert_eq!(record(&key), r#"{"attributes":[{"key":"k","value":{"stringValue":"v"}}]}"#);
}

#[test]
fn of_a_oneof_the_last_member_counts_and_begins_anew() {
    assert_eq!(value(&[&payload(1, b"s")[..], &[0x10, 1]].concat()), r#"{"boolValue":true}"#);
    let array = |text: &[u8]| payload(5, &payload(1, &payload(1, text)));
    let merged = [array(b"a"), array(b"b")].concat();
    assert_eq!(value(&merged), r#"{"arrayValue":{"values":[{"stringValue":"a"},{"stringValue":"b"}]}}"#);
    let anew = [&array(b"a")[..], &[0x10, 1], &array(b"b")].concat();
    assert_eq!(value(&anew), r#"{"arrayValue":{"values":[{"stringValue":"b"}]}}"#);
}

#[test]
fn packed_numbers_are_read_whole_in_pieces_and_unpacked() {
    let one = [0x11, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f];
    for (bounds, expected) in [
        (vec![0x3a, 8, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f], "[1.0]"),
        (vec![0x3a, 0], "[]"),
        (vec![0x3a, 0, 0x39, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f], "[1.0]"),
        (vec![0x39, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x3a, 8, 0, 0, 0, 0, 0, 0, 0, 0x40], "[1.0,2.0]"),
        ([&[0x3a, 0], &one[..], &[0x39, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x3a, 0]].concat(), "[1.0]"),
    ] {
        let document = document(Signal::Metrics, &payload(9, &payload(1, &bounds)));
        assert!(document.contains(&format!(r#""explicitBounds":{expected}"#)), "{document}");
    }
}

#[test]
fn an_error_leaves_the_output_as_it_was() {
    let mut out = b"before".to_vec();
    let mut first = true;
    let body = [payload(1, &[]), payload(1, &[0x0a, 9])].concat();
    assert!(write_json(Signal::Logs, &body, &mut out).is_err());
    assert!(write_json_resources(Signal::Logs, &body, &mut first, &mut out).is_err());
    assert_eq!((out.as_slice(), first), (&b"before"[..], true));
}

/// The document that the engine that takes everything writes; none if the request is invalid.
fn written_with_care(signal: Signal, body: &[u8]) -> Option<String> {
    let mut out = Vec::new();
    message(schema::request(signal), &[Reader::new(body)], 1, &mut out).ok()?;
    Some(String::from_utf8(out).unwrap())
}

/// The document that [`straight`] writes; none if the request is unusual for it.
fn written_straight(signal: Signal, body: &[u8]) -> Option<String> {
    let mut out = Vec::new();
    Straight::new(body, 0, &mut out).message(schema::request(signal), body.len(), 1).ok()?;
    Some(String::from_utf8(out).unwrap())
}

/// A request with numbers of every kind, one and packed, and with what is seldom: escapes, no ASCII, empty lists, long text.
fn request_with_everything() -> Vec<u8> {
    let long = "all of it is plain text, but longer than any that is copied at once";
    let attribute = |value: &[u8]| payload(7, &[payload(1, b"key"), payload(2, value)].concat());
    let attributes = [
        attribute(&payload(1, "\u{e9}\n\"".as_bytes())),
        attribute(&payload(1, long.as_bytes())),
        attribute(&payload(7, &[0xff, 0])),
        attribute(&[0x10, 1]),
        attribute(&[0x18, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
        attribute(&[0x21, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]),
        attribute(&payload(5, &[payload(1, &[]), payload(1, &payload(1, b"x"))].concat())),
        attribute(&[0x2a, 0]),
    ];
    let times = [0x11, 1, 0, 0, 0, 0, 0, 0, 0, 0x31, 1, 0, 0, 0, 0, 0, 0, 0x80];
    let number = [&attributes.concat()[..], &times].concat();
    let packed_and_not = [0x32, 8, 9, 0, 0, 0, 0, 0, 0, 0, 0x32, 0, 0x31, 1, 2, 3, 4, 5, 6, 7, 8];
    let exemplar = payload(8, &[payload(4, &[0xab; 8]), payload(5, &[0xcd; 16])].concat());
    let histogram = [&packed_and_not[..], &exemplar, &[0x50, 7]].concat();
    let buckets = [0x08, 3, 0x12, 3, 1, 2, 3, 0x10, 4];
    let exponential = [&[0x30, 9][..], &payload(8, &buckets)].concat();
    let metrics = [(7, number), (9, histogram), (10, exponential)].map(|(data, point)| {
        let data = long_payload(data, &long_payload(1, &point));
        long_payload(2, &[payload(1, b"name"), data].concat())
    });
    let request = |scope: &[u8]| long_payload(1, &long_payload(2, scope));
    [request(&metrics.concat()), request(&payload(2, &[]))].concat()
}

/// A field of at most 16,383 bytes.
fn long_payload(number: u8, bytes: &[u8]) -> Vec<u8> {
    let (low, high) = (bytes.len() & 0x7f | 0x80, bytes.len() >> 7);
    [&[number << 3 | 2, u8::try_from(low).unwrap(), u8::try_from(high).unwrap()], bytes].concat()
}

#[test]
fn what_is_written_straight_is_what_the_other_engine_writes() {
    let body = request_with_everything();
    assert!(written_straight(Signal::Metrics, &body).is_some());
    let mut straight = 0;
    let mut check = |body: &[u8]| {
        if let Some(document) = written_straight(Signal::Metrics, body) {
            assert_eq!(Some(document), written_with_care(Signal::Metrics, body), "{body:?}");
            straight += 1;
        }
    };
    for place in 0..body.len() {
        check(&body[..place]);
        let mut changed = body.clone();
        for byte in 0..=255 {
            changed[place] = byte;
            check(&changed);
        }
    }
    assert!(straight > 10_000, "{straight} were written");
}

#[test]
fn what_clients_send_is_written_straight() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/claude-code");
    let mut requests = 0;
    for run in ["agent.grpc", "chat.grpc", "tools.grpc", "unicode.grpc", "hello.http-protobuf"] {
        for file in std::fs::read_dir(folder.join(run)).unwrap().map(|file| file.unwrap().path()) {
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            let Some(signal) = Signal::ALL.into_iter().find(|signal| name.contains(signal.name())) else {
                continue;
            };
            if file.extension() != Some("pb".as_ref()) {
                continue;
            }
            let body = std::fs::read(&file).unwrap();
            let written = written_straight(signal, &body);
            assert!(written.is_some() && written == written_with_care(signal, &body), "{}", file.display());
            requests += 1;
        }
    }
    assert!(requests > 20, "{requests} requests");
}
