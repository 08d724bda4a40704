"""All six formats of the same telemetry: readers open them as a person would first try, and all have the same answers."""

import gzip

import polars
import pyarrow
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet
import pytest

from support import answers, asking, ddl
from support.formats import SixFormats
from support.telemetry import EXPORTS

SIGNALS = asking.SIGNALS

# From OTLP to the columns that the questions name. An attribute of the item counts before one of its resource.
ATTRIBUTE = """
    CREATE MACRO attribute(item, of_resource, name) AS coalesce(
        list_filter(item, lambda pair: pair.key = name)[1].value.stringValue,
        list_filter(of_resource, lambda pair: pair.key = name)[1].value.stringValue)
"""
UNNESTED = {
    "logs": """
        SELECT attribute(item.attributes, shared, 'event.name') AS event_name,
               attribute(item.attributes, shared, 'model') AS model
        FROM (SELECT shared, unnest(scope.logRecords) AS item
              FROM (SELECT resource.resource.attributes AS shared, unnest(resource.scopeLogs) AS scope
                    FROM (SELECT unnest(resourceLogs) AS resource FROM '{files}')))
    """,
    "metrics": """
        SELECT name AS metric_name, make_timestamp_ns(CAST(item.timeUnixNano AS BIGINT)) AS timestamp,
               coalesce(item.asDouble, CAST(item.asInt AS DOUBLE)) AS value,
               attribute(item.attributes, shared, 'user.id') AS user_id,
               attribute(item.attributes, shared, 'session.id') AS session_id,
               attribute(item.attributes, shared, 'type') AS attr_type
        FROM (SELECT shared, metric.name, unnest(metric.sum.dataPoints) AS item
              FROM (SELECT shared, unnest(scope.metrics) AS metric
                    FROM (SELECT resource.resource.attributes AS shared, unnest(resource.scopeMetrics) AS scope
                          FROM (SELECT unnest(resourceMetrics) AS resource FROM '{files}'))))
    """,
    "traces": """
        SELECT item.name AS span_name,
               CAST(item.endTimeUnixNano AS BIGINT) - CAST(item.startTimeUnixNano AS BIGINT) AS duration_ns
        FROM (SELECT unnest(scope.spans) AS item
              FROM (SELECT unnest(resource.scopeSpans) AS scope
                    FROM (SELECT unnest(resourceSpans) AS resource FROM '{files}')))
    """,
}


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """The telemetry in all formats, and as it was sent."""
    return SixFormats(tmp_path_factory.mktemp("six"))


@pytest.fixture(scope="module")
def expected(sent):
    """The answers, by code that knows nothing of forebay."""
    return answers.of_messages(sent.messages)


def test_no_output_has_objects_of_another(sent):
    for name in ["parquet", "jsonl", "csv", "otlp_jsonl", "otlp_json", "otlp_proto"]:
        found = sum(len(sent.paths(name, signal)) for signal in SIGNALS)
        assert found == len([path for path in (sent.bucket / name).rglob("*") if path.is_file()]), name
        # Parquet has an object without rows for each signal as well.
        assert found == (2 if name == "parquet" else 1) * len(SIGNALS), name


def test_duckdb_asks_parquet_json_lines_and_csv_the_same_questions(sent, expected):
    for name in ["parquet", "jsonl", "csv"]:
        connection = asking.connect()
        for signal in SIGNALS:
            connection.execute(f"CREATE VIEW {signal} AS SELECT * FROM '{sent.files(name, signal)}'")
        answers.check_equal(asking.duckdb_answers(connection), expected, f"DuckDB, {name}")


def test_duckdb_unnests_otlp_json(sent, expected):
    for name in ["otlp_jsonl", "otlp_json"]:
        connection = asking.connect()
        connection.execute(ATTRIBUTE)
        for signal, select in UNNESTED.items():
            connection.execute(f"CREATE VIEW {signal} AS {select.format(files=sent.files(name, signal))}")
        found = asking.duckdb_answers(connection)
        # Only points of sums are unnested, for nothing is asked of others.
        found["rows"][("metrics",)] += sum(
            len(getattr(metric, kind).data_points)
            for message in sent.messages["metrics"]
            for resource in message.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for kind in ["gauge", "histogram", "exponential_histogram", "summary"]
        )
        answers.check_equal(found, expected, f"DuckDB, {name}")


