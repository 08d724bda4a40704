"""The OpenTelemetry Collector and its telemetrygen, as .ci/steps/collector builds them."""

import json
import os
import pathlib
import re
import signal
import subprocess
import urllib.error
import urllib.request

from .ports import free_port
from .waiting import wait_until

FOLDER = pathlib.Path(os.environ.get("CI_FOLDER", pathlib.Path(__file__).parents[3] / "target" / "ci")) / "go"
OTELCOL, TELEMETRYGEN = FOLDER / "otelcol" / "otelcol", FOLDER / "bin" / "telemetrygen"
OTELCOL_WITH_S3 = FOLDER / "otelcol-s3" / "otelcol"
SIGNALS = ["logs", "metrics", "traces"]
DOCUMENTS = {"resourceLogs": "logs", "resourceMetrics": "metrics", "resourceSpans": "traces"}
# Where the Collector counts what its exporters handed on.
SENT = {"logs": "sent_log_records", "metrics": "sent_metric_points", "traces": "sent_spans"}


class Otelcol:
    """A Collector with a configuration of whatever kind."""

    def __init__(self, folder, config, program=OTELCOL, environment=None):
        self._log = folder / "collector.log"
        self._config = config
        self._program = program
        self._environment = environment or {}
        self._process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        """Starts it, and returns once it takes telemetry in."""
        # It asks no cloud for anything, and has no proxy.
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(self._config.parent), **self._environment}
        with open(self._log, "ab") as log:
            before = log.tell()
            self._process = subprocess.Popen(
                [self._program, "--config", self._config], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

        def is_ready():
            assert self._process.poll() is None, f"the Collector ended; see {self._log}"
            return b"Everything is ready" in self._log.read_bytes()[before:]

        wait_until(is_ready, f"the Collector is ready; see {self._log}")

    @property
    def pid(self):
        """The number of its process while it runs."""
        return self._process.pid

    def said(self, words):
        """How often it has said this."""
        return self._log.read_bytes().count(words.encode())

    def stop(self):
        """SIGTERM; it has to end well."""
        code = self._end(signal.SIGTERM)
        assert code == 0, f"after SIGTERM the Collector's exit code is {code}; see {self._log}"

    def kill(self):
        """SIGKILL, if it runs."""
        self._end(signal.SIGKILL)

    def _end(self, how):
        if self._process is None:
            return None
        process, self._process = self._process, None
        process.send_signal(how)
        try:
            return process.wait(60)
        finally:
            process.kill()


class Collector(Otelcol):
    """A Collector that takes OTLP and writes all that it gets into a file, as the OTLP JSON of its own; and hands it to
    further exporters, if any."""

    def __init__(self, folder, exporters=None, extensions=None):
        self.file = folder / "collector.jsonl"
        super().__init__(folder, folder / "collector.yaml")
        self.grpc, self.http, self._metrics = (free_port() for _ in range(3))
        exporters = exporters or {}
        config = {
            "receivers": {
                "otlp": {
                    "protocols": {
                        "grpc": {"endpoint": f"127.0.0.1:{self.grpc}"},
                        "http": {"endpoint": f"127.0.0.1:{self.http}"},
                    }
                }
            },
            "exporters": {"file": {"path": str(self.file), "flush_interval": "50ms", "append": True}, **exporters},
            "extensions": extensions or {},
            "service": {
                # Numbers of its own, for this machine only.
                "telemetry": {
                    "metrics": {
                        "level": "basic",
                        "readers": [{"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": self._metrics}}}}],
                    }
                },
                "extensions": [*(extensions or {})],
                "pipelines": {name: {"receivers": ["otlp"], "exporters": ["file", *exporters]} for name in SIGNALS},
            },
        }
        # What is JSON is YAML too.
        self._config.write_text(json.dumps(config, indent=2), encoding="utf-8")

    def read(self):
        """The documents that it wrote into its file, by signal."""
        return documents(self.file)

    def sent(self, signal_name):
        """How many items its exporters handed on since it started, each once for each exporter but the file."""
        return self._sum(f"otelcol_exporter_{SENT[signal_name]}", without="file")

    def _sum(self, name, without):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics}/metrics", timeout=10) as answer:
                lines = answer.read().decode().splitlines()
        except urllib.error.URLError:
            # It is ready before its numbers are.
            return 0
        lines = [line for line in lines if re.match(rf"{name}(_total|__[a-z_]+)?{{", line)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if f'exporter="{without}"' not in line)


def documents(file):
    """What a Collector wrote into a file, by signal. Of a line that it is writing there is nothing yet."""
    found = {name: [] for name in SIGNALS}
    whole, _, _ = file.read_text(encoding="utf-8").rpartition("\n")
    for line in whole.splitlines():
        document = json.loads(line)
        ((key, _),) = document.items()
        found[DOCUMENTS[key]].append(document)
    return found


def telemetrygen(what, address, *options, is_http=False):
    """Has telemetrygen send, and waits for it to end well."""
    way = ["--otlp-http"] if is_http else []
    command = [TELEMETRYGEN, what, f"--otlp-endpoint={address}", "--otlp-insecure", "--rate=0", *way, *options]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"telemetrygen {what}: {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
