"""The real program, as a process."""

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess

from .waiting import wait_until

BINARY = os.environ.get("FOREBAY_BINARY", str(pathlib.Path(__file__).parents[3] / "target" / "release" / "forebay"))

# Listens wherever the system has a free port; no process of a test may meet another one's.
ANYWHERE = {"RECEIVE_GRPC": "127.0.0.1:0", "RECEIVE_HTTP": "127.0.0.1:0", "ADMIN_LISTEN": "127.0.0.1:0"}


class Forebay:
    """A forebay with a data folder, which can be killed and started again. Settings are keys in capitals: LOG_SEAL_AFTER."""

    def __init__(self, folder, settings):
        self.data = folder / "data"
        self.output = folder / "forebay.log"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GOOGLE_"))}
        for key, value in {**ANYWHERE, **settings, "DATA_DIR": str(self.data)}.items():
            self.environment[f"FOREBAY_{key}"] = str(value)
        # Lines that the audit can look into.
        self.environment.setdefault("FOREBAY_OBJECTS_FORMAT", "otlp_jsonl")
        self.process = None
        self.grpc = self.http = self.admin = None

    def start(self):
        """Starts it, and returns once it takes telemetry in."""
        assert self.process is None
        with open(self.output, "ab") as errors:
            self.process = subprocess.Popen(
                [BINARY], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        greeting = []
        for line in self.process.stdout:
            greeting.append(line)
            if found := re.match(r"\s+OTLP\s+(\S+)(?: \(TLS\))? and (\S+?)(?: \(TLS\))?,", line):
                self.grpc, self.http = found.groups()
            if found := re.match(r"\s+admin\s+(\S+):", line):
                self.admin = found.group(1)
                return self
        raise AssertionError(f"it ended with {self.process.wait()}: {''.join(greeting)}{self.output.read_text()}")

    def kill(self):
        """SIGKILL, if it runs."""
        self._end(signal.SIGKILL)

    def stop(self):
        """SIGTERM; it has to end well."""
        code = self._end(signal.SIGTERM)
        assert code == 0, f"after SIGTERM the exit code is {code}; see {self.output}"

    def _end(self, how):
        if self.process is None:
            return None
        process, self.process = self.process, None
        process.send_signal(how)
        try:
            return process.wait(120)
        finally:
            process.kill()
            process.stdout.close()

    def restart_after_kill(self):
        """What a machine does that loses power and gets it back, as far as the process can see."""
        self.kill()
        self.start()

    def run(self, *arguments, **changed):
        """Runs a command of the program with the same settings; its exit code has to be 0."""
        environment = {**self.environment, **{f"FOREBAY_{key}": str(value) for key, value in changed.items()}}
        done = subprocess.run(
            [BINARY, *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"forebay {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def status(self):
        """What GET /status says."""
        return json.loads(self._ask("GET", "/status"))

    def metric(self, name):
        """The sum of a metric over its labels."""
        lines = self._ask("GET", "/metrics").splitlines()
        values = [line.rsplit(" ", 1)[1] for line in lines if re.match(rf"{name}[{{ ]", line)]
        return sum(map(float, values))

    def flush(self, seconds=120):
        """Has everything delivered, and waits for it."""
        return self.run("flush", "--admin", self.admin, "--wait", f"{seconds}s")

    def wait_until_delivering_fails(self):
        """Waits until it knows that the store is away."""
        wait_until(lambda: self.status()["delivery"]["failing_since"], "an attempt to deliver failed")

    def wait_until_delivered(self, objects):
        """Waits until so many objects were confirmed since it started."""
        wait_until(
            lambda: self.status()["delivery"]["objects_delivered"] >= objects, f"{objects} objects are delivered", 120
        )

    def memory(self):
        """Its memory now and at its peak, in MiB."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return [int(re.search(rf"{name}:\s+(\d+) kB", text).group(1)) / 1024 for name in ("VmRSS", "VmHWM")]

    def _ask(self, method, path):
        connection = http.client.HTTPConnection(self.admin, timeout=60)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read().decode()
            assert answer.status == 200, f"{path}: {answer.status} {body}"
            return body
        finally:
            connection.close()
