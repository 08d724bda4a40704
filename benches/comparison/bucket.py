"""What the whole way costs, from a client into the bucket; what packing costs; and what packing leaves to intake."""

import json
import os
import subprocess
import time

from . import client, machine
from .subjects import AS_BY_DEFAULT, AS_PROTOBUF, DELIVER, LIKE_THE_COLLECTOR, SUBJECTS, Buffer

PACKING = os.environ.get("PACKING_BINARY", "")
FORMATS = {
    "forebay": LIKE_THE_COLLECTOR,
    "forebay, parquet+zstd": AS_BY_DEFAULT,
    "forebay, otlp_proto+zstd": AS_PROTOBUF,
}
PACKED = ["otlp_proto+zstd", "otlp_jsonl+gzip", "parquet+zstd"]
# Requests of 1,000 records that fill several segments.
WAITING_BEFORE = 600
# So long may the slowest take to bring all into the bucket.
PATIENCE_SECONDS = 240


def measure(run):
    """One round of every subject that has a way into the bucket."""
    for name in [*FORMATS, "collector, fsync", "collector, memory"]:
        if name not in run.missing:
            run.attempt(f"in to bucket, {name}", _in_to_bucket, name)


def _in_to_bucket(run, name):
    is_forebay = name in FORMATS
    make = (lambda *of: Buffer(*of, FORMATS[name])) if is_forebay else SUBJECTS[name]
    with run.place(name) as folder, run.started(make(folder, run.store, DELIVER)) as subject:
        subject.settle()
        before, began = machine.usage(subject.pid), time.monotonic()
        report, command = client.load(subject, "grpc", "logs", requests=run.sizes.bucket)
        taken = client.figures(report)
        subject.wait_until_delivered(taken["items"], PATIENCE_SECONDS)
        seconds, used = time.monotonic() - began, machine.usage(subject.pid).since(before)
        run.add(
            "in to bucket", name, items=taken["items"], bytes=taken["bytes"], seconds=seconds,
            not_acknowledged=taken["not_acknowledged"], cpu_seconds=used.cpu_seconds,
            cpu_seconds_per_million=used.cpu_seconds / taken["items"] * 1e6, items_per_second=taken["items"] / seconds,
            peak_rss_bytes=used.peak_rss_bytes, **run.bucket_bytes(folder.name), **(subject.spool_figures() if is_forebay else {}),
            threads=used.threads, command=command,
        )  # fmt: skip


def measure_while_packing(run):
    """Intake as it is by default, with segments that wait to be packed all the while."""
    run.attempt("intake while packing", _while_packing)


def _while_packing(run):
    with run.place("while-packing") as folder, run.started(Buffer(folder, run.store, DELIVER, AS_BY_DEFAULT)) as subject:
        metric = subject.program.metric
        # So that there is something to pack from the beginning.
        client.load(subject, "grpc", "logs", requests=WAITING_BEFORE)
        packed, before = metric("forebay_pack_read_bytes_total"), machine.usage(subject.pid)
        report, command = client.load(subject, "grpc", "logs", requests=run.sizes.while_packing)
        used = machine.usage(subject.pid).since(before)
        packed = metric("forebay_pack_read_bytes_total") - packed
        waiting = metric("forebay_pack_waiting_segments")
        figures = client.figures(report)
        run.add(
            "while packing", "forebay", shape="logs", protocol="grpc", **figures, waiting_segments=waiting,
            packed_bytes_per_second=packed / figures["seconds"],
            threads=used.threads, command=command,
        )  # fmt: skip


def measure_packing(run):
    """Packing by itself, each format in a process of its own."""
    for name in PACKED:
        run.attempt(f"packing, {name}", _packing, name)


def _packing(run, name):
    options = ["--bench", "--alone", "--signals=logs", f"--formats={name}", f"--items={run.sizes.pack_items}"]
    with run.cores.server():
        done = subprocess.run(
            [PACKING, *options], check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
        )
    assert done.returncode == 0, f"packing: {done.returncode} {done.stderr[-500:]}"
    packed = json.loads(done.stdout.splitlines()[-1])
    run.add(
        "packing", name, items=packed["items"], cpu_seconds_per_million=packed["cpu_seconds"] / packed["items"] * 1e6,
        items_per_second=packed["items"] / packed["seconds"], peak_rss_bytes=packed["peak_bytes"],
        bytes_per_byte=packed["bytes"] / packed["received_bytes"], received_bytes_per_item=packed["received_bytes"] / packed["items"],
        command=f"cargo bench --bench packing -- --signals=logs --formats={name} --items={run.sizes.pack_items}",
    )  # fmt: skip
