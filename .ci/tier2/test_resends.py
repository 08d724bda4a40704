"""Answers that get lost, and clients that send the very same bytes again until they have one."""

import collections
import contextlib
import gzip
import http.client
import itertools
import random
import threading

import grpc
import pytest
from google.protobuf import json_format

from support import audit
from support.load import PER_REQUEST, request
from support.proxy import PASS, SWALLOW, Proxy
from support.waiting import wait_until

SEED = 11
REQUESTS, KILLS = 150, 12
METHOD = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
PROTOBUF, JSON = {"Content-Type": "application/x-protobuf"}, {"Content-Type": "application/json"}
# A connection for each call, which is made once.
OF_ITS_OWN = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]


def over_grpc(address, body):
    """Whether the call was answered with OK."""
    with grpc.insecure_channel(address, OF_ITS_OWN) as channel, contextlib.suppress(grpc.RpcError):
        channel.unary_unary(METHOD)(body.SerializeToString(), timeout=30)
        return True
    return False


def over_http(address, body, headers=PROTOBUF, change=lambda body: body.SerializeToString()):
    """Whether the request was answered with 200."""
    connection = http.client.HTTPConnection(address, timeout=30)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("POST", "/v1/logs", change(body), headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status == 200
    return False


def with_gzip(address, body):
    """Over HTTP, compressed."""
    # Without a time in its header gzip makes the same of the same.
    pack = lambda body: gzip.compress(body.SerializeToString(), mtime=0)
    return over_http(address, body, PROTOBUF | {"Content-Encoding": "gzip"}, pack)


def as_json(address, body):
    """Over HTTP, as text."""
    return over_http(address, body, JSON, lambda body: json_format.MessageToJson(body).encode())


class Clients:
    """Clients that send requests one after the other, each again until it is acknowledged."""

    def __init__(self, ways):
        self.attempts = 0
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=way, daemon=True) for way in ways]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        # Otherwise those that are never answered would go on for ever.
        self._ended.set()
        for thread in self._threads:
            thread.join(60)

    def wait(self):
        """Waits until everything is acknowledged."""
        wait_until(lambda: not any(thread.is_alive() for thread in self._threads), "every request is acknowledged", 120)

    def _run(self, send, address):
        while True:
            with self._lock:
                first = next(self._numbers)
            if first >= REQUESTS:
                return
            body = request(range(first * PER_REQUEST, (first + 1) * PER_REQUEST), padding=200)
            while not self._ended.is_set():
                with self._lock:
                    self.attempts += 1
                if send(address(), body):
                    break
                # Nobody listens between a kill and the next start.
                self._ended.wait(0.05)


def check_each_is_there_once(bucket):
    """Every number of every request."""
    found = audit.numbers(audit.folder(bucket))
    twice = sorted(number for number, times in found.items() if times > 1)
    assert not twice, f"{len(twice)} records are there more than once, such as {twice[:10]}"
    assert found == collections.Counter(range(REQUESTS * PER_REQUEST))


@pytest.mark.parametrize("send", [over_grpc, over_http, with_gzip, as_json])
def test_what_is_sent_again_because_its_answer_was_lost_is_there_once(folder, forebay, figure, send):
    print(f"seed {SEED}")
    dice = random.Random(SEED)
    process = forebay(UPLOAD_TO=f"file://{folder}/bucket", LOG_SEGMENT_BYTES="1MiB", LOG_SEAL_AFTER="1s").start()
    server = lambda: process.grpc if send is over_grpc else process.http
    with Proxy(server, lambda: PASS if dice.random() < 0.5 else SWALLOW) as proxy:
        with Clients([(send, lambda: proxy.address)] * 4) as clients:
            clients.wait()
        # Each answer was lost or not; the stored request is the same.
        assert proxy.passed >= REQUESTS and proxy.swallowed > REQUESTS / 3, (proxy.passed, proxy.swallowed)
        assert process.metric("forebay_receive_resent_requests_total") == clients.attempts - REQUESTS
    process.flush()
    process.stop()
    process.run("verify")
    check_each_is_there_once(folder / "bucket")
    figure(f"resends, {send.__name__}: {REQUESTS} requests exactly once, {proxy.swallowed} answers of which were lost")


def test_what_is_sent_again_after_kills_is_there_once(folder, forebay, figure):
    answers, kills, killing = itertools.count(1), [], threading.Lock()
    process = forebay(UPLOAD_TO=f"file://{folder}/bucket", LOG_SEGMENT_BYTES="1MiB", LOG_SEAL_AFTER="1s").start()

    def fate():
        """Kills it at every tenth answer, when it has stored what it answers and is in the midst of something else."""
        with killing:
            if next(answers) % 10 or len(kills) == KILLS:
                return PASS
            kills.append(process.process.pid)
            process.restart_after_kill()
            return SWALLOW

    with Proxy(lambda: process.grpc, fate) as grpc_line, Proxy(lambda: process.http, fate) as http_line:
        ways = [(over_grpc, grpc_line), (over_http, http_line), (with_gzip, http_line), (as_json, http_line)]
        with Clients([(send, lambda line=line: line.address) for send, line in ways]) as clients:
            clients.wait()
    assert len(kills) == KILLS
    process.flush()
    process.stop()
    process.run("verify")
    check_each_is_there_once(folder / "bucket")
    figure(f"resends: {REQUESTS} requests exactly once after {KILLS} kills between storing and answering")
