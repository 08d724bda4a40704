"""Forebays that Prometheus watches."""

import contextlib
import http.client
import pathlib

from . import monitoring
from .access import TOKEN, Access
from .forebay import Forebay
from .load import Load, request
from .ports import free_port
from .prometheus import promtool
from .waiting import wait_until

SMALL = {
    "LOG_SEGMENT_BYTES": "1MiB",
    "LOG_SEAL_AFTER": "1s",
    "RECEIVE_MAX_REQUEST_BYTES": "1MiB",
}


class Fleet:
    """Forebays, and how Prometheus finds them: `edge` refuses when it is full, `dropping` drops; `secured` has all that can
    be switched on, and a folder for a store."""

    def __init__(self, folder, store):
        self._folder = folder
        self._store = store
        self._access = Access(folder, has_tls=True, token=TOKEN)
        self.all = {}
        settings = {
            "edge": store.settings("edge") | {"LOG_DISK_BUDGET": "32MiB", "RECEIVE_HOLD_BEFORE_REFUSING": "100ms"},
            "dropping": store.settings("dropping") | {"LOG_DISK_BUDGET": "16MiB", "LOG_WHEN_FULL": "drop_oldest"},
            "secured": self._secured(),
        }
        for name, more in settings.items():
            (folder / name).mkdir()
            self.all[name] = Forebay(folder / name, SMALL | more | {"ADMIN_LISTEN": f"127.0.0.1:{free_port()}"})

    def __enter__(self):
        for process in self.all.values():
            process.start()
        return self

    def __exit__(self, *_):
        for process in self.all.values():
            process.kill()

    def _secured(self):
        asked = {name.replace("RECEIVE_", "ADMIN_"): value for name, value in self._access.settings().items()}
        return asked | {
            "ADMIN_TLS_RELOAD_INTERVAL": "1s",
            "UPLOAD_TO": f"file://{self._folder}/bucket",
            "UPLOAD_RECEIPTS_HOURLY": "true",
            # Nobody listens there.
            "UPLOAD_RECEIPTS_WEBHOOK_URL": f"http://127.0.0.1:{free_port()}/",
            "OBJECTS_BUCKET": "{resource.bucket}",
            "OBJECTS_KEY": "{resource.place:-none}/{signal}_{unique}",
            "OBJECTS_MAX_PREFIXES": "1",
        }

    def address(self, name):
        """Of its admin server."""
        return self.all[name].environment["FOREBAY_ADMIN_LISTEN"]

    def config(self):
        """The configuration that the page shows, with these addresses and files."""
        token = self._folder / "token"
        token.write_text(TOKEN, encoding="utf-8")
        recording, alerts = monitoring.hurried(self._folder)
        target = lambda name, more="": f'targets: ["{self.address(name)}"]\n        labels: {{ instance: {name}{more} }}'
        often = monitoring.SCRAPES
        text = monitoring.replaced(
            monitoring.example(),
            {
                "  scrape_interval: 15s": f"  scrape_interval: {often}\n  scrape_timeout: {often}",
                "evaluation_interval: 15s": f"evaluation_interval: {often}",
                "/etc/prometheus/forebay/recording.yaml": str(recording),
                "/etc/prometheus/forebay/alerts.yaml": str(alerts),
                "/etc/prometheus/forebay/token": str(token),
                "/etc/prometheus/forebay/ca.pem": str(self._access.authority),
                'targets: ["127.0.0.1:13133"]': f"{target('edge')}\n      - {target('dropping')}",
                'targets: ["edge.example.com:13133"]\n        labels: { job: forebay }': target("secured", ", job: forebay"),
            },
        )
        file = self._folder / "prometheus.yaml"
        file.write_text(text, encoding="utf-8")
        promtool("check", "config", file)
        return file

    def check_metrics(self):
        """Has promtool look at names, types and descriptions."""
        for name in self.all:
            way = (http.client.HTTPConnection, {})
            if name == "secured":
                way = (http.client.HTTPSConnection, {"context": self._access.context(client=False)})
            with contextlib.closing(way[0](self.address(name), timeout=60, **way[1])) as connection:
                connection.request("GET", "/metrics", headers=self._access.headers())
                answer = connection.getresponse()
                assert answer.status == 200
                promtool("check", "metrics", given=answer.read().decode())

    def spoil_certificate(self):
        """Puts something else into the file of `secured`."""
        file = pathlib.Path(self.all["secured"].environment["FOREBAY_ADMIN_TLS_CERT_FILE"])
        file.write_text("no certificate", encoding="utf-8")

    def send_astray(self):
        """Has `secured` find values that it has no bucket and no folder for."""
        for place in ("here", "there"):
            export = request([1, 2], padding=80)
            export.resource_logs[0].resource.attributes.add(key="place").value.string_value = place
            with contextlib.closing(http.client.HTTPConnection(self.all["secured"].http, timeout=60)) as connection:
                protobuf = {"Content-Type": "application/x-protobuf"}
                connection.request("POST", "/v1/logs", export.SerializeToString(), protobuf)
                assert connection.getresponse().status == 200

    def lose_an_object(self, name):
        """Removes an object from the spool while the process is killed, which it finds out when it starts again."""
        process = self.all[name]
        self._store.stop()
        with Load(process, clients=1):
            objects = wait_until(lambda: sorted(process.data.glob("spool/**/*.object")), "an object waits")
            process.wait_until_delivering_fails()
            process.kill()
        objects[0].unlink()
        process.start()
        self._store.start()
