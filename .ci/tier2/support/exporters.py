"""The exporters of OpenTelemetry's SDK for Python, for every protocol that it has."""

import grpc
from opentelemetry.exporter.otlp.common.http import Compression
from opentelemetry.exporter.otlp.json.http import _log_exporter as json_logs
from opentelemetry.exporter.otlp.json.http import metric_exporter as json_metrics
from opentelemetry.exporter.otlp.json.http import trace_exporter as json_traces
from opentelemetry.exporter.otlp.proto.grpc import _log_exporter as grpc_logs
from opentelemetry.exporter.otlp.proto.grpc import metric_exporter as grpc_metrics
from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc_traces
from opentelemetry.exporter.otlp.proto.http import _log_exporter as http_logs
from opentelemetry.exporter.otlp.proto.http import metric_exporter as http_metrics
from opentelemetry.exporter.otlp.proto.http import trace_exporter as http_traces

OVER_HTTP = {
    "http-protobuf": (http_logs.OTLPLogExporter, http_metrics.OTLPMetricExporter, http_traces.OTLPSpanExporter),
    "http-json": (json_logs.OTLPLogExporter, json_metrics.OTLPMetricExporter, json_traces.OTLPSpanExporter),
}
PROTOCOLS = ["grpc", *OVER_HTTP]


def exporters(protocol, forebay, is_gzip, access):
    """The exporters of logs, metrics and traces, which get in by an access (`support.access`)."""
    if protocol == "grpc":
        compression = grpc.Compression.Gzip if is_gzip else grpc.Compression.NoCompression
        options = {"endpoint": f"{access.scheme}://{forebay.grpc}", "compression": compression, **access.over_grpc()}
        classes = (grpc_logs.OTLPLogExporter, grpc_metrics.OTLPMetricExporter, grpc_traces.OTLPSpanExporter)
        return [exporter(**options) for exporter in classes]
    options = {"compression": Compression.GZIP if is_gzip else Compression.NONE, **access.over_http()}
    to = lambda signal: f"{access.scheme}://{forebay.http}/v1/{signal}"
    signals = ("logs", "metrics", "traces")
    return [
        exporter(endpoint=to(signal), **options)
        for exporter, signal in zip(OVER_HTTP[protocol], signals, strict=True)
    ]
