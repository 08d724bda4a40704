"""The load generator, `forebay load`."""

import json
import subprocess

from support.forebay import BINARY

# Records and bytes of a request of each shape, about: only to tell how many requests fit into a segment.
REQUEST_BYTES = {"logs": 360_000, "small": 4_000, "large": 100_000, "claude-code": 4_000}


class Refused(Exception):
    """A subject did not take what it was sent."""


def load(subject, protocol, shape, *, requests=None, seconds=None, connections=16, in_flight=None, rate=None):
    """Sends to a subject until so many requests are sent or so many seconds have passed, and returns what `forebay load`
    measured; and the command, without addresses."""
    options = ["--protocol", protocol, "--shape", shape, "--connections", str(connections)]
    options += ["--requests", str(requests)] if requests else ["--duration", f"{seconds}s"]
    if in_flight:
        options += ["--in-flight", str(in_flight)]
    if rate:
        options += ["--rate", str(max(1, round(rate)))]
    to = subject.grpc if protocol == "grpc" else subject.http
    command = [BINARY, "load", "--to", to, *options, "--pid", str(subject.pid), "--format", "json"]
    limit = (seconds or 0) + (requests / rate if rate and requests else 0) + 120
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit)
    if done.returncode != 0 and not done.stdout.lstrip().startswith("{"):
        raise Refused(f"forebay load {' '.join(options)}: {done.returncode} {done.stderr[-500:]}")
    report = json.loads(done.stdout)
    if not report["requests"]["acknowledged"]:
        raise Refused(f"{subject.name} acknowledged nothing over {protocol}: {report['requests']} {done.stderr[-300:]}")
    return report, f"forebay load {' '.join(options)}"


def figures(report):
    """What a report says, as flat figures."""
    requests, server = report["requests"], report["server"]
    cpu_seconds = server["user_seconds"] + server["system_seconds"]
    return {
        "acknowledged": requests["acknowledged"],
        "not_acknowledged": requests["refused"] + requests["failed"],
        "items": report["items"],
        "bytes": report["bytes"],
        "seconds": report["seconds"],
        "requests_per_second": report["requests_per_second"],
        "items_per_second": report["items_per_second"],
        "bytes_per_second": report["bytes_per_second"],
        "p50_ms": report["latency_ms"]["p50"],
        "p99_ms": report["latency_ms"]["p99"],
        "cpu_seconds": cpu_seconds,
        "cpu_seconds_per_million": cpu_seconds / report["items"] * 1e6,
        "cpu_us_per_request": cpu_seconds / requests["acknowledged"] * 1e6,
        "peak_rss_bytes": server["peak_rss_bytes"],
        # Processors that were busy: where the client's are all busy, it is the client that could not do more.
        "server_busy": cpu_seconds / report["seconds"],
        "client_busy": report["client"]["cpu_seconds"] / report["seconds"],
    }
