"""The states that forebay can be in, brought about in the real program."""

import http.client
import http.server
import threading

from .load import request
from .ports import free_port
from .waiting import wait_until

TENANT_HEADER = "x-scope-orgid"
RECORDS = 16
RECORD_BYTES = 8_000


def dead_store(port=None):
    """The settings for a store that nobody answers for, or that listens at this port."""
    return {
        "UPLOAD_TO": "s3://telemetry/site",
        "UPLOAD_S3_ENDPOINT": f"http://127.0.0.1:{port or free_port()}",
        "UPLOAD_S3_ALLOW_HTTP": "true",
        "UPLOAD_S3_ACCESS_KEY_ID": "writer",
        "UPLOAD_S3_SECRET_ACCESS_KEY": "page-secret-0123456789",
        "UPLOAD_RETRY_LONGEST_WAIT": "1s",
        "LOG_SEAL_AFTER": "1s",
    }


def small_disk():
    """The settings for a disk that is soon full."""
    return {
        "LOG_SEGMENT_BYTES": "1MiB",
        "LOG_DISK_BUDGET": "12MiB",
        "RECEIVE_MAX_REQUEST_BYTES": "1MiB",
        "RECEIVE_HOLD_BEFORE_REFUSING": "0s",
    }


def post(forebay, first=0, tenant=None):
    """Sends some records, and says with which status they were answered."""
    body = request(range(first, first + RECORDS), RECORD_BYTES).SerializeToString()
    headers = {"Content-Type": "application/x-protobuf"} | ({TENANT_HEADER: tenant} if tenant else {})
    connection = http.client.HTTPConnection(forebay.http, timeout=60)
    try:
        connection.request("POST", "/v1/logs", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def packed(forebay):
    """The status once everything that was sent has become objects, which are smaller, so that nothing shrinks any more."""

    def is_packed():
        status = forebay.status()
        return status["queue"]["segments"] == 0 and status

    return wait_until(is_packed, "the log is packed")


def fill(forebay, share):
    """Sends until so much of the disk budget is used."""
    sent = 0
    while (disk := packed(forebay)["disk"])["used_bytes"] < share * disk["budget_bytes"]:
        # A twentieth of the small disk at a time, for what is sealed is waited for.
        for _ in range(8):
            assert post(forebay, sent) == 200, f"refused at {disk}"
            sent += RECORDS


def fill_up(forebay):
    """Sends until nothing more is taken in."""
    sent = 0
    while packed(forebay)["intake"]["taking"]:
        while post(forebay, sent) == 200:
            sent += RECORDS
        assert sent < 100_000, forebay.status()


class RudeStore:
    """A store that takes nothing, and says so in words of its own."""

    def __init__(self, words):
        body = f"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>{words}</Message></Error>".encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(403)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(60)


def day():
    """A history of 24 hours: a hole of an hour in it, a busy noon, and errors at the end."""
    steps, hole = 288, range(100, 112)

    def series(value):
        return [None if step in hole else value(step) for step in range(steps)]

    busy = series(lambda step: 300 * (20 + step % 48))
    late = series(lambda step: 4 + step % 5 if step > 250 else 0)
    return {
        "step_seconds": 300,
        "end_at": "2026-11-23T10:00:00Z",
        "series": {
            "received_items": busy,
            "received_bytes": series(lambda step: 300 * 4096 * (20 + step % 48)),
            "delivered_items": busy,
            "delivered_bytes": series(lambda step: 300 * 512 * (20 + step % 48)),
            "delivered_objects": series(lambda step: 3),
            "queue_items": series(lambda step: 6_000 + 50 * step),
            "queue_bytes": series(lambda step: 4096 * (6_000 + 50 * step)),
            "oldest_age_seconds": series(lambda step: 200 + step),
            "disk_used_bytes": series(lambda step: (50 + step) << 20),
            "disk_budget_bytes": series(lambda step: 1 << 30),
            "disk_free_bytes": series(lambda step: 40 << 30),
            "refused_requests": series(lambda step: 0),
            "failed_attempts": late,
            "dropped_items": series(lambda step: 0),
            "commit_p50_seconds": series(lambda step: 0.0004 + step % 7 / 100_000),
            "commit_p99_seconds": series(lambda step: 0.0011 + step % 11 / 10_000),
        },
    }
