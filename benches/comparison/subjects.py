"""The subjects, each as its own documentation says it should be run; benches/README.md explains every setting.

Each is started anew for each measurement, in a folder of its own, and ended with it. What it is to do with what it took is
one of two things:

- `HOLD`: take it in and keep it, and do nothing else as far as it can be told so. That shows what intake costs.
- `DELIVER`: bring it into the bucket, as in production.
"""

import contextlib
import ctypes.util
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from support.collector import OTELCOL_WITH_S3
from support.forebay import Forebay
from support.ports import free_port
from support.waiting import wait_until

from . import machine
from .collectors import BatchingCollector, DurableCollector

HOLD, DELIVER = "hold", "deliver"

FLOOR = os.environ.get("FLOOR_BINARY", "")
# What the program in rotel's wheel for this Python is linked with.
LIBPYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

# Larger than what any measurement of intake sends, so that nothing is packed while it runs.
HELD_SEGMENT_BYTES = 512 * machine.MIB
# A process that has written nothing for so long has nothing in hand.
QUIET_SECONDS = 1
# What the Collector's exporter writes.
LIKE_THE_COLLECTOR = {"OBJECTS_FORMAT": "otlp_json", "OBJECTS_COMPRESSION": "gzip", "OBJECTS_KEY": "collector"}
AS_BY_DEFAULT = {"OBJECTS_FORMAT": "parquet"}
AS_PROTOBUF = {"OBJECTS_FORMAT": "otlp_proto", "OBJECTS_COMPRESSION": "zstd"}


class Buffer:
    """forebay itself, with its own settings but for where the objects go, and what they are."""

    name = "forebay"

    def __init__(self, folder, store, task, settings=None):
        settings = {**(LIKE_THE_COLLECTOR if settings is None else settings), **store.settings(folder.name)}
        if task == HOLD:
            settings |= {"LOG_SEGMENT_BYTES": f"{HELD_SEGMENT_BYTES // machine.MIB}MiB", "LOG_SEAL_AFTER": "1d"}
        self.program = Forebay(folder, settings)

    def __enter__(self):
        self.program.start()
        return self

    def __exit__(self, *_):
        self.program.kill()

    grpc = property(lambda self: self.program.grpc)
    http = property(lambda self: self.program.http)
    pid = property(lambda self: self.program.process.pid)

    def settle(self):
        """Waits until it has prepared the files of its log, which it does once and not for every byte."""
        quiet_since, written = time.monotonic(), None

        def is_quiet():
            nonlocal quiet_since, written
            now = machine.usage(self.pid).write_bytes
            if now != written or any(self.program.data.rglob("*.new")):
                quiet_since, written = time.monotonic(), now
            return time.monotonic() - quiet_since > QUIET_SECONDS

        wait_until(is_quiet, "forebay has prepared its files")

    def wait_until_delivered(self, items, seconds):
        """Has everything delivered, and waits until so many items are confirmed."""
        self.program.flush(min(seconds, 300))
        delivered = self.delivered_items()
        assert delivered == items, f"{delivered} of {items} items were delivered"

    def delivered_items(self):
        """How many items the store has confirmed since it started."""
        return self.program.metric("forebay_upload_delivered_items_total")

    def log_figures(self):
        """The groups in which the log has written since the process started."""
        metric = self.program.metric
        groups = metric("forebay_log_group_bytes_count")
        return {
            "groups": groups,
            "group_bytes": metric("forebay_log_group_bytes_sum") / groups if groups else 0,
            "log_bytes": metric("forebay_log_written_bytes_total"),
            "acknowledged_bytes": metric("forebay_receive_acknowledged_bytes_total"),
        }

    def spool_figures(self):
        """What was packed since the process started."""
        metric = self.program.metric
        return {
            "packed_bytes": metric("forebay_pack_read_bytes_total"),
            "spool_bytes": metric("forebay_pack_written_bytes_total"),
        }


class Floor:
    """forebay's receiver with the log switched off."""

    name = "floor"

    def __init__(self, *_):
        self.grpc = self.http = self._process = None

    def __enter__(self):
        self._process = subprocess.Popen([FLOOR, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        what, self.grpc, self.http = self._process.stdout.readline().split()
        assert what == "floor"
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    pid = property(lambda self: self._process.pid)

    def settle(self):
        """It has nothing to prepare."""


class Rotel:
    """rotel's agent. This version of it has no exporter for a bucket or a file, so it discards what it took (`blackhole`)."""

    name = "rotel"

    def __init__(self, folder, *_):
        self._folder = folder
        self.grpc, self.http = (f"127.0.0.1:{free_port()}" for _ in range(2))
        self._process = None

    def __enter__(self):
        command = [
            program_of_rotel(), "start", "--exporter", "blackhole",
            "--otlp-grpc-endpoint", self.grpc, "--otlp-http-endpoint", self.http,
            "--pid-file", f"{self._folder}/rotel.pid", "--log-file", f"{self._folder}/rotel.log",
        ]  # fmt: skip
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(self._folder)}
        with open(self._folder / "rotel.output", "ab") as output:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self._folder
            )
        try:
            wait_until(self._answers, f"rotel answers; see {self._folder}/rotel.output", 20)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    pid = property(lambda self: self._process.pid)

    def settle(self):
        """It has nothing to prepare."""

    def _answers(self):
        assert self._process.poll() is None, f"rotel ended with {self._process.returncode}; see {self._folder}/rotel.output"
        request = urllib.request.Request(
            f"http://{self.http}/v1/logs", data=b"", headers={"Content-Type": "application/x-protobuf"}
        )
        with contextlib.suppress(OSError):
            urllib.request.urlopen(request, timeout=5).close()
            return True
        return False


def program_of_rotel():
    """The program that rotel's wheel brings; none if it is not installed."""
    found = sorted(Path(sys.prefix).glob("lib/python3*/site-packages/rotel/rotel-agent"))
    return found[0] if found else None


SUBJECTS = {
    "forebay": Buffer,
    "floor": Floor,
    "collector, fsync": DurableCollector,
    "collector, memory": BatchingCollector,
    "rotel": Rotel,
}


def missing():
    """The subjects that cannot be had here, each with the reason."""
    reasons = {}
    if not OTELCOL_WITH_S3.exists():
        reasons |= dict.fromkeys(
            ["collector, fsync", "collector, memory"], "the Collector was not built; see target/ci/collector.log"
        )
    if program_of_rotel() is None:
        reasons["rotel"] = "its wheel is not installed"
    elif ctypes.util.find_library(f"python{LIBPYTHON}") is None:
        reasons["rotel"] = f"its program wants libpython{LIBPYTHON}, which is not there"
    if not Path(FLOOR).is_file():
        reasons["floor"] = "FLOOR_BINARY names no program"
    return reasons
