"""Log records, data points and spans, whatever carried them: what of two messages has to be equal, and how often."""

import base64
import collections
import itertools

from google.protobuf import json_format

from .telemetry import EXPORTS

IDS = ["traceId", "spanId", "parentSpanId"]


def of_json(signal, documents):
    """The items of OTLP JSON documents."""
    return of_messages(signal, (message(signal, document) for document in documents))


def message(signal, document):
    """An OTLP JSON document as a message."""
    return json_format.ParseDict(with_ids(document), EXPORTS[signal](), ignore_unknown_fields=True)


def with_ids(value):
    """The ids in base64, where protobuf expects what is bytes; in OTLP JSON they are hex."""
    if isinstance(value, list):
        return [with_ids(one) for one in value]
    if not isinstance(value, dict):
        return value
    is_id = lambda key, one: key in IDS and isinstance(one, str)
    to_base64 = lambda text: base64.b64encode(bytes.fromhex(text)).decode()
    return {key: to_base64(one) if is_id(key, one) else with_ids(one) for key, one in value.items()}


def of_messages(signal, messages):
    """How often there is each item, with all that is said about it. Requests, resources and scopes that were merged or
    split make no difference."""
    return collections.Counter(item for message in messages for item in OF_SIGNAL[signal](message))


def records(message):
    """Log records."""
    for of_resource in message.resource_logs:
        for of_scope in of_resource.scope_logs:
            yield from (whole(of_resource, of_scope, record) for record in of_scope.log_records)


def spans(message):
    """Spans."""
    for of_resource in message.resource_spans:
        for of_scope in of_resource.scope_spans:
            yield from (whole(of_resource, of_scope, span) for span in of_scope.spans)


def points(message):
    """Data points, with their metrics."""
    for of_resource in message.resource_metrics:
        for of_scope in of_resource.scope_metrics:
            for metric in of_scope.metrics:
                kind = metric.WhichOneof("data")
                bare = type(metric)()
                bare.CopyFrom(metric)
                del getattr(bare, kind).data_points[:]
                yield from (whole(of_resource, of_scope, bare, point) for point in getattr(metric, kind).data_points)


OF_SIGNAL = {"logs": records, "metrics": points, "traces": spans}


def whole(of_resource, of_scope, *parts):
    """An item as bytes that are equal where it is."""
    about = [of_resource.resource, of_scope.scope, *parts]
    # The Collector does not tell these apart: left out, and there with nothing in it.
    for part, name in itertools.product(parts, ["negative", "positive", "status"]):
        if name in part.DESCRIPTOR.fields_by_name:
            getattr(part, name).SetInParent()
    schemas = (of_resource.schema_url.encode(), of_scope.schema_url.encode())
    return schemas + tuple(part.SerializeToString(deterministic=True) for part in about)


def check_equal(found, expected, where):
    """The same items, each as often."""
    missing, more = expected - found, found - expected
    assert not missing and not more, (
        f"{where}: of {expected.total()} items {missing.total()} are missing, {more.total()} were not sent, such as "
        f"{next(iter(missing), None)} and {next(iter(more), None)}"
    )
