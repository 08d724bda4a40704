"""The OpenTelemetry Collector and telemetrygen as clients: what they send is in the bucket once, whatever happens."""

import collections
import itertools

import pytest

from support import audit, items
from support.collector import SIGNALS, Collector, telemetrygen
from support.proxy import PASS, SWALLOW, Proxy
from support.seaweedfs import SeaweedFS
from support.waiting import wait_until

KILLS = 5
# Never gives up, and comes back soon.
PATIENCE = {
    "timeout": "10s",
    "retry_on_failure": {"initial_interval": "100ms", "max_interval": "500ms", "max_elapsed_time": "0s"},
}
QUEUE = {"sizer": "requests", "queue_size": 100_000, "num_consumers": 4}
WAYS = {
    "grpc-plain": ("otlp_grpc", {"compression": "none"}),
    "grpc-gzip": ("otlp_grpc", {"compression": "gzip"}),
    "grpc-zstd": ("otlp_grpc", {"compression": "zstd"}),
    "grpc-snappy": ("otlp_grpc", {"compression": "snappy"}),
    "http-protobuf-plain": ("otlp_http", {"encoding": "proto", "compression": "none"}),
    "http-protobuf-gzip": ("otlp_http", {"encoding": "proto", "compression": "gzip"}),
    "http-protobuf-lz4": ("otlp_http", {"encoding": "proto", "compression": "lz4"}),
    "http-protobuf-deflate": ("otlp_http", {"encoding": "proto", "compression": "deflate"}),
    "http-json-gzip": ("otlp_http", {"encoding": "json", "compression": "gzip"}),
    "http-json-zstd": ("otlp_http", {"encoding": "json", "compression": "zstd"}),
    "http-json-snappy": ("otlp_http", {"encoding": "json", "compression": "snappy"}),
}
# How many items telemetrygen makes of each signal. A trace of it has two spans, of which it drops those beyond 2048.
COUNTS = {"logs": 3_000, "metrics": 3_000, "traces": 2_000}


def exporter(way, address):
    """The Collector's exporter to forebay."""
    kind, how = WAYS[way]
    to = {"endpoint": address, "tls": {"insecure": True}} if kind == "otlp_grpc" else {"endpoint": f"http://{address}"}
    return {kind: {**to, **how, **PATIENCE, "sending_queue": QUEUE}}


def generate(address, signal, count, *more, is_http=False):
    """Has telemetrygen send so many items."""
    number = {"logs": f"--logs={count}", "metrics": f"--metrics={count}", "traces": f"--traces={count // 2}"}[signal]
    telemetrygen(signal, address, number, *more, is_http=is_http)


def wait_until_sent(collector, counts):
    """Waits until forebay acknowledged to the Collector all that it was to send."""
    for signal, count in counts.items():
        wait_until(lambda signal=signal, count=count: collector.sent(signal) >= count, f"{signal} are sent", 60)
        assert collector.sent(signal) == count, signal


def given(collector):
    """The items of all signals in the Collector's own file."""
    documents = collector.read()
    return sum((items.of_json(signal, documents[signal]) for signal in SIGNALS), collections.Counter())


def check_all_is_there_once(collector, objects):
    """All that the Collector was given, which its own file says, and no more."""
    given = collector.read()
    for signal in SIGNALS:
        documents = itertools.chain.from_iterable(
            audit.lines(key, content) for key, content in objects.items() if f"/{signal}/" in f"/{key}"
        )
        items.check_equal(items.of_json(signal, documents), items.of_json(signal, given[signal]), signal)


@pytest.mark.parametrize("way", WAYS)
def test_what_the_collector_sends_is_there_once_after_kills_and_lost_answers(folder, forebay, figure, way):
    process = forebay(UPLOAD_TO=f"file://{folder}/bucket", LOG_SEGMENT_BYTES="1MiB", LOG_SEAL_AFTER="1s").start()
    answers, kills = itertools.count(1), []

    def fate():
        """Loses every fifth answer at first, and kills forebay at half of them."""
        number = next(answers)
        if number % 5 or number > 10 * KILLS:
            return PASS
        if number % 10 == 0:
            kills.append(number)
            process.restart_after_kill()
        return SWALLOW

    is_http = WAYS[way][0] == "otlp_http"
    with Proxy(lambda: process.http if is_http else process.grpc, fate) as line:
        with Collector(folder, exporter(way, line.address)) as collector:
            for signal, count in COUNTS.items():
                generate(f"127.0.0.1:{collector.http if is_http else collector.grpc}", signal, count, is_http=is_http)
            wait_until_sent(collector, COUNTS)
            collector.stop()
            resent = process.metric("forebay_receive_resent_requests_total")
    assert len(kills) == KILLS
    process.flush()
    process.stop()
    process.run("verify")
    check_all_is_there_once(collector, audit.folder(folder / "bucket"))
    figure(
        f"the Collector, {way}: {sum(COUNTS.values())} items exactly once after {KILLS} kills and {line.swallowed} lost "
        f"answers ({resent:.0f} resends since the last kill)"
    )


