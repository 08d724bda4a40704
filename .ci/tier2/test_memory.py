"""Memory is bounded, whatever the load and however much waits."""

import time

import duckdb

from support.load import Load, request
from support.ports import free_port

LIMIT_MIB = 300
# As a newcomer has it.
ROWS = {"OBJECTS_FORMAT": "parquet"}


def check(figure, process, what):
    """Says how much memory the process uses, and that it is not too much."""
    now, peak = process.memory()
    figure(f"memory, {what}: {peak:.0f} MiB at its peak, {now:.0f} MiB now")
    assert peak < LIMIT_MIB
    return now


class HeavyLoad(Load):
    """Exports of half a MiB that differ in a number alone: making them should not be what limits the load."""

    def _run(self, send):
        body = request(range(1_000), padding=480)
        number = body.resource_logs[0].resource.attributes.add(key="tier2.request").value
        while not self._stopping.is_set():
            with self._lock:
                number.int_value = next(self._numbers)
            assert send(body)
            with self._lock:
                self.acknowledged.add(number.int_value)


def test_memory_does_not_grow_with_the_load(folder, forebay, figure):
    process = forebay(UPLOAD_TO=f"file://{folder}/bucket", **ROWS).start()
    check(figure, process, "idle")
    with HeavyLoad(process, clients=8) as load:
        load.wait_for(800)
    check(figure, process, f"{len(load.acknowledged) / 2:.0f} MiB by 8 clients, delivered")
    process.stop()


def test_memory_does_not_grow_with_the_backlog(folder, forebay, figure):
    away = {
        # Nobody listens there.
        "UPLOAD_TO": "s3://telemetry",
        "UPLOAD_S3_ENDPOINT": f"http://127.0.0.1:{free_port()}",
        "UPLOAD_S3_ALLOW_HTTP": "true",
        "UPLOAD_S3_ANONYMOUS": "true",
        "UPLOAD_RETRY_LONGEST_WAIT": "1s",
    }
    process = forebay(**away, **ROWS, LOG_SEGMENT_BYTES="4MiB").start()
    with HeavyLoad(process, clients=4) as load:
        load.wait_for(300)
        early = check(figure, process, f"bucket away, {waiting(process)} waiting")
        load.wait_for(900)
    late = check(figure, process, f"bucket away, {waiting(process)} waiting")
    assert late < early + 64, "memory grows with the backlog"
    process.kill()

    # What waited is delivered by hand, elsewhere.
    began = time.monotonic()
    process.run("drain", "--to", f"file://{folder}/bucket")
    seconds = time.monotonic() - began
    ((records,),) = duckdb.sql(f"SELECT count(DISTINCT id) FROM '{folder}/bucket/logs/**/*.parquet'").fetchall()
    assert records == 1_000 * len(load.acknowledged)
    figure(f"drain: {records} records, {len(load.acknowledged) / 2:.0f} MiB, in {seconds:.0f} s")


def waiting(process):
    """How much waits, in words."""
    queue = process.status()["queue"]
    return f"{queue['items']['logs']} records in {queue['segments']} segments and {queue['objects']} objects"
