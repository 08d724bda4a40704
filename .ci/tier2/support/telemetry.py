"""Telemetry for readers: what a real Claude Code sent, and more of the kind with days, users and metrics of all types."""

import dataclasses
import gzip
import http.client
import json
import pathlib
import random

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

CAPTURED = pathlib.Path(__file__).parents[3] / "tests" / "data" / "claude-code"
EXPORTS = {"logs": ExportLogsServiceRequest, "metrics": ExportMetricsServiceRequest, "traces": ExportTraceServiceRequest}
SECOND = 1_000_000_000
DAY = 86_400 * SECOND
MODELS = ["claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"]
# What breaks a line, a field or a type, where a format does not keep it from that.
BODIES = ["plain", "two\nlines", 'a "quoted" word, and a comma', "=1+1", "日本語 \U0001f980", "\r\n", "true", "00", "{}", " "]


@dataclasses.dataclass
class Export:
    """A request for a signal, as it is sent and as OpenTelemetry's own library reads it."""

    signal: str
    content_type: str
    body: bytes
    message: object

    def send(self, forebay):
        """Sends it; all of it has to be taken."""
        self.send_to(forebay.http)

    def send_to(self, address):
        """Sends it to whoever takes OTLP over HTTP there; all of it has to be taken."""
        connection = http.client.HTTPConnection(address, timeout=60)
        try:
            connection.request("POST", f"/v1/{self.signal}", self.body, {"Content-Type": self.content_type})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        assert answer.status == 200, content
        # The Collector's answers have a partial success with nothing in it.
        assert content in (b"", b"{}", b"\n\0"), f"not all was taken: {content}"


