"""What lies in a bucket is printed, and sent to a real Collector again: in every format, over every
protocol, and through the outage of the store that it is read from."""

import collections
import json
import signal
import subprocess

import pytest

from support import items
from support.collector import SIGNALS, Collector
from support.forebay import BINARY, Forebay
from support.seaweedfs import AUDITOR, BUCKET, SeaweedFS
from support.telemetry import captured
from support.waiting import wait_until

FORMATS = {
    "otlp-jsonl": "gzip", "otlp-json": "zstd", "otlp-proto": "none", "parquet": "zstd", "jsonl": "gzip", "csv": "none",
}  # fmt: skip
PROTOCOLS = {
    "otlp-jsonl": "http/protobuf", "otlp-json": "http/json", "otlp-proto": "grpc",
    "parquet": "grpc", "jsonl": "http/json", "csv": "http/protobuf",
}  # fmt: skip


@pytest.fixture(name="store", scope="module")
def a_store_with_telemetry(tmp_path_factory):
    """What Claude Code was seen to send, in each format below a prefix of its own, in several objects of each signal."""
    folder = tmp_path_factory.mktemp("replay")
    objects = {
        name: {"format": name.replace("-", "_"), "compression": packed, "prefix": name} for name, packed in FORMATS.items()
    }
    first, *others = FORMATS
    configuration = folder / "forebay.yaml"
    configuration.write_text(
        json.dumps({"objects": objects[first], "outputs": {name: {"objects": objects[name]} for name in others}})
    )
    with SeaweedFS(folder) as store:
        settings = store.settings("") | {"CONFIG": configuration, "RECEIVE_RESEND_WINDOW": "0s"}
        forebay = Forebay(folder, settings)
        forebay.environment.pop("FOREBAY_OBJECTS_FORMAT")
        forebay.start()
        try:
            for number, export in enumerate(captured()):
                export.send(forebay)
                if number % 10 == 9:
                    forebay.flush()
            forebay.flush()
        finally:
            forebay.kill()
        yield store


@pytest.fixture(name="sent", scope="module")
def what_was_sent():
    """Its items, by signal."""
    messages = collections.defaultdict(list)
    for export in captured():
        is_json = export.content_type == "application/json"
        message = items.message(export.signal, json.loads(export.body)) if is_json else export.message
        messages[export.signal].append(message)
    return {signal: items.of_messages(signal, messages[signal]) for signal in SIGNALS}


def reader(folder, store):
    """A forebay that has nothing but the right to read."""
    access = {"UPLOAD_S3_ACCESS_KEY_ID": AUDITOR[0], "UPLOAD_S3_SECRET_ACCESS_KEY": AUDITOR[1]}
    return Forebay(folder, {**store.settings(""), **access})


def address(collector, protocol):
    """Where the Collector takes this protocol."""
    return f"http://127.0.0.1:{collector.grpc if protocol == 'grpc' else collector.http}"


def check_arrived(collector, sent):
    """Everything is in the Collector's file, once."""
    count = lambda: sum(sum(items.of_json(signal, found).values()) for signal, found in collector.read().items())
    wanted = sum(sum(of_signal.values()) for of_signal in sent.values())
    wait_until(lambda: count() >= wanted, "the Collector wrote everything down")
    for signal, found in collector.read().items():
        items.check_equal(items.of_json(signal, found), sent[signal], signal)


@pytest.mark.parametrize("prefix", FORMATS)
def test_a_bucket_is_sent_to_a_collector(tmp_path, store, sent, prefix):
    protocol = PROTOCOLS[prefix]
    forebay = reader(tmp_path, store)
    printed = forebay.run("cat", f"s3://{BUCKET}/{prefix}").splitlines()
    documents = collections.defaultdict(list)
    for document in map(json.loads, printed):
        ((key, _),) = document.items()
        documents[{"resourceLogs": "logs", "resourceMetrics": "metrics", "resourceSpans": "traces"}[key]].append(document)
    for signal in SIGNALS:
        items.check_equal(items.of_json(signal, documents[signal]), sent[signal], f"{prefix}, printed: {signal}")
    with Collector(tmp_path) as collector:
        to = address(collector, protocol)
        said = forebay.run("replay", "--from", f"s3://{BUCKET}/{prefix}", "--to", to, "--protocol", protocol)
        print(said)
        check_arrived(collector, sent)


@pytest.mark.parametrize("patience", ["2s", "5m"])
def test_a_store_that_goes_away_is_waited_for_and_a_later_run_goes_on(tmp_path, store, sent, patience):
    forebay = reader(tmp_path, store)
    state = tmp_path / "replay.state"
    with Collector(tmp_path) as collector:
        place = f"s3://{BUCKET}/otlp-jsonl"
        arguments = ["replay", "--from", place, "--to", address(collector, "http"), "--state", str(state)]
        slow = subprocess.Popen(
            [BINARY, *arguments, "--rate", "20kB", "--max-request-bytes", "1B", "--retry-for", patience],
            env=forebay.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            wait_until(lambda: state.exists() and '"done"' in state.read_text(), "an object is done")
            # The store takes its time to end, in which nothing is to be read.
            slow.send_signal(signal.SIGSTOP)
            store.stop()
            slow.send_signal(signal.SIGCONT)
            assert slow.stderr.readline().startswith("forebay: it does not go on: ")
            if patience == "2s":
                assert slow.wait(timeout=120) == 1
                assert "Connection refused" in slow.stderr.read()
                store.start()
                print(forebay.run(*arguments))
            else:
                store.start()
                assert slow.stderr.readline().startswith("forebay: it goes on after ")
                assert slow.wait(timeout=300) == 0
        finally:
            slow.kill()
            slow.communicate()
            if store.process is None:
                store.start()
        check_arrived(collector, sent)
        assert "sent 0 items in 0 requests" in forebay.run(*arguments)


def test_whoever_may_only_write_is_told_what_is_wanted(tmp_path, store):
    forebay = Forebay(tmp_path, store.settings(""))
    done = subprocess.run(
        [BINARY, "cat", f"s3://{BUCKET}/otlp-jsonl"],
        env=forebay.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "reading back wants s3:ListBucket and s3:GetObject" in done.stderr, done.stderr
