//! The table of COMPATIBILITY section 1: every situation, over both protocols, on both addresses.

use forebay::otlp::Signal;
use forebay::receive::Refusal;
use http::{Method, Request};
use http_body_util::Full;
use tonic::Code;
use tonic_types::StatusExt;

use crate::client::{
    Answer, JSON, PROTOBUF, framed, grpc, grpc_compressed, grpc_framed, grpc_to, http, http_compressed,
    over_http1, over_http2,
};
use crate::intake::Room;
use crate::payload::{compressed, gzip, logs, logs_json, no_logs};
use crate::server::{Server, impatient, options};

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

fn assert_ok(answer: &Answer, what: &str) {
    assert_eq!(answer.grpc_status().code(), Code::Ok, "{what}");
    assert_eq!(answer.body.as_ref(), [0; 5], "{what}: an empty message, so nothing was rejected");
}

/// An error over gRPC, which has no message.
fn assert_refused(answer: &Answer, code: Code, retry: bool, what: &str) {
    let status = answer.grpc_status();
    assert_eq!((status.code(), answer.body.len()), (code, 0), "{what}: {status}");
    let retry_info = status.get_details_retry_info();
    assert_eq!(retry_info.is_some(), retry, "{what}: {status}");
    if let Some(delay) = retry_info.and_then(|info| info.retry_delay) {
        assert!((1..=2).contains(&delay.as_secs()), "{what}: the first client waits 10 s in all");
    }
}

/// An error over HTTP, whose body says the same as gRPC would.
fn assert_error(answer: &Answer, status: u16, code: Code, media_type: &str, retry: bool, what: &str) {
    assert_eq!(answer.status, status, "{what}");
    assert_eq!(answer.header("content-type"), Some(media_type), "{what}");
    let (found, message, detail) = answer.rpc_status();
    assert_eq!(found, i64::from(i32::from(code)), "{what}");
    assert!(!message.is_empty(), "{what}");
    assert_eq!(detail.as_deref(), retry.then_some(RETRY_INFO), "{what}");
    let after = answer.header("retry-after").map(|seconds| seconds.parse::<u64>().unwrap());
    assert_eq!(after.is_some(), retry, "{what}");
    assert!(after.is_none_or(|seconds| (1..=2).contains(&seconds)), "{what}");
}

#[tokio::test]
async fn what_was_stored_is_answered_ok() {
    let server = Server::start(options(), Room::Plenty).await;
    let protobuf = logs(100);
    for address in server.addresses() {
        assert_ok(&over_http2(address, grpc(Signal::Logs, &protobuf)).await, "gRPC");
        let over_h1 = over_http1(address, http(Signal::Logs, PROTOBUF, &protobuf)).await;
        let over_h2 = over_http2(address, http(Signal::Logs, PROTOBUF, &protobuf)).await;
        for answer in [over_h1, over_h2] {
            assert_eq!((answer.status, answer.body.len()), (200, 0));
            assert_eq!(answer.header("content-type"), Some(PROTOBUF));
        }
        let answer = over_http1(address, http(Signal::Logs, JSON, &logs_json(100))).await;
        assert_eq!((answer.status, answer.body.as_ref()), (200, &b"{}"[..]));
        assert_eq!(answer.header("content-type"), Some(JSON));

        let stored = server.intake.take();
        assert_eq!(stored.len(), 4);
        for export in stored {
            assert_eq!((export.signal, export.items), (Signal::Logs, 1));
            assert_eq!(export.body, protobuf);
        }
    }
}

#[tokio::test]
async fn profiles_are_a_signal_of_their_own_and_what_is_none_of_them_is_refused() {
    let server = Server::start(options(), Room::Plenty).await;
    // A resource with a scope with two profiles, and a dictionary.
    let profiles = [0x0a, 6, 0x12, 4, 0x12, 0, 0x12, 0, 0x12, 3, 0x2a, 1, b'a'];
    // The time of a profile as a varint, which it is not.
    let broken = [0x0a, 6, 0x12, 4, 0x12, 2, 0x18, 1];
    for address in server.addresses() {
        assert_ok(&over_http2(address, grpc(Signal::Profiles, &profiles)).await, "gRPC");
        assert_ok(
            &over_http2(address, grpc_compressed(Signal::Profiles, "gzip", &gzip(&profiles))).await,
            "gzip",
        );
        let answer = over_http1(address, http(Signal::Profiles, PROTOBUF, &profiles)).await;
        assert_eq!((answer.status, answer.body.len()), (200, 0));
        let stored = server.intake.take();
        assert_eq!(stored.len(), 3);
        for export in stored {
            assert_eq!((export.signal, export.items), (Signal::Profiles, 2));
            assert_eq!(export.body, profiles[..]);
        }

        let refused = over_http2(address, grpc(Signal::Profiles, &broken)).await;
        assert_refused(&refused, Code::InvalidArgument, false, "another version");
        let why = refused.grpc_status().message().to_owned();
        assert!(why.contains("resource_profiles.scope_profiles.profiles.time_unix_nano, at byte 6"), "{why}");
        let refused = over_http1(address, http(Signal::Profiles, PROTOBUF, &broken)).await;
        assert_error(&refused, 400, Code::InvalidArgument, PROTOBUF, false, "another version");
    }
    assert_eq!(server.intake.take(), []);
}

