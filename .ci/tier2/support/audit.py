"""What lies in a bucket, read with nothing of forebay's."""

import collections
import gzip
import json

from .load import ATTRIBUTE

ITEMS = {
    "logs": ("resourceLogs", "scopeLogs", "logRecords"),
    "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
    "traces": ("resourceSpans", "scopeSpans", "spans"),
}


def lines(key, content):
    """The OTLP documents of an object of JSON lines. That gzip and JSON can be read to the end shows that it is whole."""
    text = gzip.decompress(content) if key.endswith(".gz") else content
    assert text.endswith(b"\n"), f"{key} ends in the middle of a line"
    return [json.loads(line) for line in text.decode("utf-8").splitlines()]


def items(signal, objects):
    """Every log record, metric or span in the objects of a signal, with its resource and scope."""
    resources, scopes, leaves = ITEMS[signal]
    for key, content in objects.items():
        if f"/{signal}/" not in f"/{key}":
            continue
        for document in lines(key, content):
            assert set(document) <= {resources}, f"{key} holds {sorted(document)}"
            for resource in document.get(resources, []):
                for scope in resource.get(scopes, []):
                    for leaf in scope.get(leaves, []):
                        yield resource.get("resource", {}), scope.get("scope", {}), leaf


def value(any_value):
    """An OTLP value as Python's own."""
    ((kind, content),) = any_value.items() if any_value else (("none", None),)
    if kind == "intValue":
        return int(content)
    if kind == "arrayValue":
        return [value(one) for one in content.get("values", [])]
    if kind == "kvlistValue":
        return attributes(content.get("values", []))
    return content


def attributes(pairs):
    """OTLP attributes as a dictionary."""
    found = {pair["key"]: value(pair["value"]) for pair in pairs}
    assert len(found) == len(pairs), f"a key stands twice: {pairs}"
    return found


def numbers(objects):
    """How often each number of a load is in the bucket."""
    records = (attributes(record.get("attributes", [])) for _, _, record in items("logs", objects))
    return collections.Counter(found[ATTRIBUTE] for found in records if ATTRIBUTE in found)


def check_exactly_once(load, objects):
    """Every acknowledged number once, every other one that was sent once at most, and none that was never sent."""
    found = numbers(objects)
    lost = load.acknowledged - found.keys()
    twice = [number for number, times in found.items() if times > 1]
    foreign = found.keys() - load.acknowledged - load.unanswered
    assert not lost, f"{len(lost)} acknowledged records are not in the bucket, such as {sorted(lost)[:10]}"
    assert not twice, f"{len(twice)} records are there more than once, such as {sorted(twice)[:10]}"
    assert not foreign, f"nobody sent {sorted(foreign)[:10]}"
    return len(load.acknowledged), len(found.keys() & load.unanswered)


def folder(path):
    """The objects of a bucket that is a folder."""
    files = (file for file in path.rglob("*") if file.is_file())
    return {str(file.relative_to(path)): file.read_bytes() for file in files}
