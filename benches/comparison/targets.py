"""The targets, each held against what was measured in this run. What was not measured is no row's figure."""

import dataclasses

from . import machine
from .bucket import PACKED

GB = 1e9
LOGS, HTTP = {"shape": "logs", "protocol": "grpc"}, {"shape": "logs", "protocol": "http/protobuf"}
WAYS = ["buffered", "O_DIRECT"]


@dataclasses.dataclass(frozen=True)
class Row:
    """A target: what, how it was measured, the figure, what that is beside what it is held against, and the target."""

    what: str
    command: str
    figure: str
    ratio: str
    target: str
    reached: bool | None


class Rows:
    """The rows of a run."""

    def __init__(self, run):
        self._run = run
        self.all = []
        for protocol in ["grpc", "http/protobuf"]:
            self._durable(protocol)
        self._beside_the_collector()
        for protocol, least in [("grpc", 1.0), ("http/protobuf", 1.4)]:
            self._throughput(protocol, least)
        self._large()
        self._small()
        self._half_load()
        for protocol in ["grpc", "http/json"]:
            self._claude_code(protocol)
        for name, most in zip(PACKED, [0.8, 2.5, 2.5], strict=True):
            self._packing(name, most)
        self._in_to_bucket()
        self._memory()
        self._start()
        self._written()
        self._while_packing()

    def _row(self, what, target, *, figure=None, ratio=None, reached=None, command=""):
        """Adds a row; `reached` is none where the figure, or what it is held against, was not measured."""
        if figure is None:
            figure, ratio, reached = "not measured", None, None
        self.all.append(Row(what, command, figure, ratio or "", target, reached))

    def _intake(self, figure, subject="forebay", **of):
        return self._run.median("intake", figure, subject=subject, **of)

    def _command(self, measure, **of):
        found = self._run.select(measure, **of)
        return found[-1].get("command", "") if found else ""

    def _durable(self, protocol):
        of = {"shape": "logs", "protocol": protocol}
        cpu = self._intake("cpu_seconds_per_million", **of)
        floor = self._intake("cpu_seconds_per_million", "floor", **of)
        most = {"grpc": 0.30, "http/protobuf": 0.18}[protocol]
        ratio = quotient(cpu, floor)
        target, is_cheap = f"at most {most:.2f}", cpu is not None and cpu <= most
        if protocol == "grpc":
            target += " and 2x the floor"
            is_cheap = None if ratio is None else is_cheap and ratio <= 2
        self._row(
            f"durable over {protocol}, CPU s per 1 M records", target, figure=shown(cpu, ".3f"),
            ratio=ratio and f"{ratio:.2f}x the floor ({floor:.3f})", reached=is_cheap,
            command=self._command("intake", subject="forebay", **of),
        )  # fmt: skip

    def _beside_the_collector(self):
        for what, figure, is_less in [
            ("CPU s per 1 M records", "cpu_seconds_per_million", True),
            ("records/s", "items_per_second", False),
        ]:
            ours = self._intake(figure, **LOGS)
            theirs = self._intake(figure, "collector, fsync", **LOGS)
            ratio = quotient(theirs, ours) if is_less else quotient(ours, theirs)
            digits = ".3f" if is_less else ",.0f"
            self._row(
                f"beside the Collector with fsync, over gRPC: {what}",
                "at least 10x",
                figure=None if ratio is None else f"{ours:{digits}} beside {theirs:{digits}}",
                ratio=shown(ratio, ".1f", "x"),
                reached=ratio is not None and ratio >= 10,
                command=self._command("intake", subject="collector, fsync", **LOGS),
            )

    def _throughput(self, protocol, least):
        of = {"shape": "logs", "protocol": protocol}
        ours = self._intake("bytes_per_second", **of)
        group = self._intake("group_bytes", **of)
        disk = self._disk("bytes_per_second", max, protocol=protocol, load="intake")
        bar = least * GB if disk is None else min(least * GB, 0.7 * disk)
        ratio = quotient(ours, disk)
        self._row(
            f"throughput over {protocol}, 16 connections",
            f"at least {least} GB/s, or 70 % of write+fdatasync" + ("" if disk is None else f": {bar / GB:.2f} GB/s"),
            figure=shown(ours and ours / GB, ".2f", " GB/s"),
            ratio="" if ratio is None else f"{ratio:.0%} of fio's {disk / GB:.2f} GB/s in groups of {group / 1024:.0f} KiB",
            reached=ours is not None and ours >= bar,
            command=self._command("intake", subject="forebay", **of),
        )

    def _disk(self, figure, best, **of):
        """What the better of the two ways of writing gives."""
        found = [self._run.median("disk", figure, subject=f"write+fdatasync, {way}", **of) for way in WAYS]
        return best((value for value in found if value is not None), default=None)

    def _large(self):
        of = {"shape": "large", "protocol": "grpc"}
        ours = self._intake("requests_per_second", **of)
        each = self._run.median("disk", "writes_per_second", subject="append+fsync")
        ratio = quotient(ours, each)
        self._row(
            "100 kB requests over gRPC, 64 clients", "at least 5x an fsync for each", figure=shown(ours, ",.0f", " requests/s"),
            ratio=ratio and f"{ratio:.1f}x ({each:,.0f}/s)", reached=ratio and ratio >= 5,
            command=self._command("intake", subject="forebay", **of),
        )  # fmt: skip

    def _small(self):
        of = {"shape": "small", "protocol": "grpc"}
        command = self._command("intake", subject="forebay", **of)
        cpu, floor = (self._intake("cpu_us_per_request", subject, **of) for subject in ("forebay", "floor"))
        rate, most = (self._intake("requests_per_second", subject, **of) for subject in ("forebay", "floor"))
        self._row(
            "small requests (10 records, 4 kB) over gRPC, 256 in flight: CPU a request", "at most 30 us",
            figure=shown(cpu, ".1f", " us"), ratio=of_floor(cpu, floor), reached=cpu is not None and cpu <= 30, command=command,
        )  # fmt: skip
        self._row(
            "the same: requests/s", "at least 30,000", figure=shown(rate, ",.0f"), ratio=of_floor(rate, most),
            reached=rate is not None and rate >= 30_000, command=command,
        )  # fmt: skip

    def _half_load(self):
        of = {**LOGS, "subject": "forebay"}
        p99 = self._run.median("half load", "p99_ms", **of)
        sync = self._disk("sync_p50_ms", max, protocol="grpc", load="half load")
        slow = self._disk("sync_p99_ms", max, protocol="grpc", load="half load")
        ratio = quotient(p99, sync)
        self._row(
            "p99 of acknowledgement over gRPC at half load", "under 3x one fdatasync (its median)",
            figure=None if ratio is None else f"{p99:.2f} ms",
            ratio="" if ratio is None else f"{ratio:.1f}x its median {sync:.2f} ms, {p99 / slow:.1f}x its p99 {slow:.2f} ms",
            reached=ratio is not None and ratio < 3, command=self._command("half load", **of),
        )  # fmt: skip

    def _claude_code(self, protocol):
        of = {"shape": "claude-code", "protocol": protocol}
        rate, most = (self._intake("requests_per_second", subject, **of) for subject in ("forebay", "floor"))
        self._row(
            f"Claude Code's requests over {protocol}", "at least 15,000/s", figure=shown(rate, ",.0f", " requests/s"),
            ratio=of_floor(rate, most), reached=rate is not None and rate >= 15_000,
            command=self._command("intake", subject="forebay", **of),
        )  # fmt: skip

    def _packing(self, name, most):
        cpu = self._run.median("packing", "cpu_seconds_per_million", subject=name)
        self._row(
            f"pack `{name}`, CPU s per 1 M records", f"at most {most}", figure=shown(cpu, ".2f"),
            reached=cpu is not None and cpu <= most, command=self._command("packing", subject=name),
        )  # fmt: skip

    def _in_to_bucket(self):
        figure = "cpu_seconds_per_million"
        ours = self._run.median("in to bucket", figure, subject="forebay")
        theirs = self._run.median("in to bucket", figure, subject="collector, fsync")
        memory = self._run.median("in to bucket", figure, subject="collector, memory")
        ratio = quotient(theirs, ours)
        self._row(
            "in to bucket in all, `otlp_json`+gzip, CPU s per 1 M records", "at least 4x less than the Collector's",
            figure=None if ratio is None else f"{ours:.2f} beside {theirs:.2f}",
            ratio="" if ratio is None else f"{ratio:.1f}x" + (f"; without fsync {memory / ours:.1f}x" if memory else ""),
            reached=ratio is not None and ratio >= 4, command=self._command("in to bucket", subject="forebay"),
        )  # fmt: skip

    def _memory(self):
        growing = [record for record in self._run.select("outage") if record["subject"].startswith("growing")]
        loads = [self._run.most(measure, "peak_rss_bytes", subject="forebay") for measure in ("intake", "while packing")]
        found = {
            "at full load": (max((peak for peak in loads if peak), default=None), "intake,while-packing"),
            "while a backlog grows": (max((part["peak_rss_bytes"] for part in growing), default=None), "outage"),
            "while it is packed": (self._run.most("outage", "peak_rss_bytes", subject="waiting"), "outage"),
            "while it is delivered": (self._run.most("outage", "peak_rss_bytes", subject="delivering"), "outage"),
        }
        for when, (peak, measure) in found.items():
            ratio = ""
            if when == "while a backlog grows" and growing:
                first, last = (growing[place]["peak_rss_bytes"] / machine.MIB for place in (0, -1))
                ratio = f"{first:.0f} MiB in its first fifth, {last:.0f} in its last of {gib(growing[-1]['backlog_bytes'])}"
            self._row(
                f"peak RSS {when}", "at most 64 MiB", figure=shown(peak and peak / machine.MIB, ".0f", " MiB"), ratio=ratio,
                reached=peak is not None and peak <= 64 * machine.MIB, command=f"benches/compare --parts={measure}",
            )  # fmt: skip

    def _start(self):
        found = self._run.select("start")
        record = found[-1] if found else None
        self._row(
            "start with a backlog, until a request is acknowledged", "under 1 s with 10 GiB",
            figure=record and f"{record['acknowledged_seconds']:.2f} s",
            ratio=record and f"with {gib(record['backlog_bytes'])}: {record['segments']} segments, {record['objects']} objects" or "",
            reached=record is not None and record["acknowledged_seconds"] < 1, command="benches/compare --parts=outage",
        )  # fmt: skip

    def _written(self):
        kernel = self._intake("written_per_byte", **LOGS)
        counted = self._intake("log_bytes_per_byte", **LOGS)
        self._row(
            "bytes written to disk per byte acknowledged, log", "at most 1.1", figure=shown(kernel, ".3f"),
            ratio="" if counted is None else f"its own count {counted:.3f}", reached=kernel is not None and kernel <= 1.1,
            command=self._command("intake", subject="forebay", **LOGS),
        )  # fmt: skip
        for subject in ["forebay, otlp_proto+zstd", "forebay, parquet+zstd"]:
            spool = self._run.median("in to bucket", "spool_bytes", subject=subject)
            taken = self._run.median("in to bucket", "bytes", subject=subject)
            ratio = quotient(spool, taken)
            self._row(
                f"the same, spool, {subject.partition(', ')[2]}", "at most 0.3", figure=shown(ratio, ".3f"),
                reached=ratio is not None and ratio <= 0.3, command=self._command("in to bucket", subject=subject),
            )  # fmt: skip

    def _while_packing(self):
        packing = self._run.median("while packing", "items_per_second")
        alone = self._intake("items_per_second", **LOGS)
        speed = self._run.median("while packing", "packed_bytes_per_second")
        ratio = quotient(packing, alone)
        kept_up = "" if self._run.median("while packing", "waiting_segments") else ", which kept up"
        self._row(
            "intake over gRPC while packing, records/s", "at least 70 % of intake alone",
            figure=None if ratio is None else f"{packing:,.0f} beside {alone:,.0f}",
            ratio="" if ratio is None else f"{ratio:.0%}, packing {speed / 1e6:.0f} MB/s meanwhile{kept_up}",
            reached=ratio is not None and ratio >= 0.7, command=self._command("while packing"),
        )  # fmt: skip


def shown(value, digits, unit=""):
    """A figure as text; none if there is none."""
    return None if value is None else f"{value:{digits}}{unit}"


def quotient(value, by):
    """A ratio; none if one of the two was not measured."""
    return value / by if value is not None and by else None


def of_floor(value, floor):
    """What a figure is beside the floor's."""
    ratio = quotient(value, floor)
    return "" if ratio is None else f"{ratio:.2f}x the floor ({floor:,.1f})"


def gib(count):
    """Bytes as GiB."""
    return f"{count / machine.GIB:.1f} GiB"