#[tokio::test]
async fn an_empty_request_is_answered_ok_and_not_stored() {
    // An intake that would refuse it shows that it is not asked.
    let server = Server::start(options(), Room::Refusing(Refusal::DiskFull)).await;
    for address in server.addresses() {
        for signal in Signal::ALL {
            assert_ok(&over_http2(address, grpc(signal, b"")).await, "no bytes");
            for (media_type, body) in [(PROTOBUF, &b""[..]), (JSON, b"{}"), (JSON, br#"{"resourceLogs":[]}"#)]
            {
                let answer = over_http1(address, http(signal, media_type, body)).await;
                assert_eq!(answer.status, 200, "{signal} {media_type} {body:?}");
            }
        }
        assert_ok(&over_http2(address, grpc(Signal::Logs, &no_logs())).await, "a resource without items");
        let answer = over_http1(address, http(Signal::Logs, PROTOBUF, &no_logs())).await;
        assert_eq!(answer.status, 200);
        // A dictionary of one string, of which no profile says anything.
        let answer = over_http1(address, http(Signal::Profiles, PROTOBUF, &[0x12, 3, 0x2a, 1, b'a'])).await;
        assert_eq!(answer.status, 200);
        let dictionary = br#"{"dictionary":{"stringTable":["a"]}}"#;
        assert_eq!(over_http1(address, http(Signal::Profiles, JSON, dictionary)).await.status, 200);
    }
    assert_eq!(server.intake.take(), []);
}

#[tokio::test]
async fn an_undecodable_body_is_refused_for_good() {
    let server = Server::start(options(), Room::Plenty).await;
    let broken = &logs(100)[..50];
    // Two whole requests laid end to end are one; half of that could pass for all of it.
    let mut half = framed(0, &[logs(1), logs(1)].concat());
    half.truncate(half.len() - logs(1).len());
    for address in server.addresses() {
        for (request, what) in [
            (grpc(Signal::Logs, broken), "cut off"),
            (grpc_compressed(Signal::Logs, "gzip", b"no gzip"), "no gzip"),
            (grpc_compressed(Signal::Logs, "zstd", b"no zstd"), "no zstd"),
            (grpc_compressed(Signal::Logs, "snappy", b"no snappy"), "no snappy"),
            (grpc_compressed(Signal::Logs, "lz4", b"no lz4"), "no lz4"),
            (grpc_compressed(Signal::Logs, "deflate", b"no deflate"), "no deflate"),
            (grpc_framed(Signal::Logs, b""), "no message"),
            (grpc_framed(Signal::Logs, &[0, 0, 0]), "no whole prefix"),
            (grpc_framed(Signal::Logs, &[0, 0, 0, 0, 9, 1]), "no whole message"),
            (grpc_framed(Signal::Logs, &half), "half of a message that could be a whole one"),
            (grpc_framed(Signal::Logs, &framed(1, &gzip(&logs(1)))), "compressed, not said how"),
            (grpc_framed(Signal::Logs, &[framed(0, &logs(1)), framed(0, b"")].concat()), "two messages"),
        ] {
            assert_refused(&over_http2(address, request).await, Code::InvalidArgument, false, what);
        }
        for (request, media_type, what) in [
            (http(Signal::Logs, PROTOBUF, broken), PROTOBUF, "cut off"),
            (http(Signal::Logs, JSON, b"{\"resourceLogs\":["), JSON, "cut off"),
            (http_compressed(Signal::Logs, PROTOBUF, "gzip", b"no gzip"), PROTOBUF, "no gzip"),
            (http_compressed(Signal::Logs, JSON, "zstd", b"no zstd"), JSON, "no zstd"),
        ] {
            let answer = over_http1(address, request).await;
            assert_error(&answer, 400, Code::InvalidArgument, media_type, false, what);
        }
    }
    assert_eq!(server.intake.take(), []);
}

#[tokio::test]
async fn what_cannot_be_stored_now_is_to_be_sent_again() {
    for refusal in [Refusal::DiskFull, Refusal::DiskFailing, Refusal::Overloaded, Refusal::ShuttingDown] {
        let server = Server::start(impatient(), Room::Refusing(refusal)).await;
        let what = refusal.reason();
        for address in server.addresses() {
            let answer = over_http2(address, grpc(Signal::Logs, &logs(1))).await;
            assert_refused(&answer, Code::Unavailable, true, what);
            assert_eq!(answer.grpc_status().message(), refusal.to_string());
            for (media_type, body) in [(PROTOBUF, logs(1)), (JSON, logs_json(1))] {
                let answer = over_http1(address, http(Signal::Logs, media_type, &body)).await;
                assert_error(&answer, 503, Code::Unavailable, media_type, true, what);
            }
        }
    }
}

#[tokio::test]
async fn every_compression_of_the_contract_is_taken_and_another_is_named() {
    let server = Server::start(options(), Room::Plenty).await;
    let body = logs(1000);
    let mut requests = compressed(&body);
    requests.extend([("identity", body.clone()), ("GZIP", gzip(&body)), ("x-gzip", gzip(&body))]);
    for address in server.addresses() {
        for (encoding, bytes) in &requests {
            let call = grpc_compressed(Signal::Logs, encoding, bytes);
            if *encoding != "identity" {
                assert_ok(&over_http2(address, call).await, encoding);
            }
            let request = http_compressed(Signal::Logs, PROTOBUF, encoding, bytes);
            assert_eq!(over_http1(address, request).await.status, 200, "{encoding}");
        }
        let stored = server.intake.take();
        assert_eq!(stored.len(), 2 * requests.len() - 1);
        assert!(stored.iter().all(|export| export.body == body));

        let answer = over_http2(address, grpc_compressed(Signal::Logs, "br", &body)).await;
        assert_refused(&answer, Code::Unimplemented, false, "br");
        assert_eq!(answer.header("grpc-accept-encoding"), Some("identity,gzip,zstd,deflate,snappy,lz4"));
        let answer = over_http1(address, http_compressed(Signal::Logs, JSON, "br", &body)).await;
        assert_error(&answer, 415, Code::Unimplemented, JSON, false, "br");
        let known = "gzip, zstd, deflate, zlib, snappy, x-snappy-framed, lz4, identity";
        assert_eq!(answer.header("accept-encoding"), Some(known));
    }
}

#[tokio::test]
async fn what_is_no_otlp_is_told_what_to_do() {
    let server = Server::start(options(), Room::Plenty).await;
    for address in server.addresses() {
        for path in [
            "/opentelemetry.proto.collector.profiles.v1experimental.ProfilesService/Export",
            "/opentelemetry.proto.collector.logs.v1.LogsService/Import",
        ] {
            let answer = over_http2(address, grpc_to(path, &framed(0, b""))).await;
            assert_refused(&answer, Code::Unimplemented, false, path);
        }

        let request = |method: Method, path: &str, media_type: &str| {
            Request::builder()
                .method(method)
                .uri(path)
                .header("host", "forebay")
                .header("content-type", media_type)
                .body(Full::default())
                .unwrap()
        };
        for (method, path, media_type, status, answered) in [
            (Method::GET, "/", "text/html", 404, JSON),
            (Method::POST, "/v1/profiles", PROTOBUF, 404, PROTOBUF),
            (Method::POST, "/v1/logs/", JSON, 404, JSON),
            (Method::GET, "/v1/logs", JSON, 405, JSON),
            (Method::GET, "/v1development/profiles", JSON, 405, JSON),
            (Method::POST, "/v1development/logs", JSON, 404, JSON),
            (Method::PUT, "/v1/traces", PROTOBUF, 405, PROTOBUF),
            (Method::POST, "/v1/logs", "text/plain", 415, JSON),
            (Method::POST, "/v1/logs", "application/grpc", 415, JSON),
        ] {
            let what = format!("{method} {path} {media_type}");
            let answer = over_http1(address, request(method, path, media_type)).await;
            assert_error(&answer, status, Code::Unimplemented, answered, false, &what);
            assert_eq!(answer.header("allow"), (status == 405).then_some("POST"), "{what}");
        }
    }
}

#[tokio::test]
async fn a_media_type_may_have_parameters_and_any_case() {
    let server = Server::start(options(), Room::Plenty).await;
    for (media_type, body) in
        [("Application/JSON; charset=utf-8", logs_json(1)), ("application/x-protobuf;messageType=x", logs(1))]
    {
        let answer = over_http1(server.http, http(Signal::Logs, media_type, &body)).await;
        assert_eq!(answer.status, 200, "{media_type}");
    }
    let mut call = grpc(Signal::Logs, &logs(1));
    call.headers_mut().insert("content-type", "application/grpc+proto".parse().unwrap());
    assert_ok(&over_http2(server.http, call).await, "application/grpc+proto");
}
