"""parquet-java, which Spark, Trino and Athena read with, reads of a Parquet object what pyarrow reads, value by value."""

import json
import pathlib
import subprocess

import pyarrow
import pyarrow.parquet
import pytest

from conftest import RESULTS
from support import answers, asking
from support.formats import SixFormats

JARS = RESULTS / "java"
READ = pathlib.Path(__file__).parent / "java" / "Rows.java"


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """The telemetry in all formats, and as it was sent."""
    return SixFormats(tmp_path_factory.mktemp("six"))


def read(path):
    """The rows that parquet-java finds."""
    command = ["java", "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-cp", f"{JARS}/*", READ, path]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def expected(path):
    """The rows that pyarrow finds, with times as numbers and maps as such."""
    table = pyarrow.parquet.read_table(path, partitioning=None)
    for place, field in enumerate(table.schema):
        if pyarrow.types.is_timestamp(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pyarrow.int64()))
    maps = {field.name for field in table.schema if pyarrow.types.is_map(field.type)}
    return [{name: dict(value) if name in maps else value for name, value in row.items()} for row in table.to_pylist()]


@pytest.mark.parametrize("signal", asking.SIGNALS)
def test_parquet_java_reads_every_value(sent, signal):
    rows = 0
    for path in sent.paths("parquet", signal):
        found = read(path)
        assert found == expected(path), path
        rows += len(found)
    assert rows == answers.of_messages(sent.messages)["rows"][(signal,)]
