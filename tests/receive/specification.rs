//! The rules of OTLP for servers that no other file here has, each as a test. Where the others are:
//!
//! | rule | test |
//! | --- | --- |
//! | what was stored is OK, with an empty message, in the request's encoding, over HTTP/1.1 and HTTP/2, on both addresses | `answers::what_was_stored_is_answered_ok` |
//! | an empty request is OK | `answers::an_empty_request_is_answered_ok_and_not_stored` |
//! | what cannot be decoded is `INVALID_ARGUMENT` and 400 | `answers::an_undecodable_body_is_refused_for_good` |
//! | what cannot be stored now is UNAVAILABLE with `RetryInfo` and 503 with `Retry-After` | `answers::what_cannot_be_stored_now_is_to_be_sent_again` |
//! | what is over the limit, before and after decompression, is `RESOURCE_EXHAUSTED` without `RetryInfo` and 413 | `limits` |
//! | compressions; another is UNIMPLEMENTED and 415, and told what would do | `answers::every_compression_of_the_contract_is_taken_and_another_is_named` |
//! | decompression stops at the limit | `limits::a_decompression_bomb_stops_at_the_limit` |
//! | unknown methods, paths, and media types; `Allow` | `answers::what_is_no_otlp_is_told_what_to_do` |
//! | media types with parameters, in any case | `answers::a_media_type_may_have_parameters_and_any_case` |
//! | items that cannot be decoded are rejected, and the rest is stored | `partial` |
//! | a call is held, and not beyond its deadline | `holding` |
//! | the end of a connection loses and doubles nothing | `goaway`, `shutdown` |
//! | what JSON may look like, in full | `src/otlp/read_json/tests.rs` |
//!
//! Bytes that are no HTTP are answered by hyper, with 400 or 431 and no body: there is no request yet whose encoding
//! an answer could have.

use std::io::Read;
use std::time::Duration;

use flate2::read::GzDecoder;
use forebay::otlp::Signal;
use forebay::receive::Refusal;
use http::{Method, Request};
use http_body_util::Full;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message;
use tonic::Code;
use tonic_types::{StatusExt, pb};

use crate::client::{JSON, PROTOBUF, framed, grpc, grpc_to, http, over_http1, over_http2};
use crate::intake::Room;
use crate::payload::{logs, logs_json};
use crate::server::{Server, impatient, options};

/// An item without content in each signal, encoded: a log record, a data point of a gauge, a span, a profile.
fn one_item(signal: Signal) -> &'static [u8] {
    match signal {
        Signal::Logs | Signal::Traces | Signal::Profiles => &[0x0a, 4, 0x12, 2, 0x12, 0],
        Signal::Metrics => &[0x0a, 8, 0x12, 6, 0x12, 4, 0x2a, 2, 0x0a, 0],
    }
}

#[tokio::test]
async fn every_signal_has_its_method_and_its_path() {
    let server = Server::start(options(), Room::Plenty).await;
    for (signal, method, path) in [
        (Signal::Traces, "/opentelemetry.proto.collector.trace.v1.TraceService/Export", "/v1/traces"),
        (Signal::Metrics, "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", "/v1/metrics"),
        (Signal::Logs, "/opentelemetry.proto.collector.logs.v1.LogsService/Export", "/v1/logs"),
        (
            Signal::Profiles,
            "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
            "/v1development/profiles",
        ),
    ] {
        for address in server.addresses() {
            let answer = over_http2(address, grpc_to(method, &framed(0, one_item(signal)))).await;
            assert_eq!(answer.grpc_status().code(), Code::Ok, "{method}");
            for over in [Request::post(path), Request::post(format!("http://forebay{path}?a=b"))] {
                let request = over.header("host", "forebay").header("content-type", PROTOBUF);
                let request = request.body(Full::from(one_item(signal))).unwrap();
                assert_eq!(over_http1(address, request).await.status, 200, "{path}");
            }
            let stored = server.intake.take();
            assert_eq!(stored.len(), 3);
            assert!(stored.iter().all(|export| (export.signal, export.items) == (signal, 1)));
        }
    }
}

#[tokio::test]
async fn protobuf_is_stored_byte_for_byte_with_fields_that_nobody_knows() {
    let server = Server::start(options(), Room::Plenty).await;
    // Field 31 of every wire type: a number, eight bytes, text and four bytes.
    let unknown = [0xf8, 1, 1, 0xf9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xfa, 1, 1, 0xff, 0xfd, 1, 0, 0, 0, 0];
    let mut body = unknown.to_vec();
    for key in [0x12, 0x12, 0x0a] {
        let header = [key, u8::try_from(body.len()).unwrap()];
        // Behind and before what is known, at every level.
        body = [&unknown[..if key == 0x0a { 0 } else { 3 }], &header, &body, &unknown].concat();
    }
    for signal in [Signal::Logs, Signal::Traces, Signal::Profiles] {
        over_http2(server.grpc, grpc(signal, &body)).await;
        over_http2(server.http, http(signal, PROTOBUF, &body)).await;
        over_http1(server.http, http(signal, PROTOBUF, &body)).await;
        let stored = server.intake.take();
        assert_eq!(stored.len(), 3);
        assert!(stored.iter().all(|export| export.items == 1 && export.body == body));
    }
}

