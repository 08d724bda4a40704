//! Spans.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;

use super::testing::{Rows, texts};
use crate::otlp::Signal;

fn span(span: Span) -> Rows {
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    Rows::of(Signal::Traces, &[], &ExportTraceServiceRequest { resource_spans }.encode_to_vec())
}

#[test]
fn a_span_ends_its_duration_after_its_start() {
    let names = ["timestamp", "time_unix_nano", "end_timestamp", "duration_ns", "extra"];
    for (start, end, expected) in [
        (1_001, 5_003, [Some("1"), Some("1001"), Some("5"), Some("4002"), None]),
        (5_003, 1_001, [Some("5"), Some("5003"), Some("1"), Some("-4002"), None]),
        (1_001, 0, [Some("1"), Some("1001"), None, None, None]),
        (0, 5_003, [Some("1787393472123456"), Some("0"), Some("5"), Some("5003"), None]),
        (
            1,
            u64::MAX,
            [
                Some("0"),
                Some("1"),
                Some("18446744073709551"),
                None,
                Some(r#"{"endTimeUnixNano":"18446744073709551615"}"#),
            ],
        ),
        (
            u64::MAX,
            u64::MAX,
            [
                Some("18446744073709551"),
                None,
                Some("18446744073709551"),
                Some("0"),
                Some(r#"{"startTimeUnixNano":"18446744073709551615"}"#),
            ],
        ),
    ] {
        let sent = Span { start_time_unix_nano: start, end_time_unix_nano: end, ..Span::default() };
        assert_eq!(span(sent).cells(names), texts(expected), "{start} {end}");
    }
}

#[test]
fn a_status_that_is_unset_differs_from_none() {
    let status = |status| span(Span { status, ..Span::default() }).cells(["status_code", "status_message"]);
    assert_eq!(status(None), texts([None, None]));
    assert_eq!(status(Some(Status::default())), texts([Some("0"), None]));
    let error = Status { code: 2, message: "no".into() };
    assert_eq!(status(Some(error)), texts([Some("2"), Some("no")]));
}

#[test]
fn events_and_links_are_arrays_of_json() {
    let sent = Span {
        events: vec![Event { time_unix_nano: 5, name: "e".into(), ..Event::default() }, Event::default()],
        links: vec![Link { span_id: vec![1; 8], flags: 1, ..Link::default() }],
        ..Span::default()
    };
    assert_eq!(
        span(sent).cells(["events", "links", "extra"]),
        texts([
            Some(r#"[{"timeUnixNano":"5","name":"e"},{}]"#),
            Some(r#"[{"spanId":"0101010101010101","flags":1}]"#),
            None,
        ])
    );
    assert_eq!(span(Span::default()).cells(["events", "links"]), texts([None, None]));
}

#[test]
fn names_kinds_and_parents_have_columns_and_the_rest_is_in_extra() {
    let sent = Span {
        trace_id: vec![0xab; 16],
        span_id: vec![1],
        parent_span_id: vec![2; 8],
        trace_state: "a=b".into(),
        name: "call".into(),
        kind: 3,
        flags: 257,
        dropped_events_count: 1,
        ..Span::default()
    };
    let names = ["trace_id", "span_id", "parent_span_id", "trace_state", "span_name", "span_kind", "extra"];
    let expected = [
        "abababababababababababababababab",
        "01",
        "0202020202020202",
        "a=b",
        "call",
        "3",
        r#"{"flags":257,"droppedEventsCount":1}"#,
    ];
    assert_eq!(span(sent).cells(names), texts(expected.map(Some)));
    assert_eq!(span(Span::default()).cells(names), texts([None; 7]));
}
