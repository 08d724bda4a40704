//! Partial success: single items that cannot be decoded are reported, and everything else is stored.

use forebay::otlp::{Signal, validate};
use forebay::receive::Refusal;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use serde_json::{Value, json};
use tonic::Code;

use crate::client::{JSON, PROTOBUF, grpc, http, over_http1, over_http2};
use crate::intake::Room;
use crate::server::{Server, impatient, options};

/// A request with these items, each an encoded message.
fn request(signal: Signal, items: &[&[u8]]) -> Vec<u8> {
    let within =
        |key: u8, content: Vec<u8>| [&[key, u8::try_from(content.len()).unwrap()], &content[..]].concat();
    // A metric has its points in a gauge.
    let (key, metric) = if signal == Signal::Metrics { (0x0a, true) } else { (0x12, false) };
    let mut content: Vec<u8> = items.iter().flat_map(|item| within(key, item.to_vec())).collect();
    if metric {
        content = within(0x12, within(0x2a, content));
    }
    within(0x0a, within(0x12, content))
}

/// Two items that can be decoded, and one whose first field has a wire type that does not exist.
const WHOLE: [&[u8]; 2] = [&[], &[0xfa, 1, 1, b'u']];
const BROKEN: &[u8] = &[0x0f, 1];

/// What an answer in protobuf says was rejected, and why.
fn rejected(signal: Signal, answer: &[u8]) -> (i64, String) {
    match signal {
        Signal::Logs => {
            let partial = ExportLogsServiceResponse::decode(answer).unwrap().partial_success.unwrap();
            (partial.rejected_log_records, partial.error_message)
        }
        Signal::Metrics => {
            let partial = ExportMetricsServiceResponse::decode(answer).unwrap().partial_success.unwrap();
            (partial.rejected_data_points, partial.error_message)
        }
        Signal::Traces => {
            let partial = ExportTraceServiceResponse::decode(answer).unwrap().partial_success.unwrap();
            (partial.rejected_spans, partial.error_message)
        }
        Signal::Profiles => {
            let partial = ExportProfilesServiceResponse::decode(answer).unwrap().partial_success.unwrap();
            (partial.rejected_profiles, partial.error_message)
        }
    }
}

#[tokio::test]
async fn items_that_cannot_be_decoded_are_rejected_and_counted_and_the_rest_is_stored() {
    let server = Server::start(options(), Room::Plenty).await;
    for signal in Signal::ALL {
        let sent = request(signal, &[WHOLE[0], BROKEN, WHOLE[1], BROKEN]);
        let left = request(signal, &WHOLE);
        for address in server.addresses() {
            let answer = over_http2(address, grpc(signal, &sent)).await;
            assert_eq!(answer.grpc_status().code(), Code::Ok, "{signal}");
            let (prefix, message) = answer.body.split_at(5);
            assert_eq!(prefix[0], 0);
            assert_eq!(u32::from_be_bytes(prefix[1..].try_into().unwrap()) as usize, message.len());
            let (count, why) = rejected(signal, message);
            assert_eq!(count, 2, "{signal}");
            assert!(why.starts_with("2 of 4 ") && why.contains("wire type 7 does not exist"), "{why}");

            let answer = over_http1(address, http(signal, PROTOBUF, &sent)).await;
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(PROTOBUF)));
            assert_eq!(rejected(signal, &answer.body), (2, why));

            let stored = server.intake.take();
            assert_eq!(stored.len(), 2);
            for export in stored {
                assert_eq!((export.signal, export.items), (signal, 2));
                assert_eq!(export.body, left, "{signal}: with its unknown field, to the byte");
            }
        }
    }
}

#[tokio::test]
async fn the_same_holds_for_json_and_the_answer_is_json() {
    let server = Server::start(options(), Room::Plenty).await;
    for (signal, sent, field) in [
        (
            Signal::Logs,
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"flags":1},{"traceId":"abc"},{"flags":2}]}]}]}"#,
            "rejectedLogRecords",
        ),
        (
            Signal::Traces,
            r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a"},{"spanId":"no id"},{"name":"b"}]}]}]}"#,
            "rejectedSpans",
        ),
        (
            Signal::Metrics,
            r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[
                {"asInt":"1"},{"asInt":"one"},{"asInt":"2"}]}}]}]}]}"#,
            "rejectedDataPoints",
        ),
    ] {
        let answer = over_http1(server.http, http(signal, JSON, sent.as_bytes())).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(JSON)));
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        let why = answer.pointer("/partialSuccess/errorMessage").unwrap().as_str().unwrap().to_owned();
        assert_eq!(answer, json!({ "partialSuccess": { field: "1", "errorMessage": why } }));
        assert!(why.starts_with("1 of 3 ") && why.contains("[1]."), "it says which: {why}");
        let stored = server.intake.take();
        assert_eq!((stored.len(), stored[0].items), (1, 2));
        assert_eq!(validate(signal, &stored[0].body), Ok(2));
    }
}

#[tokio::test]
async fn a_request_of_which_nothing_is_left_or_whose_frame_is_wrong_is_refused_for_good() {
    let server = Server::start(options(), Room::Plenty).await;
    // The schema URL of a resource is a number.
    let wrong_frame = [request(Signal::Logs, &WHOLE), vec![0x0a, 2, 0x18, 1]].concat();
    let nothing_left = request(Signal::Logs, &[BROKEN, BROKEN]);
    for body in [&wrong_frame, &nothing_left] {
        let answer = over_http2(server.grpc, grpc(Signal::Logs, body)).await;
        assert_eq!(answer.grpc_status().code(), Code::InvalidArgument);
        assert_eq!(over_http1(server.http, http(Signal::Logs, PROTOBUF, body)).await.status, 400);
    }
    for json in [
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"abc"}]}]}]}"#,
        r#"{"resourceLogs":[{"schemaUrl":1,"scopeLogs":[{"logRecords":[{"flags":1}]}]}]}"#,
    ] {
        assert_eq!(over_http1(server.http, http(Signal::Logs, JSON, json.as_bytes())).await.status, 400);
    }
    assert_eq!(server.intake.take(), []);
}

#[tokio::test]
async fn what_is_left_of_a_request_has_to_be_on_disk_before_the_answer_as_well() {
    let server = Server::start(impatient(), Room::Refusing(Refusal::DiskFull)).await;
    let sent = request(Signal::Logs, &[WHOLE[1], BROKEN]);
    let answer = over_http2(server.grpc, grpc(Signal::Logs, &sent)).await;
    assert_eq!(answer.grpc_status().code(), Code::Unavailable);
    assert_eq!(over_http1(server.http, http(Signal::Logs, PROTOBUF, &sent)).await.status, 503);
}
