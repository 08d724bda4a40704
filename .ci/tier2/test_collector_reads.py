"""The OpenTelemetry Collector reads what forebay wrote in the layout of the Collector, and understands all of it.

Its own receiver for S3 does so, of a version that knows no zstd; and its decoders of a newer version, to which what lies where
that receiver looks (by the minute, up to `<signal>_`) is handed as it is, packed with zstd as well.
"""

import datetime
import http.client
import itertools
import json

import pytest

from support import items
from support.collector import OTELCOL_WITH_S3, SIGNALS, Collector, Otelcol, documents
from support.forebay import Forebay
from support.seaweedfs import AUDITOR, BUCKET, SeaweedFS
from support.telemetry import Generator, captured
from support.waiting import wait_until

FORMATS, COMPRESSIONS = ["otlp_json", "otlp_proto"], ["none", "gzip", "zstd"]
OUTPUTS = {f"{kind}-{packed}".replace("_", "-"): (kind, packed) for kind in FORMATS for packed in COMPRESSIONS}
CONTENT_TYPES = {".json": "application/json", ".binpb": "application/x-protobuf"}
ENCODINGS = {"": "", ".gz": "gzip", ".zst": "zstd"}
BEGAN = 1_772_409_600 * 10**9
SEED = 20260303
UTC = datetime.timezone.utc


def configuration(folder):
    """A file of settings with an output for each format and compression, all in the layout of the Collector."""
    objects = {
        name: {"format": kind, "compression": packed, "prefix": name, "key": "collector", "timezone": "UTC"}
        for name, (kind, packed) in OUTPUTS.items()
    }
    first, *others = OUTPUTS
    outputs = {name: {"objects": objects[name]} for name in others}
    path = folder / "forebay.yaml"
    path.write_text(json.dumps({"objects": objects[first], "outputs": outputs}), encoding="utf-8")
    return path


def minutes(begin, end):
    """The folders of a span of time, as the Collector lays them out."""
    minute = begin.replace(second=0, microsecond=0)
    while minute <= end:
        yield minute.strftime("year=%Y/month=%m/day=%d/hour=%H/minute=%M")
        minute += datetime.timedelta(minutes=1)


def found_by_the_collector(store, output, signal, begin, end):
    """The keys that a reader finds who knows nothing but the time, the prefix and the signal."""
    for minute in minutes(begin, end):
        pages = store.auditor.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{output}/{minute}/{signal}_")
        yield from (one["Key"] for page in pages for one in page.get("Contents", []))


def hand_on(collector, signal, key, content):
    """Gives an object as it is to the Collector, which unpacks and decodes it by what its name says."""
    stem, packed = next((key.removesuffix(end), end) for end in [".gz", ".zst", ""] if key.endswith(end))
    kind = stem[stem.rindex(".") :]
    headers = {"Content-Type": CONTENT_TYPES[kind], "Content-Encoding": ENCODINGS[packed]}
    connection = http.client.HTTPConnection("127.0.0.1", collector.http, timeout=60)
    try:
        connection.request("POST", f"/v1/{signal}", content, headers)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    assert answer.status == 200, f"{key}: {answer.status} {body}"


def sent(export):
    """The message that was sent, with its ids."""
    is_json = export.content_type == "application/json"
    return items.message(export.signal, json.loads(export.body)) if is_json else export.message


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A store into which forebay wrote, what it was sent, and when that began and ended."""
    folder = tmp_path_factory.mktemp("written")
    messages = {signal: [] for signal in SIGNALS}
    with SeaweedFS(folder) as store:
        process = Forebay(folder, {"CONFIG": configuration(folder), **store.settings(""), "OBJECTS_FORMAT": "otlp_json"})
        begin = datetime.datetime.now(UTC)
        process.start()
        try:
            for export in [*captured(), *Generator(SEED, BEGAN, days=4).exports(requests=15)]:
                export.send(process)
                messages[export.signal].append(sent(export))
            process.flush()
            process.stop()
        finally:
            process.kill()
        yield store, messages, begin, datetime.datetime.now(UTC)


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_collector_reads_exactly_what_was_sent(folder, figure, written, output):
    store, messages, begin, end = written
    objects = store.objects()
    found = {signal: [*found_by_the_collector(store, output, signal, begin, end)] for signal in SIGNALS}
    of_output = {key for key in objects if key.startswith(f"{output}/")}
    assert sorted(itertools.chain(*found.values())) == sorted(of_output), "some are not where they are looked for"
    with Collector(folder) as collector:
        for signal, keys in found.items():
            assert keys, f"there is nothing of {signal}"
            for key in keys:
                hand_on(collector, signal, key, objects[key])
        collector.stop()
        read = collector.read()
    for signal in SIGNALS:
        expected = items.of_messages(signal, messages[signal])
        items.check_equal(items.of_json(signal, read[signal]), expected, f"{output}, {signal}")
    figure(f"the Collector read {output}: {sum(map(len, found.values()))} objects, all items once and unchanged")


@pytest.mark.parametrize("output", [name for name, (_, packed) in OUTPUTS.items() if packed != "zstd"])
def test_the_collectors_receiver_for_s3_hands_on_exactly_what_was_sent(folder, figure, written, output):
    store, messages, begin, end = written
    minute = lambda time: time.strftime("%Y-%m-%d %H:%M")
    downloader = {
        "region": "us-east-1", "s3_bucket": BUCKET, "s3_prefix": output, "s3_partition_timezone": "UTC",
        "endpoint": store.endpoint, "s3_force_path_style": True,
    }  # fmt: skip
    file = folder / "read.jsonl"
    receiver = {
        "starttime": minute(begin), "endtime": minute(end + datetime.timedelta(minutes=1)), "s3downloader": downloader
    }  # fmt: skip
    config = {
        "receivers": {"awss3": receiver},
        "exporters": {"file": {"path": str(file), "flush_interval": "50ms"}},
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {name: {"receivers": ["awss3"], "exporters": ["file"]} for name in SIGNALS},
        },
    }
    path = folder / "otelcol.yaml"
    path.write_text(json.dumps(config, indent=2), encoding="utf-8")
    environment = {"AWS_ACCESS_KEY_ID": AUDITOR[0], "AWS_SECRET_ACCESS_KEY": AUDITOR[1]}
    with Otelcol(folder, path, OTELCOL_WITH_S3, environment) as collector:
        is_read = lambda: collector.said("Finished reading telemetry") == len(SIGNALS)
        wait_until(is_read, f"the Collector has read everything; see {folder}/collector.log")
        collector.stop()
    read = documents(file)
    for signal in SIGNALS:
        expected = items.of_messages(signal, messages[signal])
        items.check_equal(items.of_json(signal, read[signal]), expected, f"{output}, {signal}")
    figure(f"the Collector's receiver for S3 read {output}: all items once and unchanged")
