"""Forebay in the Collector's place: the very same file of configuration, the same clients, and the same in the bucket.

The keys are held against those that the Collector's own exporter for S3 writes, and against its rule: base, prefix and
partition, the prefix of the file, signal, unique part and endings.
"""

import datetime
import gzip
import json
import re
import zoneinfo

import pytest

from support import audit, items
from support.collector import OTELCOL_WITH_S3, SIGNALS, Otelcol, documents, telemetrygen
from support.ports import free_port
from support.seaweedfs import BUCKET, WRITER, SeaweedFS
from support.telemetry import Generator
from support.waiting import wait_until

BEGAN = 1_772_409_600 * 10**9
SEED = 20260304
COUNT = 200
# What stands in the file, where the objects have to lie by it, and how their names begin and end.
CASES = {
    "defaults": ({}, "year=%Y/month=%m/day=%d/hour=%H/minute=%M", "", ".json"),
    "prefix": ({"s3_prefix": "claude-code"}, "claude-code/year=%Y/month=%m/day=%d/hour=%H/minute=%M", "", ".json"),
    "everything": (
        {
            "s3_base_prefix": "company",
            "s3_prefix": "/team-a//",
            "s3_partition_format": "%Y/%m/%d/%H",
            "s3_partition_timezone": "Asia/Kolkata",
            "file_prefix": "edge-",
            "compression": "gzip",
        },
        "company/team-a/%Y/%m/%d/%H",
        "edge-",
        ".json.gz",
    ),
    "protobuf": (
        {"s3_prefix": "raw", "s3_partition_format": "date=%Y-%m-%d/hour=%H", "compression": "zstd", "marshaler": "otlp_proto"},
        "raw/date=%Y-%m-%d/hour=%H",
        "",
        ".binpb.zst",
    ),
}


def configuration(folder, exporters):
    """Writes the file of a Collector that gives all it gets to these exporters; the addresses it listens on."""
    grpc, http = (f"127.0.0.1:{free_port()}" for _ in range(2))
    path = folder / "otelcol.yaml"
    config = {
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": grpc}, "http": {"endpoint": http}}}},
        "processors": {"batch": {}},
        "exporters": exporters,
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {
                name: {"receivers": ["otlp"], "processors": ["batch"], "exporters": [*exporters]} for name in SIGNALS
            },
        },
    }
    path.write_text(json.dumps(config, indent=2), encoding="utf-8")
    return path, grpc, http


def with_this_file_only(process):
    """Takes the settings away that other tests give, but those of the admin's address and the data folder."""
    for key in ("RECEIVE_GRPC", "RECEIVE_HTTP", "OBJECTS_FORMAT"):
        process.environment.pop(f"FOREBAY_{key}")
    return process


def test_one_file_makes_the_collector_and_forebay_store_the_same(folder, forebay, figure):
    path, grpc, http = configuration(folder, {"file": {"path": str(folder / "out" / "telemetry.json"), "flush_interval": "50ms"}})
    (folder / "out").mkdir()
    exports = [*Generator(SEED, BEGAN, days=2).exports(requests=10)]
    messages = {signal: [export.message for export in exports if export.signal == signal] for signal in SIGNALS}
    expected = {signal: items.of_messages(signal, messages[signal]) for signal in SIGNALS}

    file = folder / "out" / "telemetry.json"
    with Otelcol(folder, path) as collector:
        for export in exports:
            export.send_to(http)
        # It does not take well to its end while there is something left to write.
        read = lambda: {signal: items.of_json(signal, found) for signal, found in documents(file).items()}
        wait_until(lambda: total(read()) == total(expected), "the Collector has written everything")
        collector.stop()
    by_the_collector = read()
    file.unlink()

    process = with_this_file_only(forebay(CONFIG=path)).start()
    assert (process.grpc, process.http) == (grpc, http)
    for export in exports:
        export.send_to(http)
    process.flush()
    process.stop()
    objects = audit.folder(folder / "out")
    for signal in SIGNALS:
        of_signal = {key: content for key, content in objects.items() if re.match(rf"telemetry_{signal}_", key)}
        stored = [document for key, content in of_signal.items() for document in audit.lines(key, content)]
        items.check_equal(by_the_collector[signal], expected[signal], f"the Collector, {signal}")
        items.check_equal(items.of_json(signal, stored), by_the_collector[signal], f"forebay, {signal}")
    figure(f"one file for the Collector and forebay: the same items of {len(exports)} requests")