@pytest.mark.parametrize("way", ["grpc-gzip", "http-protobuf-gzip"])
def test_what_the_collector_sends_is_there_once_after_the_disk_was_full(folder, forebay, figure, way):
    with SeaweedFS(folder) as store:
        small = {"LOG_SEGMENT_BYTES": "1MiB", "LOG_DISK_BUDGET": "6MiB", "RECEIVE_MAX_REQUEST_BYTES": "1MiB"}
        soon = {"LOG_SEAL_AFTER": "1s", "RECEIVE_HOLD_BEFORE_REFUSING": "100ms"}
        # As objects that are compressed it would fit.
        process = forebay(**store.settings(""), **small, **soon, OBJECTS_COMPRESSION="none").start()
        store.stop()
        is_http = WAYS[way][0] == "otlp_http"
        with Collector(folder, exporter(way, process.http if is_http else process.grpc)) as collector:
            # Text that makes it more than fits.
            padding = f'--telemetry-attributes=padding="{"x" * 2000}"'
            for signal, count in COUNTS.items():
                generate(f"127.0.0.1:{collector.grpc}", signal, count, padding)
            refused = lambda: process.metric("forebay_receive_refused_requests_total")
            wait_until(lambda: refused() >= 10, "requests are refused")
            process.wait_until_delivering_fails()
            assert sum(map(collector.sent, SIGNALS)) < sum(COUNTS.values())
            store.start()
            wait_until_sent(collector, COUNTS)
            collector.stop()
        times = refused()
        process.flush()
        process.stop()
        process.run("verify")
        check_all_is_there_once(collector, store.objects())
    figure(f"the Collector, {way}: {sum(COUNTS.values())} items exactly once, for which {times:.0f} requests were refused")


def test_what_a_killed_collector_sends_again_from_its_disk_is_there_once(folder, forebay, figure):
    process = forebay(UPLOAD_TO=f"file://{folder}/bucket", LOG_SEAL_AFTER="1s").start()
    (folder / "queue").mkdir()
    storage = {"file_storage": {"directory": str(folder / "queue")}}
    exporters = exporter("grpc-gzip", None)
    exporters["otlp_grpc"]["sending_queue"] |= {"storage": "file_storage"}
    is_killed = False
    with Proxy(lambda: process.grpc, lambda: PASS if is_killed else SWALLOW) as line:
        exporters["otlp_grpc"]["endpoint"] = line.address
        with Collector(folder, exporters, storage) as collector:
            for signal, count in COUNTS.items():
                generate(f"127.0.0.1:{collector.grpc}", signal, count)
            wait_until(lambda: given(collector).total() == sum(COUNTS.values()), "the Collector's file has everything")
            wait_until(lambda: line.swallowed >= 5, "answers are lost")
            assert sum(map(collector.sent, SIGNALS)) == 0
            collector.kill()
            is_killed = True
            collector.start()
            wait_until_sent(collector, COUNTS)
            collector.stop()
    resent = process.metric("forebay_receive_resent_requests_total")
    process.flush()
    process.stop()
    assert resent >= 1, "nothing that was stored came again"
    check_all_is_there_once(collector, audit.folder(folder / "bucket"))
    figure(f"the Collector, killed: {sum(COUNTS.values())} items of its queue on disk exactly once, {resent:.0f} resends")


@pytest.mark.parametrize("is_http", [False, True], ids=["grpc", "http"])
def test_telemetrygen_is_taken_in_as_it_is(folder, forebay, figure, is_http):
    process = forebay(UPLOAD_TO=f"file://{folder}/bucket").start()
    for signal, count in COUNTS.items():
        address = process.http if is_http else process.grpc
        generate(address, signal, count, '--telemetry-attributes=tier2="direct"', is_http=is_http)
    process.flush()
    process.stop()
    objects = audit.folder(folder / "bucket")
    marked = lambda one: audit.attributes(one["attributes"])["tier2"] == "direct"

    logs, metrics, traces = ([one for _, _, one in audit.items(signal, objects)] for signal in SIGNALS)
    assert len(logs) == COUNTS["logs"] and all(map(marked, logs))
    points = [point for metric in metrics for point in metric["gauge"]["dataPoints"]]
    assert collections.Counter(int(point["asInt"]) for point in points) == collections.Counter(range(COUNTS["metrics"]))
    assert all(map(marked, points))
    assert len({span["spanId"] for span in traces}) == len(traces) == COUNTS["traces"] and all(map(marked, traces))
    assert len({span["traceId"] for span in traces}) == COUNTS["traces"] // 2
    figure(f"telemetrygen, {'http' if is_http else 'grpc'}: {sum(COUNTS.values())} items exactly once")