def test_opentelemetry_reads_otlp_protobuf(sent, expected):
    read = lambda signal: [
        EXPORTS[signal].FromString(gzip.decompress(path.read_bytes())) for path in sent.paths("otlp_proto", signal)
    ]
    found = answers.of_messages({signal: read(signal) for signal in SIGNALS})
    answers.check_equal(found, expected, "OpenTelemetry's protobuf")


def test_polars_asks_parquet_and_json_lines_the_same_questions(sent, expected):
    by_glob = {signal: polars.read_parquet(sent.files("parquet", signal)) for signal in SIGNALS}
    answers.check_equal(asking.polars_answers(by_glob), expected, "polars, a glob of Parquet")
    by_folder = {signal: polars.scan_parquet(sent.bucket / "parquet" / signal) for signal in SIGNALS}
    answers.check_equal(asking.polars_answers(by_folder), expected, "polars, a folder of Parquet")

    # By the first 100 lines it would not know of columns that come later, and leave them out.
    lines = lambda signal: polars.read_ndjson(sent.files("jsonl", signal), infer_schema_length=None)
    time = polars.col("timestamp").str.to_datetime(time_unit="us", time_zone="UTC")
    found = asking.polars_answers({signal: lines(signal).with_columns(time) for signal in SIGNALS})
    answers.check_equal(found, expected, "polars, JSON lines")


def test_pyarrow_asks_parquet_json_lines_and_csv_the_same_questions(sent, expected):
    tables = {signal: pyarrow.parquet.read_table(sent.bucket / "parquet" / signal) for signal in SIGNALS}
    answers.check_equal(asking.pyarrow_answers(tables), expected, "pyarrow, read_table")
    opened = lambda name, format: {
        signal: pyarrow.dataset.dataset(sent.bucket / name / signal, format=format, partitioning="hive").to_table()
        for signal in SIGNALS
    }
    answers.check_equal(asking.pyarrow_answers(opened("parquet", "parquet")), expected, "pyarrow, a dataset of Parquet")
    answers.check_equal(asking.pyarrow_answers(opened("jsonl", "json")), expected, "pyarrow, a dataset of JSON lines")
    # A text may have more than one line, which is for CSV's readers to be told.
    options = pyarrow.csv.ParseOptions(newlines_in_values=True)
    csv = lambda signal: [pyarrow.csv.read_csv(path, parse_options=options) for path in sent.paths("csv", signal)]
    tables = {signal: pyarrow.concat_tables(csv(signal)) for signal in SIGNALS}
    answers.check_equal(asking.pyarrow_answers(tables), expected, "pyarrow, CSV")


def test_every_reader_of_parquet_sees_the_columns_and_their_types(sent):
    connection = asking.connect()
    for signal in SIGNALS:
        described = connection.sql(f"DESCRIBE SELECT * FROM '{sent.files('parquet', signal)}'").fetchall()
        folders = [("date", "DATE"), ("hour", "VARCHAR")]
        assert [row[:2] for row in described] == ddl.columns(signal, ddl.DUCKDB) + folders

        schema = polars.read_parquet(sent.files("parquet", signal)).schema
        assert [(name, str(kind)) for name, kind in schema.items()] == ddl.columns(signal, ddl.POLARS)

        for path in sent.paths("parquet", signal):
            schema = pyarrow.parquet.read_schema(path)
            assert [(field.name, arrow_type(field.type)) for field in schema] == ddl.columns(signal, ddl.PYARROW)


def arrow_type(kind):
    """The name of a type. That of a map would have the name of its column in it."""
    if pyarrow.types.is_map(kind):
        return f"map<{kind.key_type}, {kind.item_type}>"
    return str(kind)


def test_the_statements_for_duckdb_have_the_columns_and_answer(sent, expected):
    connection = asking.connect()
    found = []
    for statement in ddl.duckdb_statements(sent.bucket / "parquet"):
        result = connection.execute(statement)
        if statement.startswith("SELECT"):
            found.append(asking.by_key(result.fetchall()))
    cost, tokens, errors = found
    cost = {(user, day.isoformat()): dollars for (user, day), dollars in cost.items()}
    found = {"cost per user and day": cost, "tokens per session and type": tokens, "error rate per model": errors}
    # All of it was received within the last seven days.
    answers.check_equal(found, {question: expected[question] for question in found}, "duckdb.sql")
    for signal in SIGNALS:
        described = connection.sql(f"DESCRIBE {signal}").fetchall()
        assert [row[:2] for row in described][:-2] == ddl.columns(signal, ddl.DUCKDB)
