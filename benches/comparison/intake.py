"""What taking telemetry in costs, how fast it goes, and how long a client waits for its acknowledgement."""

import contextlib

from . import client, machine
from .subjects import HELD_SEGMENT_BYTES, HOLD, SUBJECTS

# Shape, protocol, connections, requests in flight. Over HTTP/1.1 a connection carries one request at a time.
LOADS = [
    ("logs", "grpc", 16, None),
    ("logs", "http/protobuf", 16, None),
    ("small", "grpc", 16, 256),
    ("small", "http/protobuf", 256, None),
    ("large", "grpc", 64, None),
    ("large", "http/protobuf", 64, None),
    # As many people at work, each with a connection of their own.
    ("claude-code", "grpc", 256, None),
    ("claude-code", "http/json", 256, None),
]
# Takes in so little a second that time bounds it; the others are bounded by requests, which they keep in memory or in one
# segment.
SLOW = "collector, fsync"
# Of these shapes over HTTP only forebay and its floor are measured, to save time.
OWN_ONLY = [("small", "http/protobuf"), ("large", "http/protobuf")]
OWN = ["forebay", "floor"]
WARM_UP = 64


def measure(run):
    """One round of every load on every subject."""
    for load in LOADS:
        for name in SUBJECTS:
            shape, protocol, *_ = load
            if name not in run.missing and (name in OWN or (shape, protocol) not in OWN_ONLY):
                run.attempt(f"intake, {shape}, {protocol}, {name}", _intake, name, *load)


def measure_half_load(run):
    """One round at half the rate that was reached: how long an acknowledgement takes where nobody is overloaded."""
    for name in ["forebay", "collector, fsync"]:
        for protocol in ["grpc", "http/protobuf"]:
            of = {"subject": name, "shape": "logs", "protocol": protocol}
            rate = run.median("intake", "requests_per_second", **of)
            if rate:
                run.attempt(f"half load, {protocol}, {name}", _half_load, name, protocol, rate / 2)


def _intake(run, name, shape, protocol, connections, in_flight):
    with _warm(run, name, shape, protocol, connections) as subject:
        how_much = _how_much(run, name, shape)
        before, disk_before = machine.usage(subject.pid), machine.disk_written_bytes(run.folder)
        log_before = subject.log_figures() if name == "forebay" else {}
        report, command = client.load(subject, protocol, shape, connections=connections, in_flight=in_flight, **how_much)
        used, disk_after = machine.usage(subject.pid).since(before), machine.disk_written_bytes(run.folder)
        figures = client.figures(report)
        log = _log_figures(subject, log_before) if name == "forebay" else {}
        run.add(
            "intake", name, shape=shape, protocol=protocol, connections=connections, **figures, **log, command=command,
            written_per_byte=None if disk_before is None else (disk_after - disk_before) / figures["bytes"],
            threads=used.threads,
        )  # fmt: skip


def _half_load(run, name, protocol, rate):
    with _warm(run, name, "logs", protocol, 16) as subject:
        how_much = _how_much(run, name, "logs")
        before = subject.log_figures() if name == "forebay" else {}
        report, command = client.load(subject, protocol, "logs", rate=rate, **how_much)
        log = _log_figures(subject, before) if name == "forebay" else {}
        figures = client.figures(report)
        run.add("half load", name, shape="logs", protocol=protocol, rate=rate, **figures, **log, command=command)


@contextlib.contextmanager
def _warm(run, name, shape, protocol, connections):
    """A subject that holds what it takes, warm and ready."""
    with run.place(f"{name}-{shape}") as folder, run.started(SUBJECTS[name](folder, run.store, HOLD)) as subject:
        client.load(subject, protocol, shape, requests=max(WARM_UP, connections), connections=connections)
        subject.settle()
        yield subject


def _how_much(run, name, shape):
    if name == SLOW:
        return {"seconds": run.sizes.seconds}
    requests = run.sizes.requests(shape)
    assert requests * client.REQUEST_BYTES[shape] < HELD_SEGMENT_BYTES * 0.9, "it does not fit into a segment"
    return {"requests": requests}


def _log_figures(subject, before):
    """The groups that the log wrote meanwhile, and that nothing else ran."""
    assert subject.program.metric("forebay_log_segments_sealed_total") == 0, "a segment was packed meanwhile"
    after = subject.log_figures()
    groups, bytes_written = (after[key] - before[key] for key in ("groups", "log_bytes"))
    total = after["groups"] * after["group_bytes"] - before["groups"] * before["group_bytes"]
    acknowledged = after["acknowledged_bytes"] - before["acknowledged_bytes"]
    return {
        "groups": groups,
        "group_bytes": total / groups,
        "log_bytes_per_byte": bytes_written / acknowledged,
    }
