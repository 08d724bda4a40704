"""A week of objects is one table, also if attributes and columns come in its middle, and a day of it is cheap."""

import datetime
import re
import shutil

import polars
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import pytest

from support import answers, asking, ddl
from support.week import COLUMNS, MOMENTS, NEW_ATTRIBUTES, NEW_COLUMNS, Week

SIGNALS = asking.SIGNALS
DAY = datetime.date(2026, 3, 4)


@pytest.fixture(scope="module")
def week(tmp_path_factory):
    """The week, by a real forebay."""
    return Week(tmp_path_factory.mktemp("week"))


@pytest.fixture(scope="module")
def whole(week):
    """The answers about all of it."""
    return answers.of_messages(week.messages())


@pytest.fixture
def before_the_columns(week, tmp_path):
    """A bucket with the objects of the days on which only attributes were new, and the answers about them."""
    is_later = lambda name: name.startswith("date=") and name >= f"date={NEW_COLUMNS.isoformat()}"
    shutil.copytree(week.bucket, tmp_path / "bucket", ignore=lambda _, names: list(filter(is_later, names)))
    for signal in SIGNALS:
        schemas = sorted((tmp_path / "bucket" / "parquet" / signal / "date=1970-01-01").rglob("*.parquet"))
        assert len(schemas) == 2, "there is an object without rows for the columns before, and one for those after"
        for path in schemas:
            if "team" in pyarrow.parquet.read_schema(path).names:
                path.unlink()
    return tmp_path / "bucket", answers.of_messages(week.messages(lambda moment: moment.date() < NEW_COLUMNS))


def test_the_folders_are_the_days_and_hours_at_which_it_was_received(week):
    for name in ["parquet", "jsonl", "csv"]:
        for signal in SIGNALS:
            root = week.bucket / name / signal
            folders = {str(path.parent.relative_to(root)) for path in root.rglob("*") if path.is_file()}
            received = {moment.strftime("date=%Y-%m-%d/hour=%H") for moment in MOMENTS}
            assert folders - {"date=1970-01-01/hour=00"} == received


def test_new_attributes_need_no_option_anywhere(before_the_columns):
    bucket, expected = before_the_columns
    parquet = bucket / "parquet"
    for name, ending in [("parquet", "parquet"), ("jsonl", "jsonl.gz"), ("csv", "csv.gz")]:
        connection = asking.connect()
        for signal in SIGNALS:
            connection.execute(f"CREATE VIEW {signal} AS SELECT * FROM '{bucket}/{name}/{signal}/**/*.{ending}'")
        answers.check_equal(asking.duckdb_answers(connection), expected, f"DuckDB, {name}")
    frames = {signal: polars.read_parquet(f"{parquet}/{signal}/**/*.parquet") for signal in SIGNALS}
    answers.check_equal(asking.polars_answers(frames), expected, "polars")
    tables = {signal: pyarrow.parquet.read_table(parquet / signal) for signal in SIGNALS}
    answers.check_equal(asking.pyarrow_answers(tables), expected, "pyarrow")

    count = "SELECT count(*) FROM read_parquet('{}/**/*.parquet') WHERE attributes['retries'] IS NOT NULL"
    for signal in ["logs", "traces"]:
        ((found,),) = asking.connect().sql(count.format(parquet / signal)).fetchall()
        per_moment = expected["rows"][(signal,)] // len([one for one in MOMENTS if one.date() < NEW_COLUMNS])
        days = [one for one in MOMENTS if NEW_ATTRIBUTES <= one.date() < NEW_COLUMNS]
        assert found == per_moment * len(days), signal


def check_columns(rows):
    """That the new columns are null until they were configured, and have the attributes from then on.

    Rows are the date of the folder, and how many there are, have a team, and have retries.
    """
    rows = [row for row in sorted(rows) if str(row[0]) != "1970-01-01"]
    assert [str(date) for date, *_ in rows] == sorted({moment.date().isoformat() for moment in MOMENTS})
    for date, number, teams, retries in rows:
        assert (teams, retries) == ((number, number) if str(date) >= NEW_COLUMNS.isoformat() else (0, 0)), date


def test_duckdb_reads_new_columns_by_name(week, whole):
    connection = asking.connect()
    for statement in ddl.duckdb_statements(week.bucket / "parquet"):
        connection.execute(statement).fetchall()
    answers.check_equal(asking.duckdb_answers(connection), whole, "duckdb.sql")
    check_columns(connection.sql("SELECT date, count(*), count(team), count(retries) FROM logs GROUP BY ALL").fetchall())
    for signal in SIGNALS:
        described = connection.sql(f"DESCRIBE {signal}").fetchall()
        promoted = [("retries", "BIGINT"), ("team", "VARCHAR"), ("date", "DATE"), ("hour", "VARCHAR")]
        assert [row[:2] for row in described] == ddl.columns(signal, ddl.DUCKDB) + promoted