#[tokio::test]
async fn requests_laid_end_to_end_are_one_request() {
    let server = Server::start(options(), Room::Plenty).await;
    let body = [logs(1), logs(2), logs(3)].concat();
    let answer = over_http2(server.grpc, grpc(Signal::Logs, &body)).await;
    assert_eq!(answer.grpc_status().code(), Code::Ok);
    let stored = server.intake.take();
    assert_eq!((stored.len(), stored[0].items), (1, 3));
    assert_eq!(stored[0].body, body);
}

/// What is stored of a document.
async fn stored(signal: Signal, json: &str) -> Vec<u8> {
    let server = Server::start(options(), Room::Plenty).await;
    let answer = over_http1(server.http, http(signal, JSON, json.as_bytes())).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"{}"[..]), "{json}");
    let mut stored = server.intake.take();
    assert_eq!(stored.len(), 1);
    stored.remove(0).body.to_vec()
}

#[tokio::test]
async fn json_may_have_the_keys_of_the_proto_files_names_of_enums_and_numbers_as_text_or_not() {
    let strictly = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5B8EFFF798038103D269B633813FC60C",
        "spanId":"eee19b7ec3c1b174","startTimeUnixNano":"1544712660000000000","kind":2,
        "droppedAttributesCount":1,"attributes":[{"key":"k","value":{"intValue":"-7"}}],
        "status":{"code":2,"message":"m"},"flags":257}]}]}]}"#;
    let loosely = r#"{"resource_spans":[{"scope_spans":[{"spans":[{"trace_id":"5b8efff798038103d269b633813fc60c",
        "span_id":"EEE19B7EC3C1B174","start_time_unix_nano":1544712660000000000,"kind":"SPAN_KIND_SERVER",
        "dropped_attributes_count":"1","attributes":[{"key":"k","value":{"int_value":-7}}],
        "status":{"code":"STATUS_CODE_ERROR","message":"m"},"flags":"257",
        "parentSpanId":"","links":null,"unknown":{"a":[1,{}]}}],"unknown":7}],"unknown":null}],"unknown":"x"}"#;
    let body = stored(Signal::Traces, strictly).await;
    assert_eq!(stored(Signal::Traces, loosely).await, body);
    let request = ExportTraceServiceRequest::decode(&*body).unwrap();
    assert_eq!(request.encoded_len(), body.len(), "as short as the client would have sent it in protobuf");
    let span = &request.resource_spans[0].scope_spans[0].spans[0];
    assert_eq!(span.trace_id[..4], [0x5b, 0x8e, 0xff, 0xf7]);
    assert_eq!(span.span_id, [0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x74]);
    assert_eq!((span.start_time_unix_nano, span.kind, span.flags), (1_544_712_660_000_000_000, 2, 257));
    assert_eq!(span.attributes[0].value.as_ref().unwrap().value, Some(Value::IntValue(-7)));
    assert_eq!(span.status.as_ref().unwrap().code, 2);
}

#[tokio::test]
async fn json_of_metrics_may_have_doubles_that_json_has_no_numbers_for() {
    let json = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","sum":{
        "aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA","isMonotonic":true,
        "dataPoints":[{"asDouble":"NaN"},{"asDouble":"-Infinity"},{"asDouble":1},{"asInt":9007199254740993}]}}]}]}]}"#;
    let request = ExportMetricsServiceRequest::decode(&*stored(Signal::Metrics, json).await).unwrap();
    let Some(Data::Sum(sum)) = &request.resource_metrics[0].scope_metrics[0].metrics[0].data else {
        panic!("no sum");
    };
    assert_eq!((sum.aggregation_temporality, sum.is_monotonic), (1, true));
    let values: Vec<_> = sum.data_points.iter().map(|point| format!("{:?}", point.value.unwrap())).collect();
    assert_eq!(values, ["AsDouble(NaN)", "AsDouble(-inf)", "AsDouble(1.0)", "AsInt(9007199254740993)"]);
}

#[tokio::test]
async fn json_whose_text_is_cut_within_a_character_is_stored_with_a_replacement() {
    let json = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[
        {"body":{"stringValue":"cut \ud800"},"attributes":[{"key":"k","value":{"bytesValue":"-_8"}}]}]}]}]}"#;
    let request = ExportLogsServiceRequest::decode(&*stored(Signal::Logs, json).await).unwrap();
    let record = &request.resource_logs[0].scope_logs[0].log_records[0];
    assert_eq!(record.body.as_ref().unwrap().value, Some(Value::StringValue("cut \u{fffd}".into())));
    let bytes = &record.attributes[0].value.as_ref().unwrap().value;
    assert_eq!(*bytes, Some(Value::BytesValue(vec![0xfb, 0xff])), "base64 of either alphabet, padded or not");
}

