"""The OpenTelemetry Collector: with a queue on disk, and as it mostly runs, in memory."""

import json
import re
import socket
import urllib.error
import urllib.request

from support.collector import OTELCOL_WITH_S3, Otelcol
from support.ports import free_port
from support.seaweedfs import BUCKET, WRITER
from support.waiting import wait_until

# More requests than any measurement of intake sends.
UNBOUNDED = 10_000_000
SENT = "otelcol_exporter_sent_(log_records|metric_points|spans)"
LOST = "otelcol_exporter_(send|enqueue)_failed_(log_records|metric_points|spans)"


class SilentStore:
    """A store that takes connections and never answers, so that an exporter stands still and costs nothing."""

    def __init__(self):
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.endpoint = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def close(self):
        """Has it vanish."""
        self._socket.close()


class S3Collector(Otelcol):
    """A Collector that takes OTLP and writes it into the bucket with the `awss3` exporter."""

    name = ""

    def __init__(self, folder, store, task):
        self._silent = SilentStore() if task == "hold" else None
        self._store = self._silent or store
        self.folder = folder
        self._is_held = task == "hold"
        self.grpc, self.http = (f"127.0.0.1:{free_port()}" for _ in range(2))
        self._metrics = free_port()
        config = folder / "collector.yaml"
        # What is JSON is YAML too.
        config.write_text(json.dumps(self.configuration(), indent=2), encoding="utf-8")
        key, secret = WRITER
        keys = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_EC2_METADATA_DISABLED": "true"}
        super().__init__(folder, config, program=OTELCOL_WITH_S3, environment=keys)

    def __exit__(self, *_):
        super().__exit__()
        if self._silent:
            self._silent.close()

    def settle(self):
        """It has nothing to prepare."""

    def configuration(self):
        """The configuration of both; `queue`, `processors` and `extensions` are what they differ in."""
        exporter = {
            "s3uploader": {
                "region": "us-east-1",
                "s3_bucket": BUCKET,
                "s3_prefix": self.folder.name,
                "endpoint": self._store.endpoint,
                "s3_force_path_style": True,
                "disable_ssl": True,
                "compression": "gzip",
            },
            "timeout": "20s",
            "sending_queue": {"enabled": True, "block_on_overflow": True, **self.queue()},
        }
        if self._is_held:
            # One consumer takes one batch to a store that never answers; the rest stays in a queue that never fills up.
            exporter["sending_queue"] |= {"queue_size": UNBOUNDED, "num_consumers": 1}
            exporter["timeout"] = "1h"
        reader = {"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": self._metrics}}}}
        pipeline = {"receivers": ["otlp"], "processors": [*self.processors()], "exporters": ["awss3"]}
        protocols = {"grpc": {"endpoint": self.grpc}, "http": {"endpoint": self.http}}
        return {
            "receivers": {"otlp": {"protocols": protocols}},
            "processors": self.processors(),
            "exporters": {"awss3": exporter},
            "extensions": self.extensions(),
            "service": {
                "telemetry": {"metrics": {"level": "basic", "readers": [reader]}},
                "extensions": [*self.extensions()],
                "pipelines": {name: pipeline for name in ["logs", "metrics", "traces"]},
            },
        }

    def queue(self):
        """What is particular about the exporter's queue."""
        return {}

    def processors(self):
        """The processors, with their settings."""
        return {}

    def extensions(self):
        """The extensions, with their settings."""
        return {}

    def delivered_items(self):
        """How many items the exporter has brought to the store."""
        return self._sum(SENT)

    def wait_until_delivered(self, items, seconds):
        """Waits until so many items are in the bucket."""
        wait_until(lambda: self.delivered_items() + self._sum(LOST) >= items, f"{items} items are exported", seconds)
        lost = self._sum(LOST)
        assert not lost, f"it gave up {lost} of {items} items"

    def _sum(self, name):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics}/metrics", timeout=10) as answer:
                lines = answer.read().decode().splitlines()
        except urllib.error.URLError:
            # It is ready before its numbers are.
            return 0
        # Newer versions put the unit between the name and `_total`.
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.match(rf"{name}(_total|__[a-z_]+)?{{", line))


class DurableCollector(S3Collector):
    """With a queue on disk that is synced (`file_storage` with `fsync`), and batches behind it (`sending_queue.batch`)."""

    name = "collector, fsync"

    def queue(self):
        return {"storage": "file_storage", "batch": {}}

    def extensions(self):
        directory = str(self.folder / "file_storage")
        return {"file_storage": {"directory": directory, "create_directory": True, "timeout": "10s", "fsync": True}}


class BatchingCollector(S3Collector):
    """With the batch processor and a queue in memory, as most run it: what it acknowledged is gone if it ends."""

    name = "collector, memory"

    def processors(self):
        return {"batch": {}}

    def queue(self):
        # As in the example of the exporter's own documentation.
        return {"num_consumers": 10, "queue_size": 100}