def test_polars_reads_new_columns_with_the_schema_of_the_newest_object_or_diagonally(week, whole):
    paths = {signal: sorted((week.bucket / "parquet" / signal).rglob("*.parquet")) for signal in SIGNALS}
    by_schema, diagonal = {}, {}
    for signal in SIGNALS:
        schema = polars.read_parquet_schema(paths[signal][-1])
        folders = {"date": polars.Date, "hour": polars.String}
        by_schema[signal] = polars.scan_parquet(
            week.bucket / "parquet" / signal, schema=schema, hive_schema=folders, missing_columns="insert"
        )
        each = [polars.scan_parquet(path, hive_partitioning=True, hive_schema=folders) for path in paths[signal]]
        diagonal[signal] = polars.concat(each, how="diagonal")
    for how, frames in [("schema", by_schema), ("diagonal", diagonal)]:
        answers.check_equal(asking.polars_answers(frames), whole, f"polars, {how}")
        counts = [polars.len(), polars.col("team").count(), polars.col("retries").count().alias("tries")]
        check_columns(frames["logs"].group_by("date").agg(counts).collect().rows())


def test_pyarrow_reads_new_columns_with_the_unified_schema(week, whole):
    tables = {}
    for signal in SIGNALS:
        folder = week.bucket / "parquet" / signal
        dataset = pyarrow.dataset.dataset(folder, partitioning="hive")
        schema = pyarrow.unify_schemas([dataset.schema, *(fragment.physical_schema for fragment in dataset.get_fragments())])
        assert set(COLUMNS) <= set(schema.names)
        tables[signal] = pyarrow.dataset.dataset(folder, schema=schema, partitioning="hive").to_table()
    answers.check_equal(asking.pyarrow_answers(tables), whole, "pyarrow")
    grouped = tables["logs"].group_by("date").aggregate([("id", "count"), ("team", "count"), ("retries", "count")])
    names = ["date", "id_count", "team_count", "retries_count"]
    check_columns(zip(*(grouped[name].to_pylist() for name in names), strict=True))


def test_duckdb_opens_only_the_objects_of_the_day_and_hour(week):
    connection = asking.connect()
    # The objects of a folder, and one without rows for the columns before and after.
    total = len(MOMENTS) + 2
    for condition, files in [("date = '2026-03-04'", 2), ("date = '2026-03-04' AND hour = '17'", 1), ("date >= '2026-03-07'", 2)]:
        for option in ["", ", union_by_name = true"]:
            source = f"read_parquet('{week.bucket}/parquet/metrics/**/*.parquet'{option})"
            ((_, plan),) = connection.sql(f"EXPLAIN ANALYZE SELECT sum(value) FROM {source} WHERE {condition}").fetchall()
            assert re.findall(r"Scanning Files: (\d+)/(\d+)", plan) == [(str(files), str(total))], plan
            assert re.findall(r"Total Files Read: (\d+)", plan) == [str(files)], plan


def test_no_reader_touches_objects_of_other_days(week, tmp_path):
    """All others are damaged, but for the first: there readers look for the columns."""
    shutil.copytree(week.bucket / "parquet" / "metrics", tmp_path / "metrics")
    _, *others = sorted((tmp_path / "metrics").rglob("*.parquet"))
    damaged = [path for path in others if f"date={DAY.isoformat()}" not in str(path)]
    assert len(damaged) == len(MOMENTS) - 1
    for path in damaged:
        path.write_bytes(b"PAR1 this is nothing that anybody could read PAR1")
    source = f"{tmp_path}/metrics/**/*.parquet"
    expected = sum(1 for _ in answers.points(week.messages(lambda moment: moment.date() == DAY)["metrics"]))

    counted = "SELECT count(metric_name) FROM '{}' WHERE date = '{}'"
    assert asking.connect().sql(counted.format(source, DAY)).fetchall() == [(expected,)]
    day = polars.scan_parquet(tmp_path / "metrics").filter(polars.col("date") == DAY)
    assert day.select(polars.col("metric_name").count()).collect().item() == expected
    is_of_day = pyarrow.dataset.field("date") == DAY.isoformat()
    dataset = pyarrow.dataset.dataset(tmp_path / "metrics", partitioning="hive")
    assert len(list(dataset.get_fragments(filter=is_of_day))) == 2
    assert dataset.to_table(filter=is_of_day).num_rows == expected

    for read in [
        lambda: asking.connect().sql(f"SELECT count(metric_name) FROM '{source}'").fetchall(),
        lambda: polars.scan_parquet(tmp_path / "metrics").select(polars.col("metric_name").count()).collect(),
        dataset.to_table,
    ]:
        with pytest.raises(Exception, match=r"(?i)parquet|magic|footer"):
            read()
