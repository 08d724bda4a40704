"""The first steps of a newcomer, by the words of the README: it is built and runs, a sample is sent, an object is there."""

import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import time

import duckdb

from support.forebay import BINARY
from support.ports import free_port
from support.waiting import wait_until

PROJECT = pathlib.Path(__file__).parents[2]
USUAL = {"RECEIVE_GRPC": 4317, "RECEIVE_HTTP": 4318, "ADMIN_LISTEN": 13133}
WITHIN_SECONDS = 10
SIGNALS = ["logs", "metrics", "traces"]


def commands():
    """Those of the README's section, as words, without what it says of them."""
    (section,) = re.findall(r"^## Two commands\n(.*?)^Claude Code sends", (PROJECT / "README.md").read_text(), re.M | re.S)
    return [shlex.split(line, comments=True) for line in re.findall(r"^    (.*)$", section, re.M)]


def is_free(port):
    """Whether nobody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def rows(bucket, signal_name):
    """How many there are, as an analyst would ask."""
    objects = bucket / signal_name
    if not any(objects.rglob("*.parquet")):
        return 0
    ((count,),) = duckdb.sql(f"SELECT count(*) FROM '{objects}/**/*.parquet'").fetchall()
    return count


def test_an_object_appears_within_seconds(folder, figure):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FOREBAY_")}
    if not all(map(is_free, USUAL.values())):
        print("the usual ports are taken here, so others are set")
        environment |= {f"FOREBAY_{key}": f"127.0.0.1:{free_port()}" for key in USUAL}
    # In a folder of its own, so that a clone stays as it is.
    run, tests, send, find, status = commands()
    assert run[:2] == ["cargo", "run"] and tests == ["cargo", "test"]
    here = lambda words: [BINARY if word == "target/release/forebay" else word for word in words]
    command = [*run, "--quiet", "--manifest-path", str(PROJECT / "Cargo.toml")]
    with open(folder / "errors.log", "wb") as errors:
        # cargo becomes the program that it runs, so signals reach forebay.
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        greeting = []
        for line in process.stdout:
            greeting.append(line)
            if "forebay send" in line:
                break
        greeting = "".join(greeting)
        print(greeting, (folder / "errors.log").read_text())
        for promised in ["OTLP", "objects   file://", "forebay-data", "CLAUDE_CODE_ENABLE_TELEMETRY=1"]:
            assert promised in greeting

        bucket = folder / "forebay-data" / "bucket"
        began = time.monotonic()
        assert "send" in send
        sending = subprocess.Popen(here(send), cwd=folder, env=environment, stdin=subprocess.DEVNULL)
        wait_until(lambda: rows(bucket, "logs"), "an object is in the folder")
        seconds = time.monotonic() - began
        assert sending.wait(60) == 0
        assert seconds < WITHIN_SECONDS, f"it took {seconds:.1f} s"

        for signal_name in SIGNALS:
            wait_until(lambda: rows(bucket, signal_name), f"{signal_name} are in the folder")
            objects = list((bucket / signal_name).rglob("*.parquet"))
            assert len(objects) == 2, f"one with rows and one that shows the columns: {objects}"
        ask = lambda words: subprocess.run(
            here(words), cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, text=True
        ).stdout
        assert ask(find).count(".parquet\n") == 2 * len(SIGNALS)
        assert re.search(r"taking in +yes", ask(status))
        figure(f"first steps: {seconds:.2f} s from `forebay send` to the first object in the folder")

        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
