"""The emulator of Google Cloud Storage, as a process."""

import json
import pathlib
import subprocess
import sys
import urllib.parse
import urllib.request

from .ports import free_port
from .waiting import wait_until

BUCKET = "telemetry"


class Gcs:
    """The emulator with one bucket. It can be stopped and started again."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.log = folder / "gcs.log"
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Starts it, and returns once it answers."""
        command = [sys.executable, pathlib.Path(__file__).parent / "gcs_server.py"]
        command += [str(self.port), str(self.folder / "gcs"), BUCKET]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        wait_until(self._answers, f"the emulator answers; see {self.log}")

    def stop(self):
        """Ends it."""
        if self.process is not None:
            process, self.process = self.process, None
            process.terminate()
            try:
                process.wait(30)
            finally:
                process.kill()

    def settings(self, prefix):
        """The settings with which forebay writes into it."""
        return {
            "UPLOAD_TO": f"gs://{BUCKET}/{prefix}",
            "UPLOAD_GCS_ENDPOINT": self.endpoint,
            "UPLOAD_GCS_ALLOW_HTTP": "true",
            "UPLOAD_GCS_ANONYMOUS": "true",
            "UPLOAD_RETRY_LONGEST_WAIT": "1s",
        }

    def puts(self):
        """How many objects came for the first time, how many again, and how many answers were lost."""
        lines = self.log.read_text().splitlines()
        arrived = [line.split() for line in lines if line.startswith("PUT ")]
        new = sum(words[-1] == "new" for words in arrived)
        return new, len(arrived) - new, sum(line.startswith("lost the answer") for line in lines)

    def objects(self):
        """All objects."""
        names, token = [], ""
        while token is not None:
            page = json.loads(self._get(f"/storage/v1/b/{BUCKET}/o?pageToken={token}"))
            names += [item["name"] for item in page.get("items", [])]
            token = page.get("nextPageToken")
        quoted = {name: urllib.parse.quote(name, safe="") for name in names}
        return {name: self._get(f"/download/storage/v1/b/{BUCKET}/o/{quoted[name]}?alt=media") for name in names}

    def _get(self, path):
        with urllib.request.urlopen(self.endpoint + path, timeout=60) as answer:
            return answer.read()

    def _answers(self):
        assert self.process.poll() is None, f"the emulator ended; see {self.log}"
        try:
            return self._get("/")
        except OSError:
            return None