#[tokio::test]
async fn every_method_but_post_is_not_allowed() {
    let server = Server::start(options(), Room::Plenty).await;
    let methods = [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS];
    for method in methods {
        for signal in Signal::ALL {
            let request = || {
                Request::builder()
                    .method(method.clone())
                    .uri(format!("http://forebay{}", signal.path()))
                    .header("content-type", PROTOBUF)
                    .body(Full::default())
                    .unwrap()
            };
            for answer in [over_http1(server.http, request()).await, over_http2(server.grpc, request()).await]
            {
                assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
                assert_eq!(answer.header("content-type"), Some(PROTOBUF));
                if method == Method::HEAD {
                    assert!(answer.body.is_empty());
                } else {
                    let (code, message, _) = answer.rpc_status();
                    assert_eq!(code, i64::from(i32::from(Code::Unimplemented)));
                    assert!(message.contains(method.as_str()) && message.contains("POST"), "{message}");
                }
            }
        }
    }
}

#[tokio::test]
async fn grpc_over_http1_is_told_to_use_http2() {
    let server = Server::start(options(), Room::Plenty).await;
    let answer = over_http1(server.grpc, grpc(Signal::Logs, &logs(1))).await;
    assert_eq!((answer.status, answer.header("content-type")), (404, Some(JSON)));
    let (_, message, _) = answer.rpc_status();
    assert!(message.contains("gRPC over HTTP/2"), "{message}");
}

#[tokio::test]
async fn an_answer_that_is_worth_it_is_compressed_for_a_client_that_asks_for_gzip() {
    let server = Server::start(options(), Room::Plenty).await;
    for (path, accepted, is_compressed) in [
        (format!("/{}", "x".repeat(2000)), Some("deflate, gzip;q=0.5"), true),
        (format!("/{}", "x".repeat(2000)), Some("gzip;q=0, deflate"), false),
        (format!("/{}", "x".repeat(2000)), None, false),
        ("/short".to_owned(), Some("gzip"), false),
    ] {
        for media_type in [PROTOBUF, JSON] {
            let mut request =
                Request::post(&path).header("host", "forebay").header("content-type", media_type);
            if let Some(accepted) = accepted {
                request = request.header("accept-encoding", accepted);
            }
            let mut answer = over_http1(server.http, request.body(Full::default()).unwrap()).await;
            assert_eq!((answer.status, answer.header("content-type")), (404, Some(media_type)));
            let announced = answer.header("content-length").unwrap().parse::<usize>().unwrap();
            assert_eq!(announced, answer.body.len());
            assert_eq!(answer.header("content-encoding"), is_compressed.then_some("gzip"), "{accepted:?}");
            if is_compressed {
                assert!(answer.body.len() < 512);
                let mut plain = Vec::new();
                GzDecoder::new(&answer.body[..]).read_to_end(&mut plain).unwrap();
                answer.body = plain.into();
            }
            assert!(answer.rpc_status().1.contains(&path));
        }
    }
}

#[tokio::test]
async fn the_body_of_a_refusal_has_the_delay_as_well() {
    let server = Server::start(impatient(), Room::Refusing(Refusal::DiskFull)).await;
    let answer = over_http1(server.http, http(Signal::Logs, JSON, &logs_json(1))).await;
    let status: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(status["code"], i32::from(Code::Unavailable));
    let delay = status.pointer("/details/0/retryDelay").unwrap().as_str().unwrap();
    let (seconds, fraction) = delay.strip_suffix('s').unwrap().split_once('.').unwrap();
    assert!(matches!(seconds, "1" | "2") && fraction.len() == 3, "as protobuf's JSON has it: {delay}");

    let answer = over_http1(server.http, http(Signal::Logs, PROTOBUF, &logs(1))).await;
    let status = pb::Status::decode(answer.body).unwrap();
    let info = pb::RetryInfo::decode(&*status.details[0].value).unwrap();
    assert!((1..=2).contains(&info.retry_delay.unwrap().seconds));
}

#[tokio::test]
async fn a_collector_is_told_when_room_is_expected_and_others_to_come_back_soon() {
    let server = Server::start(impatient(), Room::Refusing(Refusal::DiskFull)).await;
    server.intake.expect_room_in(Duration::from_secs(8));
    for (user_agent, seconds) in [
        ("OpenTelemetry Collector Contrib/0.159.0 (linux/amd64)", 8..=16),
        ("OTel-OTLP-Exporter-JavaScript/0.208.0", 1..=2),
    ] {
        let with_agent = |mut request: Request<Full<bytes::Bytes>>| {
            request.headers_mut().insert("user-agent", user_agent.parse().unwrap());
            request
        };
        let answer = over_http1(server.http, with_agent(http(Signal::Logs, PROTOBUF, &logs(1)))).await;
        let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert_eq!(answer.status, 503);
        assert!(seconds.contains(&after), "{user_agent}: {after}");
        let status = over_http2(server.grpc, with_agent(grpc(Signal::Logs, &logs(1)))).await.grpc_status();
        let delay = status.get_details_retry_info().unwrap().retry_delay.unwrap();
        assert!(seconds.contains(&delay.as_secs()), "{user_agent}: {delay:?}");
    }
}
