"""Airbyte's own parsers read the objects of rows: all records, and the types that tables in a warehouse are made by."""

import json
import math
import os
import pathlib
import subprocess

import pytest

from conftest import RESULTS
from support import answers, asking, ddl
from support.formats import SixFormats

PYTHON = RESULTS / "airbyte" / "bin" / "python"
READ = pathlib.Path(__file__).parent / "airbyte" / "read.py"
# The types of JSON Schema by which Airbyte goes.
TYPES = {
    "STRING": "string",
    "BIGINT": "integer",
    "INT": "integer",
    "DOUBLE": "number",
    "BOOLEAN": "boolean",
    "TIMESTAMP": "string",
    "MAP<STRING, STRING>": "object",
    "ARRAY<BIGINT>": "array",
    "ARRAY<DOUBLE>": "array",
}


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """The telemetry in all formats, and as it was sent."""
    return SixFormats(tmp_path_factory.mktemp("six"))


def read(name, paths):
    """What Airbyte discovers and reads."""
    command = [PYTHON, READ, name, *paths]
    environment = {**os.environ, "DO_NOT_TRACK": "1"}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    # Before it stand messages, such as that it looks at the first megabyte only to discover columns.
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", ["parquet", "jsonl", "csv"])
@pytest.mark.parametrize("signal", asking.SIGNALS)
def test_airbyte_reads_all_records_and_types(sent, name, signal):
    found = read(name, sent.paths(name, signal))
    expected = answers.of_messages(sent.messages)
    assert found["records"] == expected["rows"][(signal,)]

    discovered = {column: schema["type"] for column, schema in found["schema"].items()}
    declared = dict(ddl.columns(signal, TYPES))
    if name == "parquet":
        assert discovered == declared | {"date": "string", "hour": "string"}
    elif name == "jsonl":
        # A column that never has a value is not there.
        assert {"id", "timestamp", "attributes"} <= discovered.keys() <= declared.keys()
        assert discovered == {column: declared[column] for column in discovered}
    else:
        assert discovered == dict.fromkeys(declared, "string")
    if signal == "metrics":
        points = (point for _, point, _ in answers.points(sent.messages["metrics"]))
        # Points of histograms and summaries have no value.
        values = [answers.number(point) for point in points if "as_int" in point.DESCRIPTOR.fields_by_name]
        assert math.isclose(found["value"], math.fsum(values), rel_tol=1e-9)