@pytest.mark.parametrize("case", CASES)
def test_one_file_makes_the_collector_and_forebay_write_under_the_same_keys(folder, forebay, figure, case):
    options = CASES[case][0]
    uploader = {key: value for key, value in options.items() if key != "marshaler"}
    credentials = {"AWS_ACCESS_KEY_ID": WRITER[0], "AWS_SECRET_ACCESS_KEY": WRITER[1]}
    exports = [*Generator(SEED, BEGAN, days=2).exports(requests=10)]
    with SeaweedFS(folder) as store:
        # The Collector takes the time of its machine where no zone is named.
        to = {"region": "us-east-1", "s3_bucket": BUCKET, "endpoint": store.endpoint, "s3_force_path_style": True}
        zone = {"s3_partition_timezone": "UTC"}
        exporter = {"s3uploader": {**to, **zone, **uploader}, "marshaler": options.get("marshaler", "otlp_json")}
        path, _, http = configuration(folder, {"awss3": exporter})
        with Otelcol(folder, path, OTELCOL_WITH_S3, credentials) as collector:
            for export in exports:
                export.send_to(http)
            # It hands on what `batch` still holds.
            collector.stop()
        by_the_collector = store.objects()

        process = with_this_file_only(forebay(CONFIG=path))
        process.environment |= credentials
        process.start()
        for export in exports:
            export.send_to(http)
        process.flush()
        process.stop()
        objects = store.objects()
    by_forebay = {key: content for key, content in objects.items() if key not in by_the_collector}
    assert shapes(by_forebay) == shapes(by_the_collector)
    assert len(shapes(by_forebay)) == len(SIGNALS)
    if exporter["marshaler"] == "otlp_json":
        for signal in SIGNALS:
            stored = [items_of(signal, found) for found in (by_forebay, by_the_collector)]
            items.check_equal(*stored, f"forebay and the Collector, {signal}")
    figure(f"keys like the Collector's, {case}: {min(by_forebay)} and {min(by_the_collector)}")


@pytest.mark.parametrize("case", CASES)
def test_keys_are_those_of_the_collectors_rule(folder, forebay, figure, case):
    options, partition, begins, ends = CASES[case]
    uploader = {key: value for key, value in options.items() if key != "marshaler"}
    with SeaweedFS(folder) as store:
        to = {"region": "us-east-1", "s3_bucket": BUCKET, "endpoint": store.endpoint, "s3_force_path_style": True}
        exporter = {"s3uploader": {**to, **uploader}, "marshaler": options.get("marshaler", "otlp_json")}
        path, grpc, _ = configuration(folder, {"awss3": exporter})
        process = with_this_file_only(forebay(CONFIG=path))
        process.environment |= {"AWS_ACCESS_KEY_ID": WRITER[0], "AWS_SECRET_ACCESS_KEY": WRITER[1]}
        zone = zoneinfo.ZoneInfo(options.get("s3_partition_timezone", "UTC"))
        began = datetime.datetime.now(zone)
        process.start()
        for signal in SIGNALS:
            telemetrygen(signal, grpc, f"--{signal}={COUNT}")
        ended = datetime.datetime.now(zone)
        process.flush()
        process.stop()
        keys = list(store.objects())
        stored = {key: int(store.metadata(key)["forebay-items"]) for key in keys}
    folders = "|".join(re.escape(time.strftime(partition)) for time in every_minute(began, ended))
    rule = rf"({folders})/{re.escape(begins)}(logs|metrics|traces)_[A-Za-z0-9-]+{re.escape(ends)}"
    signals = {}
    for key in keys:
        found = re.fullmatch(rule, key)
        assert found, f"{key} is not as {rule}"
        signals[found[2]] = signals.get(found[2], 0) + stored[key]
    # A trace of telemetrygen has two spans.
    assert signals == {"logs": COUNT, "metrics": COUNT, "traces": 2 * COUNT}
    figure(f"keys by the Collector's rule, {case}: {keys[0]}")


def shapes(keys):
    """Keys without their unique parts, with all that time changes as `#`."""
    parts = [re.fullmatch(r"(.*/)([^/]*(?:logs|metrics|traces)_)[^./]+(\..*)", key) for key in keys]
    return {(re.sub(r"\d", "#", folder), name, ends) for folder, name, ends in (part.groups() for part in parts)}


def items_of(signal, objects):
    """The items of a signal in objects of JSON."""
    of_signal = {key: content for key, content in objects.items() if f"{signal}_" in key.rsplit("/", 1)[1]}
    unpacked = [gzip.decompress(content) if key.endswith(".gz") else content for key, content in of_signal.items()]
    return items.of_json(signal, map(json.loads, unpacked))


def total(counted):
    """How many items there are of all signals."""
    return sum(one.total() for one in counted.values())


def every_minute(began, ended):
    """Times in all minutes that lie between, and in those of both ends."""
    span = ended - began
    return [began + datetime.timedelta(minutes=number) for number in range(int(span.total_seconds() // 60) + 1)] + [ended]