def captured():
    """Every request of `tests/data/claude-code`."""
    for line in (CAPTURED / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        signal = entry["signal"]
        body = (CAPTURED / entry["file"]).read_bytes()
        if entry["file"].endswith(".gz"):
            body = gzip.decompress(body)
        if entry["content_type"] == "application/json":
            # It takes the ids, which are hex, for base64: nothing here looks at them.
            message = json_format.Parse(body, EXPORTS[signal](), ignore_unknown_fields=True)
            yield Export(signal, "application/json", body, message)
        else:
            yield protobuf(EXPORTS[signal].FromString(body))


def protobuf(message):
    """The export of a message that was made here."""
    (signal,) = [signal for signal, export in EXPORTS.items() if isinstance(message, export)]
    return Export(signal, "application/x-protobuf", message.SerializeToString(), message)


class Generator:
    """Requests of a few users over some days. The same seed makes the same ones."""

    def __init__(self, seed, began, days):
        """Items happen within so many days after `began`, in nanoseconds since 1970."""
        self.chance = random.Random(seed)
        self.began = began
        self.days = days
        self.users = [f"user-{number}" for number in range(5)]
        self.sessions = {f"session-{number}": self.chance.choice(self.users) for number in range(12)}

    def exports(self, requests, items=40, resource=None, attributes=None):
        """So many requests for each signal, whose resources and items have these attributes as well."""
        for _ in range(requests):
            for fill in (self._logs, self._metrics, self._traces):
                yield protobuf(fill(items, resource or {}, attributes or {}))

    def _logs(self, items, resource, more):
        message = ExportLogsServiceRequest()
        of_resource = message.resource_logs.add()
        user = self._begin(of_resource.resource, resource)
        scope = of_resource.scope_logs.add()
        scope.scope.name = "com.anthropic.claude_code.events"
        for number in range(items):
            record = scope.log_records.add(time_unix_nano=self._time(), severity_number=self.chance.choice([0, 9, 17]))
            record.observed_time_unix_nano = record.time_unix_nano
            record.body.string_value = self.chance.choice(BODIES)
            event = self.chance.choice(["api_request", "api_request", "api_error", "tool_result", "user_prompt"])
            own = {**self._who(user), **more, "event.name": event, "event.sequence": number}
            if event.startswith("api_"):
                own |= {"model": self.chance.choice(MODELS), "duration_ms": str(self.chance.randrange(9000)), "cost_usd": "0.25"}
            if event == "tool_result":
                own |= {"tool_name": "Bash", "success": self.chance.choice(["true", "false"])}
            fill(record.attributes, own)
        return message

    def _metrics(self, items, resource, more):
        message = ExportMetricsServiceRequest()
        of_resource = message.resource_metrics.add()
        user = self._begin(of_resource.resource, resource)
        scope = of_resource.scope_metrics.add()
        scope.scope.name = "com.anthropic.claude_code"
        add = lambda name, unit: scope.metrics.add(name=name, unit=unit)
        cost, tokens = add("claude_code.cost.usage", "USD"), add("claude_code.token.usage", "tokens")
        for metric in (cost, tokens):
            metric.sum.aggregation_temporality, metric.sum.is_monotonic = 1, True
        for _ in range(items):
            own = {**self._who(user), **more, "model": self.chance.choice(MODELS)}
            point = cost.sum.data_points.add(as_double=self.chance.random() / 7, time_unix_nano=self._time())
            fill(point.attributes, own)
            point = tokens.sum.data_points.add(time_unix_nano=self._time())
            if self.chance.random() < 0.5:
                point.as_int = self.chance.randrange(100_000)
            else:
                point.as_double = float(self.chance.randrange(100_000))
            kind = self.chance.choice(["input", "output", "cacheRead", "cacheCreation"])
            fill(point.attributes, {**own, "type": kind})
        self._other_metrics(add)
        return message

    def _other_metrics(self, add):
        """One point for each of the types that Claude Code does not send."""
        time = self._time()
        gauge = add("process.memory", "By").gauge.data_points.add(as_double=1.5, time_unix_nano=time)
        fill(gauge.attributes, {"kind": "resident"})
        histogram = add("request.duration", "s").histogram
        histogram.aggregation_temporality = 2
        histogram.data_points.add(
            time_unix_nano=time, count=6, sum=9.5, min=0.25, max=4.0, bucket_counts=[1, 2, 3], explicit_bounds=[0.5, 2.0]
        )
        exponential = add("response.size", "By").exponential_histogram
        exponential.aggregation_temporality = 1
        point = exponential.data_points.add(time_unix_nano=time, count=3, sum=7.0, scale=2, zero_count=1)
        point.positive.offset = 1
        point.positive.bucket_counts.extend([1, 1])
        quantiles = add("queue.wait", "s").summary.data_points.add(time_unix_nano=time, count=2, sum=3.0)
        quantiles.quantile_values.add(quantile=0.5, value=1.5)

    def _traces(self, items, resource, more):
        message = ExportTraceServiceRequest()
        of_resource = message.resource_spans.add()
        user = self._begin(of_resource.resource, resource)
        scope = of_resource.scope_spans.add()
        for _ in range(items):
            began = self._time()
            span = scope.spans.add(
                trace_id=self.chance.randbytes(16), span_id=self.chance.randbytes(8), kind=1, start_time_unix_nano=began,
                name=self.chance.choice(["claude_code.interaction", "claude_code.llm_request", "claude_code.tool"]),
                end_time_unix_nano=began + self.chance.randrange(60 * SECOND),
            )  # fmt: skip
            fill(span.attributes, {**self._who(user), **more})
            span.events.add(name="first token", time_unix_nano=began)
        return message

    def _begin(self, resource, more):
        """The user of a request whose resource names it; in half of the requests the items do."""
        user = self.chance.choice(self.users) if self.chance.random() < 0.5 else None
        fill(resource.attributes, {"service.name": "claude-code", "os.type": "linux", **more})
        if user is not None:
            fill(resource.attributes, {"user.id": user})
        return user

    def _who(self, user_of_resource):
        session, user = self.chance.choice(sorted(self.sessions.items()))
        if user_of_resource is None:
            return {"session.id": session, "user.id": user}
        return {"session.id": session}

    def _time(self):
        # Whole microseconds are what all readers have.
        return self.began + self.chance.randrange(self.days * DAY // 1000) * 1000


def fill(attributes, values):
    """Adds attributes of Python's types."""
    for key, value in values.items():
        any_value = attributes.add(key=key).value
        if isinstance(value, bool):
            any_value.bool_value = value
        elif isinstance(value, int):
            any_value.int_value = value
        elif isinstance(value, float):
            any_value.double_value = value
        elif isinstance(value, list):
            any_value.array_value.SetInParent()
            for one in value:
                any_value.array_value.values.add().string_value = one
        else:
            any_value.string_value = value
