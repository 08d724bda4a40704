"""OpenTelemetry's SDK for Node.js, which Claude Code is written with: every protocol, with gzip, TLS and credentials."""

import os
import pathlib
import subprocess

import pytest

from conftest import RESULTS
from support import audit
from support.access import access_by

HERE = pathlib.Path(__file__).parent
COUNT = 500
ATTRIBUTES = {"text": "grüße, 世界", "double": 0.1 + 0.2, "truth": True, "texts": ["a", ""]}


@pytest.mark.parametrize("way", ["plain", "gzip", "TLS", "TLS and a token", "mTLS, a token and gzip"])
@pytest.mark.parametrize("protocol", ["grpc", "http-protobuf", "http-json"])
def test_everything_arrives_once_with_its_attributes(folder, forebay, figure, protocol, way):
    access = access_by(folder, way)
    process = forebay(UPLOAD_TO=f"file://{folder}/bucket", **access.settings()).start()
    endpoint = f"{access.scheme}://{process.grpc if protocol == 'grpc' else process.http}"
    compression = "gzip" if "gzip" in way else "none"
    command = ["node", HERE / "node" / "send.js", endpoint, protocol, str(COUNT), compression]
    environment = {**os.environ, **access.environment(), "NODE_PATH": str(RESULTS / "node" / "node_modules")}
    subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=True, timeout=120)
    process.flush()
    process.stop()

    objects = audit.folder(folder / "bucket")
    logs, metrics, spans = ([leaf for _, _, leaf in audit.items(signal, objects)] for signal in audit.ITEMS)
    (metric,) = metrics
    assert metric["sum"]["aggregationTemporality"] == 1
    points = metric["sum"]["dataPoints"]
    for found in (logs, points, spans):
        attributes = sorted((audit.attributes(one["attributes"]) for one in found), key=lambda one: one["number"])
        assert attributes == [ATTRIBUTES | {"number": number} for number in range(COUNT)]
    number = lambda one: audit.attributes(one["attributes"])["number"]
    assert all(audit.value(record["body"]) == f"record {number(record)}" for record in logs)
    assert all(span["name"] == f"span {number(span)}" for span in spans)
    assert all(float(point.get("asDouble", point.get("asInt"))) == number(point) for point in points)
    figure(f"OpenTelemetry for Node.js, {protocol}, {way}: {COUNT} of each, once and unchanged")
