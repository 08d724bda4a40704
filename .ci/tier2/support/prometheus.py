"""Prometheus and promtool, as .ci/steps/prometheus unpacks them."""

import http.client
import json
import os
import pathlib
import subprocess
import urllib.parse

from .ports import free_port
from .waiting import wait_until

RESULTS = pathlib.Path(os.environ.get("CI_FOLDER", pathlib.Path(__file__).parents[3] / "target" / "ci"))
PROGRAMS = RESULTS / "prometheus" / "usr" / "bin"


def promtool(*arguments, given=None):
    """What promtool says; its exit code has to be 0."""
    done = subprocess.run([PROGRAMS / "promtool", *arguments], input=given, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"promtool {' '.join(map(str, arguments))}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


class Prometheus:
    """A Prometheus with a configuration of whatever kind."""

    def __init__(self, folder, config):
        self._folder = folder
        self._config = config
        self._log = folder / "prometheus.log"
        self._port = free_port()
        self._process = None

    def __enter__(self):
        command = [
            PROGRAMS / "prometheus", f"--config.file={self._config}", f"--storage.tsdb.path={self._folder}/tsdb",
            f"--web.listen-address=127.0.0.1:{self._port}",
        ]  # fmt: skip
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder)
        wait_until(self._is_ready, f"Prometheus is ready; see {self._log}")
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def query(self, expression):
        """What an expression says now: pairs of labels and a value."""
        data = self._api("query", query=expression)
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(sample["metric"], float(sample["value"][1])) for sample in data["result"]]

    def rules(self):
        """All rules, with what became of them."""
        return [rule for group in self._api("rules")["groups"] for rule in group["rules"]]

    def alerts(self, state="firing"):
        """The alerts in a state, by name and instance."""
        alerts = self._api("alerts")["alerts"]
        labels = [alert["labels"] for alert in alerts if alert["state"] == state]
        return {(label["alertname"], label.get("instance")) for label in labels}

    def texts(self):
        """What the alerts that fire say to people."""
        return [text for alert in self._api("alerts")["alerts"] for text in alert["annotations"].values()]

    def _is_ready(self):
        assert self._process.poll() is None, f"Prometheus ended; see {self._log}"
        try:
            return self._get("/-/ready")[0] == 200
        except OSError:
            return False

    def _api(self, what, **parameters):
        status, body = self._get(f"/api/v1/{what}?{urllib.parse.urlencode(parameters)}")
        answer = json.loads(body)
        assert status == 200 and answer["status"] == "success", f"{parameters}: {status} {body}"
        assert not answer.get("warnings"), f"{parameters}: {body}"
        return answer["data"]

    def _get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()
