//! Documents as clients write them, and as they should not. `tests/otlp` compares random ones with what others read.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::HistogramDataPoint;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message as _;

use super::*;

/// A log record in a document.
fn document(record: &str) -> String {
    format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{record}]}}]}}]}}"#)
}

/// Reads a log record.
fn record(record: &str) -> LogRecord {
    let body = read_json(Signal::Logs, document(record).as_bytes(), 1 << 20)
        .unwrap_or_else(|error| panic!("{record}: {error}"));
    let request = ExportLogsServiceRequest::decode(&*body).unwrap();
    request.resource_logs[0].scope_logs[0].log_records[0].clone()
}

/// Reads a value.
fn value(value: &str) -> Option<Value> {
    record(&format!(r#"{{"body":{value}}}"#)).body.unwrap().value
}

/// Why a log record is refused.
fn refusal(record: &str) -> String {
    match read_json(Signal::Logs, document(record).as_bytes(), 1 << 20) {
        Ok(_) => panic!("{record} was read"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn keys_may_be_written_as_in_the_proto_files() {
    let expected = LogRecord { observed_time_unix_nano: 7, ..LogRecord::default() };
    assert_eq!(record(r#"{"observedTimeUnixNano":"7"}"#), expected);
    assert_eq!(record(r#"{"observed_time_unix_nano":"7"}"#), expected);
}

#[test]
fn integers_may_be_strings_or_numbers_with_or_without_an_exponent() {
    for written in ["\"1000\"", "1000", "1e3", "1000.0", "\"1e3\"", "1000e0"] {
        let read = record(&format!(r#"{{"timeUnixNano":{written},"flags":{written}}}"#));
        assert_eq!((read.time_unix_nano, read.flags), (1000, 1000), "{written}");
        assert_eq!(value(&format!(r#"{{"intValue":{written}}}"#)), Some(Value::IntValue(1000)));
        assert_eq!(value(&format!(r#"{{"doubleValue":{written}}}"#)), Some(Value::DoubleValue(1000.0)));
    }
    for (written, expected) in [("\"-9223372036854775808\"", i64::MIN), ("9223372036854775807", i64::MAX)] {
        assert_eq!(value(&format!(r#"{{"intValue":{written}}}"#)), Some(Value::IntValue(expected)));
    }
    assert_eq!(record(r#"{"timeUnixNano":18446744073709551615}"#).time_unix_nano, u64::MAX);
}

#[test]
fn doubles_may_be_numbers_or_strings() {
    for (written, expected) in [
        ("1.5", 1.5),
        ("\"1.5\"", 1.5),
        ("\"Infinity\"", f64::INFINITY),
        ("\"-Infinity\"", f64::NEG_INFINITY),
        ("18446744073709551615", 18_446_744_073_709_551_615.0),
        ("0.1", 0.1),
        ("2.2250738585072011e-308", 2.225_073_858_507_201e-308),
    ] {
        assert_eq!(value(&format!(r#"{{"doubleValue":{written}}}"#)), Some(Value::DoubleValue(expected)));
    }
    for negative_zero in ["-0.0", "\"-0\"", "-0"] {
        let Some(Value::DoubleValue(read)) = value(&format!(r#"{{"doubleValue":{negative_zero}}}"#)) else {
            panic!("no double");
        };
        assert_eq!(read.to_bits(), (-0.0_f64).to_bits(), "{negative_zero}");
    }
    let Some(Value::DoubleValue(nan)) = value(r#"{"doubleValue":"NaN"}"#) else { panic!("no double") };
    assert!(nan.is_nan());
}

#[test]
fn enums_may_be_numbers_or_names() {
    for written in ["9", "\"SEVERITY_NUMBER_INFO\"", "\"9\""] {
        assert_eq!(record(&format!(r#"{{"severityNumber":{written}}}"#)).severity_number, 9);
    }
    assert_eq!(record(r#"{"severityNumber":-77}"#).severity_number, -77, "numbers without a name are kept");
}

#[test]
fn ids_are_hex_in_any_case_and_other_bytes_base64_of_either_alphabet() {
    assert_eq!(record(r#"{"traceId":"0aF0"}"#).trace_id, [0x0a, 0xf0]);
    assert_eq!(record(r#"{"traceId":""}"#).trace_id, b"");
    for written in ["++//", "--__"] {
        let read = value(&format!(r#"{{"bytesValue":"{written}"}}"#));
        assert_eq!(read, Some(Value::BytesValue(vec![0xfb, 0xef, 0xff])));
    }
    for written in ["AQ==", "AQ", "AR"] {
        assert_eq!(value(&format!(r#"{{"bytesValue":"{written}"}}"#)), Some(Value::BytesValue(vec![1])));
    }
}

#[test]
fn null_is_absent_and_fields_that_are_not_known_are_ignored() {
    let nulls = r#"{"timeUnixNano":null,"severityNumber":null,"severityText":null,"body":null,"attributes":null,
        "flags":null,"traceId":null,"unknown":{"deep":[1,{"a":null}]},"\ud800":1}"#;
    assert_eq!(record(nulls), LogRecord::default());
    assert_eq!(value(r#"{"stringValue":null,"intValue":"1"}"#), Some(Value::IntValue(1)));
    assert_eq!(record(r#"{"attributes":[null,{"key":"a"}]}"#).attributes.len(), 2);
}

#[test]
fn of_a_key_given_twice_the_last_counts() {
    assert_eq!(record(r#"{"flags":1,"flags":2}"#).flags, 2);
    assert_eq!(record(r#"{"flags":1,"flags":0}"#).flags, 0);
    assert_eq!(record(r#"{"severityText":"a","severity_text":""}"#).severity_text, "");
}

#[test]
fn text_that_is_cut_within_a_character_is_read_with_a_replacement() {
    for (written, expected) in [
        (r"cut \ud83d", "cut \u{fffd}"),
        (r"\ude00 cut", "\u{fffd} cut"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}\u{1f600}"),
        (r"\ud83d\ud83d", "\u{fffd}\u{fffd}"),
        (r"\ud83d\ude00", "\u{1f600}"),
    ] {
        assert_eq!(record(&format!(r#"{{"eventName":"{written}"}}"#)).event_name, expected, "{written}");
    }
    let mut json = document(r#"{"eventName":"?"}"#).into_bytes();
    let place = json.iter().position(|byte| *byte == b'?').unwrap();
    json[place] = 0xff;
    let body = read_json(Signal::Logs, &json, 1 << 20).unwrap();
    assert!(String::from_utf8(body).unwrap().contains('\u{fffd}'));
}

#[test]
fn a_byte_order_mark_is_passed_over_and_an_empty_object_is_an_empty_request() {
    for empty in ["{}", " {} \n", "\u{feff}{}", r#"{"resourceLogs":[]}"#, r#"{"resourceLogs":null}"#] {
        assert_eq!(read_json(Signal::Logs, empty.as_bytes(), 0).unwrap(), b"", "{empty}");
    }
}

#[test]
fn what_is_written_is_as_short_as_prost_writes_it() {
    let long = "x".repeat(200);
    let point = format!(
        r#"{{"startTimeUnixNano":"0","count":"3","sum":0,"bucketCounts":["1",2,"0"],"explicitBounds":[],
        "attributes":[{{"key":"{long}","value":{{"stringValue":""}}}}],"flags":0,"min":0.0}}"#
    );
    let json = format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"histogram":{{"dataPoints":[{point}]}}}}]}}]}}]}}"#
    );
    let body = read_json(Signal::Metrics, json.as_bytes(), 1 << 20).unwrap();
    let request = ExportMetricsServiceRequest::decode(&*body).unwrap();
    assert_eq!(request.encoded_len(), body.len());
    let Some(Data::Histogram(histogram)) = &request.resource_metrics[0].scope_metrics[0].metrics[0].data
    else {
        panic!("no histogram");
    };
    let HistogramDataPoint { sum, bucket_counts, min, max, .. } = &histogram.data_points[0];
    assert_eq!((*sum, bucket_counts.as_slice(), *min, *max), (Some(0.0), &[1, 2, 0][..], Some(0.0), None));
}

#[test]
fn a_refusal_says_where_and_what() {
    for (record, expected) in [
        (r#"{"flags":-1}"#, "-1 is out of range, expected an unsigned integer of 32 bits"),
        (r#"{"flags":1.5}"#, "floating point `1.5`, expected an unsigned integer of 32 bits"),
        (r#"{"flags":"x"}"#, "string \"x\", expected an unsigned integer of 32 bits"),
        (r#"{"traceId":"abc"}"#, "expected an id in hex, two digits a byte"),
        (r#"{"traceId":"W0jE0pZ0Qk2fJzEwMTIzNA=="}"#, "expected an id in hex, two digits a byte"),
        (r#"{"severityNumber":"INFO"}"#, "or by name, like SEVERITY_NUMBER_UNSPECIFIED"),
        (r#"{"severityText":7}"#, "integer `7`, expected a string"),
        (r#"{"body":"text"}"#, "expected an object (a message AnyValue)"),
        (r#"{"attributes":{}}"#, "map, expected an array"),
        (r#"{"traceId":true}"#, "boolean `true`, expected an id in hex"),
        (r#"{"timeUnixNano":"18446744073709551616"}"#, "18446744073709551616 is out of range"),
    ] {
        let refusal = refusal(record);
        let field = &record[2..record[2..].find('"').unwrap() + 2];
        let place = format!("resourceLogs[0].scopeLogs[0].logRecords[0].{field}: ");
        assert!(refusal.starts_with(&place), "{refusal}");
        assert!(refusal.contains(expected), "{refusal}");
        assert!(refusal.contains(" at line 1 column "), "{refusal}");
    }
}

#[test]
fn what_is_no_document_is_refused() {
    for (json, expected) in [
        ("", "the body is empty; an export without any items is written {}"),
        (" \n", "the body is empty"),
        ("\u{feff}", "the body is empty"),
        ("[]", "expected an object (a message ExportLogsServiceRequest)"),
        ("null", "expected an object (a message ExportLogsServiceRequest)"),
        ("{} {}", "trailing characters at line 1 column 4"),
        ("{\"resourceLogs\":[", "EOF while parsing a list"),
        ("not json", "expected ident at line 1"),
    ] {
        let error = read_json(Signal::Logs, json.as_bytes(), 1 << 20).unwrap_err().to_string();
        assert!(error.contains(expected), "{json}: {error}");
    }
}

#[test]
fn items_that_cannot_be_read_are_passed_over_and_everything_else_is_read() {
    let good = |name: &str| format!(r#"{{"eventName":"{name}","attributes":[{{"key":"k"}}]}}"#);
    let bad = [
        r#"{"eventName":"bad","traceId":"abc"}"#,
        r#"{"attributes":[{"key":"k","value":{"intValue":{}}}],"eventName":"bad"}"#,
        r"7",
        r#"[{"eventName":"bad"}]"#,
        r#"{"body":{"arrayValue":{"values":[{"boolValue":"yes"}]}}}"#,
    ];
    let records = |records: &[String]| {
        let scope = r#""scope":{"name":"s"},"schemaUrl":"after""#;
        format!(
            r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}],{scope}}}]}},{{"schemaUrl":"last"}}]}}"#,
            records.join(",")
        )
    };
    let mut mixed = vec![good("first")];
    for bad in bad {
        mixed.extend([bad.to_owned(), good("between")]);
    }
    let left: Vec<_> = mixed.iter().filter(|record| !bad.contains(&record.as_str())).cloned().collect();
    let json = records(&mixed);
    assert!(read_json(Signal::Logs, json.as_bytes(), 1 << 20).is_err());
    let expected = Salvaged {
        body: read_json(Signal::Logs, records(&left).as_bytes(), 1 << 20).unwrap(),
        items: 6,
        rejected: 5,
    };
    assert_eq!(salvage_json(Signal::Logs, json.as_bytes(), 1 << 20).unwrap(), expected);

    // Text that is not UTF-8 elsewhere is no reason to give up.
    let mut broken_text = json.clone().into_bytes();
    let place = json.find("between").unwrap();
    broken_text[place] = 0xff;
    let salvaged = salvage_json(Signal::Logs, &broken_text, 1 << 20).unwrap();
    assert_eq!((salvaged.items, salvaged.rejected), (6, 5));

    let limit_bytes = expected.body.len() - 1;
    let too_large = salvage_json(Signal::Logs, json.as_bytes(), limit_bytes);
    assert!(
        matches!(too_large, Err(InvalidJson::TooLarge { .. })),
        "a limit is not kept by leaving items out"
    );
}

#[test]
fn an_item_whose_values_nest_too_deep_is_passed_over() {
    let deep =
        format!(r#"{{"body":{}{{}}{}}}"#, r#"{"arrayValue":{"values":["#.repeat(200), "]}}".repeat(200));
    let json = document(&format!(r#"{deep},{{"flags":7}},{{"flags":-1}}"#));
    let salvaged = salvage_json(Signal::Logs, json.as_bytes(), 1 << 20).unwrap();
    assert_eq!((salvaged.items, salvaged.rejected), (1, 2));
    let request = ExportLogsServiceRequest::decode(&*salvaged.body).unwrap();
    assert_eq!(request.resource_logs[0].scope_logs[0].log_records[0].flags, 7);
}

#[test]
fn a_fault_outside_of_items_is_not_passed_over() {
    for json in [
        r#"{"resourceLogs":[{"schemaUrl":7,"scopeLogs":[{"logRecords":[{}]}]}]}"#.to_owned(),
        document(r#"{"flags":7},{"flags":"#),
        document(r#"{"flags":7},{"flags":01}"#),
        document(r#"{"flags":7}"#) + "}",
    ] {
        assert!(salvage_json(Signal::Logs, json.as_bytes(), 1 << 20).is_err(), "{json}");
    }
}

/// What the engine that takes everything makes of a document; none if it refuses it.
fn read_with_care(signal: Signal, json: &[u8], limit_bytes: usize) -> Option<Vec<u8>> {
    let mut output = Output::new(limit_bytes, 0);
    read(signal, json, &mut output).ok()?;
    Some(output.into_bytes())
}

/// Values of every type as clients write them, and some that are not.
const EVERYTHING: &str = r#"{"resourceMetrics":[{"resource":{"attributes":[
    {"key":"text","value":{"stringValue":"a \\ \"b\" \u00e9\ud83d\ude00\n, longer than a word"}},
    {"key":"é","value":{"intValue":"-12"}},{"key":"","value":{"intValue":7}},{"value":{"boolValue":true},"key":"k"},
    {"key":"d","value":{"doubleValue":-0.5e1}},{"key":"a","value":{"arrayValue":{"values":[{"stringValue":""},{}]}}}]},
    "scopeMetrics":[{"scope":{"name":"s","version":""},"metrics":[
    {"name":"m","unit":"1","sum":{"aggregationTemporality":2,"isMonotonic":false,"dataPoints":[
        {"timeUnixNano":"1787392800001185919","startTimeUnixNano":0,"asDouble":1,"flags":4294967295},
        {"timeUnixNano":"9999999999999999999","asInt":"-9223372036854775808",
         "exemplars":[{"spanId":"aBcDeF0123456789","traceId":"","filteredAttributes":[]}]}]}},
    {"histogram":{"dataPoints":[{"count":"2","sum":0.0,"bucketCounts":["1",2,"0"],"explicitBounds":[0.1,-2,3e5],
        "min":-0,"attributes":[]}]}},
    {"exponentialHistogram":{"dataPoints":[{"scale":-3,"zeroCount":1,"positive":{"offset":-1,"bucketCounts":[]}}]}}
    ]}]}]}"#;

#[test]
fn what_is_read_straight_is_what_the_other_engine_reads() {
    let request = schema::request(Signal::Metrics);
    let body = straight::read(request, EVERYTHING.as_bytes(), 1 << 20);
    assert!(body.is_ok_and(|body| body.len() > 300));
    let mut straight = 0;
    let mut check = |json: &[u8], limit_bytes: usize| {
        if let Ok(body) = straight::read(request, json, limit_bytes) {
            let expected = read_with_care(Signal::Metrics, json, limit_bytes);
            assert!(Some(body) == expected, "{}", String::from_utf8_lossy(json));
            straight += 1;
        }
    };
    let json = EVERYTHING.as_bytes();
    for place in 0..json.len() {
        check(&json[..place], 1 << 20);
        check(json, place);
        check(&[&json[..place], &json[place + 1..]].concat(), 1 << 20);
        let mut changed = json.to_vec();
        for byte in [&b"\"\\{}[],:-+.0189eEtfnu/x \n\t\x01\x1f\x7f"[..], &[0x80, 0xc3, 0xed, 0xff]].concat() {
            changed[place] = byte;
            check(&changed, 1 << 20);
            check(&[&json[..place], &[byte], &json[place..]].concat(), 1 << 20);
        }
    }
    assert!(straight > 5_000, "{straight} were read");
}

#[test]
fn numbers_are_read_straight_to_the_ends_of_their_ranges_and_no_further() {
    for number in [
        "0",
        "-0",
        "00",
        "01",
        "-",
        "-1",
        "1",
        "9",
        "127",
        "128",
        "1.0",
        "1e3",
        "1E-2",
        "1.",
        ".5",
        "1e",
        "+1",
        "2147483647",
        "2147483648",
        "-2147483648",
        "-2147483649",
        "4294967295",
        "4294967296",
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "9999999999999999999",
        "10000000000000000000",
        "18446744073709551615",
        "18446744073709551616",
        "1e400",
        "1e308",
        "5e-324",
        "0.1",
        "123456789012345678901234567890",
        "true",
        "null",
        "NaN",
        "Infinity",
    ] {
        for number in [number.to_owned(), format!("\"{number}\"")] {
            for record in [
                format!(r#"{{"flags":{number}}}"#),
                format!(r#"{{"timeUnixNano":{number}}}"#),
                format!(r#"{{"severityNumber":{number}}}"#),
                format!(r#"{{"body":{{"intValue":{number}}}}}"#),
                format!(r#"{{"body":{{"doubleValue":{number}}}}}"#),
                format!(r#"{{"body":{{"boolValue":{number}}}}}"#),
            ] {
                let json = document(&record);
                if let Ok(body) = straight::read(schema::request(Signal::Logs), json.as_bytes(), 1 << 20) {
                    let expected = read_with_care(Signal::Logs, json.as_bytes(), 1 << 20);
                    assert_eq!(Some(body), expected, "{record}");
                }
            }
        }
    }
}

#[test]
fn nothing_larger_than_the_limit_is_read_straight() {
    let request = schema::request(Signal::Profiles);
    // Of the longer one the last byte comes with a length, once all is read.
    for (text, length) in [(125, 129), (126, 131)] {
        let json = format!(r#"{{"dictionary":{{"stringTable":["{}"]}}}}"#, "x".repeat(text));
        let read = |limit_bytes| straight::read(request, json.as_bytes(), limit_bytes).ok();
        assert_eq!(read(length).map(|body| body.len()), Some(length));
        assert_eq!(read(length - 1), None);
    }
}

#[test]
fn what_clients_write_is_read_straight() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/claude-code");
    let mut documents = 0;
    for run in ["chat.http-json", "hello.http-json"] {
        for file in std::fs::read_dir(folder.join(run)).unwrap().map(|file| file.unwrap().path()) {
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            let signal = Signal::ALL.into_iter().find(|signal| name.contains(signal.name())).unwrap();
            let json = std::fs::read(&file).unwrap();
            let body = straight::read(schema::request(signal), &json, 1 << 20).ok();
            assert!(body.is_some() && body == read_with_care(signal, &json, 1 << 20), "{}", file.display());
            documents += 1;
        }
    }
    assert!(documents > 15, "{documents} documents");
}
