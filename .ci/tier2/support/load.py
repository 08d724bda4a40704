"""Clients that send uniquely numbered log records, and remember which of them were acknowledged."""

import http.client
import itertools
import threading

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub

from .waiting import wait_until

PER_REQUEST = 20
ATTRIBUTE = "tier2.number"


class Load:
    """Some clients, half over gRPC and half over HTTP, until told to stop.

    No number is ever sent twice. One whose answer was lost with the process may be in the bucket or not; one that was
    acknowledged has to be there.
    """

    def __init__(self, forebay, clients=4, padding=200):
        self.acknowledged = set()
        self.unanswered = set()
        self._forebay = forebay
        self._padding = padding
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        ways = itertools.cycle([self._over_grpc, self._over_http])
        self._threads = [threading.Thread(target=self._run, args=(next(ways),), daemon=True) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends the clients once each has its answer."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive(), "a client got no answer within two minutes"

    def wait_for(self, more):
        """Waits until so many more numbers are acknowledged."""
        goal = len(self.acknowledged) + more
        wait_until(lambda: len(self.acknowledged) >= goal, f"{goal} records are acknowledged", 300)

    def _run(self, send):
        while not self._stopping.is_set():
            with self._lock:
                numbers = list(itertools.islice(self._numbers, PER_REQUEST))
            is_acknowledged = send(request(numbers, self._padding))
            with self._lock:
                (self.acknowledged if is_acknowledged else self.unanswered).update(numbers)
            if not is_acknowledged:
                # Nobody listens between a kill and the next start.
                self._stopping.wait(0.05)

    def _over_grpc(self, body):
        try:
            with grpc.insecure_channel(self._forebay.grpc) as channel:
                answer = LogsServiceStub(channel).Export(body, timeout=60)
        except grpc.RpcError:
            return False
        return all_taken(answer)

    def _over_http(self, body):
        connection = http.client.HTTPConnection(self._forebay.http, timeout=60)
        try:
            connection.request("POST", "/v1/logs", body.SerializeToString(), {"Content-Type": "application/x-protobuf"})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return answer.status == 200 and all_taken(ExportLogsServiceResponse.FromString(content))


def all_taken(answer):
    """Whether nothing of the request was refused."""
    assert answer.partial_success.rejected_log_records == 0, answer
    return True


def request(numbers, padding):
    """An export with a record for each of the numbers."""
    export = ExportLogsServiceRequest()
    scope = export.resource_logs.add().scope_logs.add()
    for number in numbers:
        record = scope.log_records.add(time_unix_nano=1_700_000_000_000_000_000 + number)
        # Text that hardly compresses, so that objects have some size.
        record.body.string_value = "".join(f"{(number * 2654435761 + i * 40503) % 2**32:08x}" for i in range(padding // 8))
        record.attributes.add(key=ATTRIBUTE).value.int_value = number
    return export
