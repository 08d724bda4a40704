"""An outage of the bucket: memory while a backlog grows, waits and is delivered, and how soon forebay takes telemetry in
after a loss of power with all of it on disk."""

import contextlib
import http.client
import math
import time

from support.waiting import wait_until

from . import client, machine
from .subjects import AS_BY_DEFAULT, DELIVER, Buffer

# In so many equal parts the backlog grows; flat memory is no higher in the last than in the first.
PARTS = 5
# Log and spool at once, and what the store keeps of it.
DISK_PER_BYTE = 2.2
PATIENCE_SECONDS = 600
ONE_RECORD = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"first after the start"}}]}]}]}'


def measure(run):
    """The outage, once. The backlog is smaller than asked for if the disk has no room for it."""
    room = (machine.free_bytes(run.folder) - 5 * machine.GIB) / DISK_PER_BYTE
    backlog_bytes = min(run.sizes.backlog_gib * machine.GIB, room)
    if backlog_bytes < 16 * machine.MIB:
        run.failures.append({"what": "outage", "round": run.round, "why": "the disk has no room for a backlog"})
    else:
        run.attempt("outage with a backlog", _outage, backlog_bytes)


def _outage(run, backlog_bytes):
    with run.place("outage") as folder:
        run.store.stop()
        try:
            settings = AS_BY_DEFAULT | {"LOG_DISK_BUDGET": f"{math.ceil(backlog_bytes * 2 / machine.MIB) + 1024}MiB"}
            with run.started(Buffer(folder, run.store, DELIVER, settings)) as subject:
                taken = _grow(run, subject, backlog_bytes)
                # Nothing of it has been delivered, so all of it waits when the process is killed here.
            machine.forget_cached(folder)
            with run.started(_Timed(subject)):
                taken["items"] += _start(run, subject, taken)
                _wait(run, subject)
                run.store.start()
                _deliver(run, subject, taken)
        finally:
            if run.store.process is None:
                run.store.start()


class _Timed:
    """A subject whose start is timed from before its process is there."""

    def __init__(self, subject):
        self.subject = subject

    def __enter__(self):
        self.subject.began = time.monotonic()
        return self.subject.__enter__()

    def __exit__(self, *how):
        self.subject.__exit__(*how)


def _grow(run, subject, backlog_bytes):
    """Fills the log while the bucket is away."""
    requests = math.ceil(backlog_bytes / client.REQUEST_BYTES["logs"] / PARTS)
    taken = {"items": 0, "bytes": 0}
    for part in range(PARTS):
        machine.forget_peak(subject.pid)
        report, command = client.load(subject, "grpc", "logs", requests=requests)
        figures = client.figures(report)
        taken = {key: taken[key] + figures[key] for key in taken}
        status = subject.program.status()
        run.add(
            "outage", f"growing, part {part + 1}", backlog_bytes=taken["bytes"], disk_bytes=status["disk"]["used_bytes"],
            segments=status["queue"]["segments"], objects=status["queue"]["objects"], command=command,
            peak_rss_bytes=machine.usage(subject.pid).peak_rss_bytes, bytes_per_second=figures["bytes_per_second"],
            not_acknowledged=figures["not_acknowledged"],
        )  # fmt: skip
    return taken


def _start(run, subject, taken):
    """Times the start until a request is acknowledged, and returns how many items that one had."""
    greeted = time.monotonic() - subject.began
    wait_until(lambda: _ask(subject.program.admin, "GET", "/readyz") == 200, "forebay is ready")
    ready = time.monotonic() - subject.began
    assert _ask(subject.http, "POST", "/v1/logs", ONE_RECORD) == 200
    acknowledged = time.monotonic() - subject.began
    queue = subject.program.status()["queue"]
    run.add(
        "start", "forebay", backlog_bytes=taken["bytes"], listening_seconds=greeted, ready_seconds=ready,
        acknowledged_seconds=acknowledged, cpu_seconds=machine.usage(subject.pid).cpu_seconds,
        queue_bytes=queue["bytes"], segments=queue["segments"], objects=queue["objects"],
    )  # fmt: skip
    return 1


def _wait(run, subject):
    """Has the outage go on: what is in the log is packed meanwhile."""
    began = time.monotonic()
    waiting = lambda: subject.program.metric("forebay_pack_waiting_segments")
    while waiting() and time.monotonic() - began < run.sizes.outage_seconds:
        time.sleep(0.2)
    queue = subject.program.status()["queue"]
    run.add(
        "outage", "waiting", seconds=time.monotonic() - began, peak_rss_bytes=machine.usage(subject.pid).peak_rss_bytes,
        segments=queue["segments"], objects=queue["objects"],
    )  # fmt: skip


def _deliver(run, subject, taken):
    """Delivers everything, once the bucket is back."""
    machine.forget_peak(subject.pid)
    before, began = machine.usage(subject.pid), time.monotonic()
    while subject.delivered_items() < taken["items"] and time.monotonic() - began < PATIENCE_SECONDS:
        # It says so when not all was delivered in this time.
        with contextlib.suppress(AssertionError):
            subject.program.flush(60)
    seconds, used = time.monotonic() - began, machine.usage(subject.pid).since(before)
    delivered = subject.delivered_items()
    run.add(
        "outage", "delivering", seconds=seconds, items=delivered, peak_rss_bytes=used.peak_rss_bytes,
        cpu_seconds=used.cpu_seconds, **subject.spool_figures(),
    )  # fmt: skip
    assert delivered == taken["items"], f"{delivered} of {taken['items']} items were delivered"


def _ask(address, method, path, body=None):
    """The status of an answer; none if nobody answers."""
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except OSError:
        return None
    finally:
        connection.close()
