//! What an operator sees.

use forebay::otlp::Signal;
use forebay::receive::Refusal;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::runtime::Builder;

use crate::client::{JSON, PROTOBUF, grpc, http, over_http1, over_http2};
use crate::intake::Room;
use crate::payload::logs;
use crate::server::{Server, impatient};

/// Two exports stored, one stored without the two items that cannot be decoded, one refused by the intake, one that cannot be read, one without items, one abandoned.
async fn scenario() {
    let server = Server::start(impatient(), Room::Plenty).await;
    over_http2(server.grpc, grpc(Signal::Logs, &logs(1))).await;
    over_http1(server.http, http(Signal::Logs, PROTOBUF, &logs(1))).await;
    over_http1(server.http, http(Signal::Traces, PROTOBUF, &ONE_OF_THREE_SPANS)).await;
    over_http1(server.http, http(Signal::Traces, JSON, b"{}")).await;
    over_http1(server.http, http(Signal::Metrics, JSON, b"nonsense")).await;
    server.intake.set_room(Room::Refusing(Refusal::DiskFull));
    over_http2(server.grpc, grpc(Signal::Logs, &logs(1))).await;
    server.intake.set_room(Room::Hanging);
    let abandoned = tokio::spawn(over_http2(server.grpc, grpc(Signal::Traces, &one_span())));
    server.intake.until_waiting(1).await;
    abandoned.abort();
    server.intake.until_waiting(0).await;
    server.stop().await.unwrap();
}

/// An empty span, and two that cannot be decoded.
const ONE_OF_THREE_SPANS: [u8; 12] = [0x0a, 10, 0x12, 8, 0x12, 1, 0xff, 0x12, 0, 0x12, 1, 0xff];

/// One empty span.
fn one_span() -> [u8; 6] {
    [0x0a, 4, 0x12, 2, 0x12, 0]
}

#[test]
fn every_request_is_counted_once_as_what_became_of_it() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&recorder, || runtime.block_on(scenario()));
    let page = recorder.handle().render();
    let bytes = 2 * logs(1).len();
    for line in [
        r#"forebay_receive_acknowledged_requests_total{signal="logs"} 2"#,
        r#"forebay_receive_acknowledged_requests_total{signal="traces"} 2"#,
        r#"forebay_receive_acknowledged_items_total{signal="traces"} 1"#,
        r#"forebay_receive_refused_items_total{signal="traces",reason="undecodable"} 2"#,
        r#"otelcol_receiver_refused_spans_total{receiver="otlp",transport="http"} 2"#,
        r#"otelcol_receiver_accepted_spans_total{receiver="otlp",transport="http"} 1"#,
        r#"forebay_receive_acknowledged_items_total{signal="logs"} 2"#,
        &format!(r#"forebay_receive_acknowledged_bytes_total{{signal="logs"}} {bytes}"#),
        r#"otelcol_receiver_accepted_log_records_total{receiver="otlp",transport="grpc"} 1"#,
        r#"otelcol_receiver_accepted_log_records_total{receiver="otlp",transport="http"} 1"#,
        r#"forebay_receive_refused_requests_total{signal="logs",reason="disk_full"} 1"#,
        r#"forebay_receive_refused_requests_total{signal="metrics",reason="undecodable"} 1"#,
        r#"forebay_receive_refused_items_total{signal="logs",reason="disk_full"} 1"#,
        r#"otelcol_receiver_refused_log_records_total{receiver="otlp",transport="grpc"} 1"#,
        r#"forebay_receive_abandoned_requests_total{signal="traces"} 1"#,
        r#"forebay_receive_request_seconds_count{signal="logs",transport="grpc"} 2"#,
        "forebay_receive_inflight_bytes 0",
        "forebay_receive_open_connections 0",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
    }
}
