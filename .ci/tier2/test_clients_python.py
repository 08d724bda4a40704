"""OpenTelemetry's own SDK for Python: all signals, over every protocol, with gzip, TLS and credentials."""

import itertools

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind

from support import audit
from support.access import access_by
from support.exporters import PROTOCOLS, exporters

COUNT = 250
ATTRIBUTES = {
    "text": "grüße, 世界 \U0001f30a \"quoted\"\n",
    "empty": "",
    "whole": -(2**63),
    "double": 0.1 + 0.2,
    "truth": False,
    "texts": ["a", ""],
    "wholes": [1, 2**53 + 1],
}


def send_logs(resource, exporter):
    """Log records with every kind of attribute."""
    provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = provider.get_logger("tier2", "1.0")
    for number in range(COUNT):
        logger.emit(
            LogRecord(
                timestamp=1_700_000_000_000_000_000 + number,
                severity_number=SeverityNumber.WARN,
                severity_text="WARN",
                body={"event": "tier2", "nested": {"number": number}},
                attributes={**ATTRIBUTES, "number": number},
            )
        )
    assert provider.force_flush()
    provider.shutdown()


def send_metrics(resource, exporter):
    """A sum, a histogram and an up-down counter, each with a data point for every number."""
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    meter = provider.get_meter("tier2", "1.0")
    counter, histogram = meter.create_counter("tokens", unit="1"), meter.create_histogram("seconds", unit="s")
    balance = meter.create_up_down_counter("balance")
    for number in range(COUNT):
        attributes = {**ATTRIBUTES, "number": number}
        counter.add(number + 0.5, attributes)
        histogram.record(number, attributes)
        balance.add(-number, attributes)
    # The shutdown exports, and so does a flush: only one of them, for the sums are cumulative.
    provider.shutdown()


def send_traces(resource, exporter):
    """Spans with parents, events and links."""
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tier2", "1.0")
    with tracer.start_as_current_span("root", attributes={**ATTRIBUTES, "number": -1}) as root:
        for number in range(COUNT):
            links = [Link(root.get_span_context(), {"number": number})]
            attributes = {**ATTRIBUTES, "number": number}
            with tracer.start_as_current_span("child", kind=SpanKind.CLIENT, attributes=attributes, links=links) as span:
                span.add_event("happened", {"number": number})
    assert provider.force_flush()
    provider.shutdown()


def points(metric):
    """The data points of a metric, whatever its kind."""
    ((_, data),) = ((kind, data) for kind, data in metric.items() if isinstance(data, dict))
    return data["dataPoints"]


@pytest.mark.parametrize("way", ["plain", "gzip", "TLS", "TLS and a token", "mTLS, a token and gzip"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_everything_arrives_once_with_its_attributes(folder, forebay, figure, monkeypatch, protocol, way):
    # For the exporter over HTTP these count more than the authority that it is given.
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)
    access = access_by(folder, way)
    process = forebay(UPLOAD_TO=f"file://{folder}/bucket", **access.settings()).start()
    resource = Resource({"service.name": "tier2", "way": protocol})
    senders = (send_logs, send_metrics, send_traces)
    for send, exporter in zip(senders, exporters(protocol, process, "gzip" in way, access), strict=True):
        send(resource, exporter)
    process.flush()
    process.stop()
    objects = audit.folder(folder / "bucket")
    whole = [ATTRIBUTES | {"number": number} for number in range(COUNT)]
    by_number = lambda found: sorted((audit.attributes(one["attributes"]) for one in found), key=lambda one: one["number"])

    logs, metrics, spans = ([*audit.items(signal, objects)] for signal in audit.ITEMS)
    for found_resource, scope, _ in itertools.chain(logs, metrics, spans):
        found = audit.attributes(found_resource["attributes"])
        assert (found["service.name"], found["way"]) == ("tier2", protocol)
        assert (scope["name"], scope["version"]) == ("tier2", "1.0")

    records = [record for _, _, record in logs]
    assert by_number(records) == whole
    for record in records:
        number = audit.attributes(record["attributes"])["number"]
        assert audit.value(record["body"]) == {"event": "tier2", "nested": {"number": number}}
        assert int(record["timeUnixNano"]) == 1_700_000_000_000_000_000 + number
        assert (record["severityNumber"], record["severityText"]) == (13, "WARN")

    by_name = {metric["name"]: metric for _, _, metric in metrics}
    assert sorted(by_name) == ["balance", "seconds", "tokens"] and len(metrics) == 3
    for metric in by_name.values():
        assert by_number(points(metric)) == whole
    assert sum(point["asDouble"] for point in points(by_name["tokens"])) == sum(range(COUNT)) + COUNT / 2
    assert sum(int(point["count"]) for point in points(by_name["seconds"])) == COUNT
    assert sum(int(point["asInt"]) for point in points(by_name["balance"])) == -sum(range(COUNT))

    spans = [span for _, _, span in spans]
    children = [span for span in spans if span["name"] == "child"]
    (root,) = (span for span in spans if span["name"] == "root")
    assert by_number(children) == whole and len(spans) == COUNT + 1
    for span in children:
        number = audit.attributes(span["attributes"])["number"]
        assert (span["traceId"], span["parentSpanId"]) == (root["traceId"], root["spanId"])
        assert [audit.attributes(event["attributes"]) for event in span["events"]] == [{"number": number}]
        assert [(link["spanId"], audit.attributes(link["attributes"])) for link in span["links"]] == [
            (root["spanId"], {"number": number})
        ]
    assert len({span["spanId"] for span in spans}) == len(spans)
    figure(f"OpenTelemetry for Python, {protocol}, {way}: {COUNT} of each, once and unchanged")
