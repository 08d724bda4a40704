"""DuckDB and pyarrow read the objects as they lie in the bucket, with one statement."""

import duckdb
import pyarrow
import pyarrow.json

from support import audit
from support.load import ATTRIBUTE, Load

# No setting, extension or cleverness: what an analyst types.
COUNT = """
    SELECT count(*), count(DISTINCT number)
    FROM (SELECT list_filter(record.attributes, lambda a: a.key = '{attribute}')[1].value.intValue AS number
          FROM (SELECT unnest(scope.logRecords) AS record
                FROM (SELECT unnest(resource.scopeLogs) AS scope
                      FROM (SELECT unnest(resourceLogs) AS resource
                            FROM read_json('{bucket}/logs/*/*/*.jsonl.gz')))))
"""


def test_duckdb_and_pyarrow_count_what_was_sent(folder, forebay, figure):
    settings = {"OBJECTS_FORMAT": "otlp_jsonl", "LOG_SEGMENT_BYTES": "1MiB", "LOG_DISK_BUDGET": "1GiB"}
    process = forebay(UPLOAD_TO=f"file://{folder}/bucket", **settings).start()
    with Load(process) as load:
        load.wait_for(20_000)
    assert not load.unanswered
    sent = len(load.acknowledged)
    for protocol, address in [("grpc", process.grpc), ("http/protobuf", process.http)]:
        process.run("send", "--to", f"http://{address}", "--protocol", protocol)
    process.flush()
    process.stop()
    bucket = folder / "bucket"
    objects = audit.folder(bucket)
    audit.check_exactly_once(load, objects)
    records = len(list(audit.items("logs", objects)))

    ((found, numbers),) = duckdb.sql(COUNT.format(bucket=bucket, attribute=ATTRIBUTE)).fetchall()
    assert (found, numbers) == (records, sent)

    for signal, (resources, scopes, leaves) in audit.ITEMS.items():
        total = 0
        for path in sorted((bucket / signal).rglob("*.jsonl.gz")):
            with pyarrow.input_stream(path, compression="gzip") as stream:
                table = pyarrow.json.read_json(stream, pyarrow.json.ReadOptions(block_size=16 << 20))
            column = table.column(resources).combine_chunks()
            for name in (scopes, leaves):
                column = column.flatten().field(name)
            total += len(column.flatten())
        assert total == len(list(audit.items(signal, objects))), signal
    figure(f"readers: DuckDB and pyarrow count {records} log records in {len(objects)} objects, as many as were sent")
