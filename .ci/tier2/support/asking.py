"""The questions of `answers`, asked in DuckDB, polars and pyarrow of rows."""

import duckdb
import polars
import pyarrow.compute as pc

from .answers import COST, TOKENS

API = ["api_request", "api_error"]
SIGNALS = ["logs", "metrics", "traces"]
QUESTIONS = {
    "cost per user and day": f"""
        SELECT user_id, CAST(CAST(timestamp AS DATE) AS VARCHAR), sum(value)
        FROM metrics WHERE metric_name = '{COST}' GROUP BY ALL""",
    "tokens per session and type": f"""
        SELECT session_id, attr_type, sum(value) FROM metrics WHERE metric_name = '{TOKENS}' GROUP BY ALL""",
    "events per name": "SELECT event_name, count(*) FROM logs GROUP BY ALL",
    "error rate per model": f"""
        SELECT model, avg(CASE WHEN event_name = 'api_error' THEN 1.0 ELSE 0.0 END)
        FROM logs WHERE event_name IN {tuple(API)} GROUP BY ALL""",
    "p95 of durations per span": "SELECT span_name, quantile_cont(duration_ns, 0.95) FROM traces GROUP BY ALL",
    "rows": " UNION ALL ".join(f"SELECT '{signal}', count(*) FROM {signal}" for signal in SIGNALS),
}


def connect():
    """DuckDB without anything of the network, and with the days of UTC."""
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def duckdb_answers(connection):
    """All answers of a DuckDB that has the tables logs, metrics and traces."""
    return {question: by_key(connection.sql(sql).fetchall()) for question, sql in QUESTIONS.items()}


def polars_answers(frames):
    """All answers from frames by signal, whose timestamps are times."""
    logs, metrics, traces = (frames[signal].lazy() for signal in SIGNALS)
    of_metric = lambda name: metrics.filter(polars.col("metric_name") == name)
    day = polars.col("timestamp").dt.date().cast(polars.String).alias("day")
    asked = {
        "cost per user and day": of_metric(COST).group_by("user_id", day).agg(polars.col("value").sum()),
        "tokens per session and type": of_metric(TOKENS).group_by("session_id", "attr_type").agg(polars.col("value").sum()),
        "events per name": logs.group_by("event_name").len(),
        "error rate per model": logs.filter(polars.col("event_name").is_in(API))
        .group_by("model")
        .agg((polars.col("event_name") == "api_error").mean()),
        "p95 of durations per span": traces.group_by("span_name").agg(
            polars.col("duration_ns").quantile(0.95, interpolation="linear")
        ),
    }
    answers = {question: by_key(frame.collect().rows()) for question, frame in asked.items()}
    counts = [(signal, frames[signal].lazy().select(polars.len()).collect().item()) for signal in SIGNALS]
    return answers | {"rows": by_key(counts)}


def pyarrow_answers(tables):
    """All answers from tables by signal."""
    logs, metrics, traces = (tables[signal] for signal in SIGNALS)
    costs = metrics.filter(pc.field("metric_name") == COST)
    costs = costs.append_column("day", pc.utf8_slice_codeunits(costs["timestamp"].cast("string"), 0, 10))
    tokens = metrics.filter(pc.field("metric_name") == TOKENS)
    api = logs.filter(pc.field("event_name").isin(API))
    api = api.append_column("failed", pc.equal(api["event_name"], "api_error").cast("double"))
    group = lambda table, keys, value, how: rows(table.group_by(keys).aggregate([(value, how)]), keys, f"{value}_{how}")
    names = traces["span_name"].unique().to_pylist()
    durations = lambda name: traces.filter(pc.field("span_name") == name)["duration_ns"]
    return {
        "cost per user and day": group(costs, ["user_id", "day"], "value", "sum"),
        "tokens per session and type": group(tokens, ["session_id", "attr_type"], "value", "sum"),
        "events per name": group(logs, ["event_name"], "id", "count"),
        "error rate per model": group(api, ["model"], "failed", "mean"),
        "p95 of durations per span": {(name,): pc.quantile(durations(name), q=0.95)[0].as_py() for name in names},
        "rows": {(signal,): tables[signal].num_rows for signal in SIGNALS},
    }


def rows(table, keys, value):
    """A table of groups as an answer."""
    return by_key(zip(*(table[name].to_pylist() for name in [*keys, value]), strict=True))


def by_key(records):
    """Records whose last field is the number, as an answer. No key may stand twice."""
    records = list(records)
    answer = {tuple(key): number for *key, number in records}
    assert len(answer) == len(records), f"a group stands twice: {records}"
    return answer
