"""The columns of the rows, as `config/sql/spark.sql` declares them, which a test of forebay's compares with its own."""

import pathlib
import re

SQL = pathlib.Path(__file__).parents[3] / "config" / "sql"
# What each reader calls the types of Spark.
DUCKDB = {
    "STRING": "VARCHAR",
    "BIGINT": "BIGINT",
    "INT": "INTEGER",
    "DOUBLE": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
    "MAP<STRING, STRING>": "MAP(VARCHAR, VARCHAR)",
    "ARRAY<BIGINT>": "BIGINT[]",
    "ARRAY<DOUBLE>": "DOUBLE[]",
}
POLARS = {
    "STRING": "String",
    "BIGINT": "Int64",
    "INT": "Int32",
    "DOUBLE": "Float64",
    "BOOLEAN": "Boolean",
    "TIMESTAMP": "Datetime(time_unit='us', time_zone='UTC')",
    "MAP<STRING, STRING>": "Map(String, String)",
    "ARRAY<BIGINT>": "List(Int64)",
    "ARRAY<DOUBLE>": "List(Float64)",
}
PYARROW = {
    "STRING": "string",
    "BIGINT": "int64",
    "INT": "int32",
    "DOUBLE": "double",
    "BOOLEAN": "bool",
    "TIMESTAMP": "timestamp[us, tz=UTC]",
    "MAP<STRING, STRING>": "map<string, string>",
    "ARRAY<BIGINT>": "list<element: int64>",
    "ARRAY<DOUBLE>": "list<element: double>",
}


def columns(signal, types):
    """The names of the columns of a signal and their types in a reader, without those that folders make."""
    sql = (SQL / "spark.sql").read_text(encoding="utf-8")
    (body,) = re.findall(rf"^CREATE OR REPLACE TEMPORARY VIEW {signal} \(\n(.*?)^\)", sql, re.DOTALL | re.MULTILINE)
    declared = re.findall(r"^  `(\w+)` (.+?),?$", body, re.MULTILINE)
    return [(name, types[kind]) for name, kind in declared if name not in ("date", "hour")]


def duckdb_statements(place):
    """The statements of `config/sql/duckdb.sql`, for a bucket and prefix."""
    sql = (SQL / "duckdb.sql").read_text(encoding="utf-8").replace("s3://BUCKET/PREFIX", str(place))
    code = "\n".join(line for line in sql.splitlines() if not line.startswith("--"))
    return [statement.strip() for statement in code.split(";") if statement.strip()]
