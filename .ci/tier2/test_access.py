"""Who gets in: the Collector and telemetrygen by TLS, mTLS and credentials, and nobody who lacks one of them."""

import http.client
import itertools
import ssl

import grpc
import pytest

from support import audit, items
from support.access import TOKEN, Access
from support.collector import SIGNALS, Collector, telemetrygen
from support.load import LogsServiceStub, request
from support.waiting import wait_until

COUNTS = {"logs": 400, "metrics": 400, "traces": 400}
KINDS = {"grpc": "otlp", "http": "otlphttp"}
PATIENCE = {"retry_on_failure": {"initial_interval": "100ms", "max_interval": "500ms"}}


def exporter(kind, process, access):
    """The Collector's exporter, with an authenticator that has the token."""
    options = {"tls": access.collector(), "auth": {"authenticator": "bearertokenauth"}, **PATIENCE}
    address = process.grpc if kind == "otlp" else f"{access.scheme}://{process.http}"
    return {kind: {"endpoint": address, **options}}


def generate(address, *options, is_http=False):
    """Has telemetrygen send some items of each signal."""
    for signal, number in (("logs", 400), ("metrics", 400), ("traces", 200)):
        telemetrygen(signal, address, f"--{signal}={number}", *options, is_http=is_http)


def counted(folder):
    """How many items of each signal are in the bucket."""
    objects = audit.folder(folder / "bucket")
    return {signal: len(list(audit.items(signal, objects))) for signal in SIGNALS}


@pytest.mark.parametrize("is_mutual", [False, True], ids=["TLS", "mTLS"])
@pytest.mark.parametrize("way", KINDS)
def test_the_collector_gets_in_with_certificates_and_a_token(folder, forebay, figure, way, is_mutual):
    access = Access(folder, has_tls=True, is_mutual=is_mutual, token=TOKEN)
    process = forebay(UPLOAD_TO=f"file://{folder}/bucket", **access.settings()).start()
    authenticator = {"bearertokenauth": {"token": TOKEN}}
    with Collector(folder, exporter(KINDS[way], process, access), authenticator) as collector:
        generate(f"127.0.0.1:{collector.grpc}")
        for signal, count in COUNTS.items():
            wait_until(lambda signal=signal, count=count: collector.sent(signal) >= count, f"{signal} are sent")
        collector.stop()
    process.flush()
    process.stop()
    given, objects = collector.read(), audit.folder(folder / "bucket")
    for signal in SIGNALS:
        of_signal = (audit.lines(key, content) for key, content in objects.items() if f"/{signal}/" in f"/{key}")
        stored = items.of_json(signal, itertools.chain.from_iterable(of_signal))
        items.check_equal(stored, items.of_json(signal, given[signal]), signal)
    figure(f"the Collector over {way} with {'mTLS' if is_mutual else 'TLS'} and a token: {sum(COUNTS.values())} items")


@pytest.mark.parametrize("is_http", [False, True], ids=["grpc", "http"])
def test_telemetrygen_gets_in_with_certificates_and_a_token(folder, forebay, is_http):
    access = Access(folder, has_tls=True, is_mutual=True, token=TOKEN)
    process = forebay(UPLOAD_TO=f"file://{folder}/bucket", **access.settings()).start()
    certificate, key = access.client
    shown = [f"--ca-cert={access.authority}", "--mtls", f"--client-cert={certificate}", f"--client-key={key}"]
    header = f'--otlp-header=authorization="Bearer {TOKEN}"'
    generate(process.http if is_http else process.grpc, "--otlp-insecure=false", *shown, header, is_http=is_http)
    process.flush()
    process.stop()
    assert counted(folder) == COUNTS


def test_nobody_gets_in_who_lacks_something(folder, forebay):
    access = Access(folder, has_tls=True, is_mutual=True, token=TOKEN)
    process = forebay(UPLOAD_TO=f"file://{folder}/bucket", **access.settings()).start()
    stranger = Access(folder / "stranger", has_tls=True, is_mutual=True, token=TOKEN)
    header = {"authorization": f"Bearer {TOKEN}"}

    # Without a token, and with the beginning of one: an answer that no client sends again after.
    for wrong in ({}, {"authorization": f"Bearer {TOKEN[:-1]}"}, {"authorization": f"Basic {TOKEN}"}):
        assert status_over_grpc(process, access.credentials(), wrong) == grpc.StatusCode.UNAUTHENTICATED, wrong
        assert status_over_http(process, access.context(), wrong) == 401, wrong
    # Without a certificate, with one of another authority, and in the clear: no answer at all.
    unknown = grpc.ssl_channel_credentials(
        access.authority.read_bytes(), *(file.read_bytes() for file in reversed(stranger.client))
    )
    nobody = grpc.ssl_channel_credentials(access.authority.read_bytes())
    for credentials in (unknown, nobody, None):
        assert status_over_grpc(process, credentials, header) == grpc.StatusCode.UNAVAILABLE
    for context in (access.context(client=stranger.client), access.context(client=None)):
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
            status_over_http(process, context, header)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        status_over_http(process, None, header)
    # Who does not know the server's authority sends it nothing.
    with pytest.raises(ssl.SSLCertVerificationError):
        status_over_http(process, stranger.context(), header)

    assert status_over_grpc(process, access.credentials(), header) == grpc.StatusCode.OK
    assert status_over_http(process, access.context(), header) == 200
    process.flush()
    process.stop()
    # Those two, of one record each.
    assert counted(folder) == {"logs": 2, "metrics": 0, "traces": 0}


def status_over_grpc(process, credentials, headers):
    """How a call ends."""
    channel = grpc.secure_channel(process.grpc, credentials) if credentials else grpc.insecure_channel(process.grpc)
    try:
        with channel:
            LogsServiceStub(channel).Export(request([1], padding=8), timeout=30, metadata=tuple(headers.items()))
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def status_over_http(process, context, headers):
    """The status of an answer."""
    if context is None:
        connection = http.client.HTTPConnection(process.http, timeout=30)
    else:
        connection = http.client.HTTPSConnection(process.http, timeout=30, context=context)
    try:
        body = request([2], padding=8).SerializeToString()
        connection.request("POST", "/v1/logs", body, {"Content-Type": "application/x-protobuf", **headers})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()
