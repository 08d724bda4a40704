"""The tables of a run, as Markdown, and where they go."""

import dataclasses
import statistics

from . import machine
from .subjects import SUBJECTS
from .targets import Rows

BEGIN, END = "<!-- figures of benches/compare: begin -->", "<!-- figures of benches/compare: end -->"

MIB = machine.MIB
# Heading, figure, what it is divided by, digits.
INTAKE = [
    ("CPU s per 1 M items", "cpu_seconds_per_million", 1, ".3f"),
    ("CPU us a request", "cpu_us_per_request", 1, ".1f"),
    ("items/s", "items_per_second", 1, ",.0f"),
    ("requests/s", "requests_per_second", 1, ",.0f"),
    ("MB/s", "bytes_per_second", 1e6, ",.0f"),
    ("p50 ms", "p50_ms", 1, ".2f"),
    ("p99 ms", "p99_ms", 1, ".2f"),
    ("peak MiB", "peak_rss_bytes", MIB, ",.0f"),
    ("written per byte", "written_per_byte", 1, ".2f"),
    ("server busy", "server_busy", 1, ".2f"),
    ("client busy", "client_busy", 1, ".2f"),
    ("not acknowledged", "not_acknowledged", 1, ",.0f"),
]
BUCKET = [
    ("CPU s per 1 M records", "cpu_seconds_per_million", 1, ".2f"),
    ("records/s until all is there", "items_per_second", 1, ",.0f"),
    ("peak MiB", "peak_rss_bytes", MIB, ",.0f"),
    ("MB in the bucket", "bucket_bytes", 1e6, ",.1f"),
    ("objects", "objects", 1, ",.0f"),
]
HALF = [
    ("requests/s", "requests_per_second", 1, ",.0f"),
    ("p50 ms", "p50_ms", 1, ".2f"),
    ("p99 ms", "p99_ms", 1, ".2f"),
    ("CPU s per 1 M items", "cpu_seconds_per_million", 1, ".3f"),
    ("KiB a group", "group_bytes", 1024, ",.0f"),
]
DISK = [
    ("bytes at once", "block_bytes", 1, ",.0f"),
    ("MB/s", "bytes_per_second", 1e6, ",.0f"),
    ("writes/s", "writes_per_second", 1, ",.0f"),
    ("sync p50 ms", "sync_p50_ms", 1, ".3f"),
    ("sync p99 ms", "sync_p99_ms", 1, ".3f"),
]
PACKING = [
    ("CPU s per 1 M records", "cpu_seconds_per_million", 1, ".2f"),
    ("records/s", "items_per_second", 1, ",.0f"),
    ("peak MiB", "peak_rss_bytes", MIB, ",.0f"),
    ("bytes per byte", "bytes_per_byte", 1, ".3f"),
]
WHILE = [
    ("records/s", "items_per_second", 1, ",.0f"),
    ("p99 ms", "p99_ms", 1, ".2f"),
    ("packed MB/s", "packed_bytes_per_second", 1e6, ",.0f"),
    ("segments that wait", "waiting_segments", 1, ",.0f"),
    ("peak MiB", "peak_rss_bytes", MIB, ",.0f"),
]
OUTAGE = [
    ("backlog MiB", "backlog_bytes", MIB, ",.0f"),
    ("segments", "segments", 1, ",.0f"),
    ("objects", "objects", 1, ",.0f"),
    ("seconds", "seconds", 1, ",.1f"),
    ("peak MiB", "peak_rss_bytes", MIB, ",.0f"),
]


def rows(run):
    """The targets, for JSON."""
    return [dataclasses.asdict(row) for row in Rows(run).all]


def markdown(run, about):
    """Everything that was measured."""
    parts = [_heading(about, run), _targets(run)]
    loads = dict.fromkeys((record["shape"], record["protocol"], record["connections"]) for record in run.select("intake"))
    for shape, protocol, connections in loads:
        of = {"shape": shape, "protocol": protocol}
        title = f"Intake: {shape} over {protocol}, {connections} connections"
        parts.append(_table(run, title, "intake", list(SUBJECTS), INTAKE, of, base="forebay"))
    for protocol in ["grpc", "http/protobuf"]:
        title = f"Acknowledgement at half of the rate reached: logs over {protocol}"
        parts.append(_table(run, title, "half load", list(SUBJECTS), HALF, {"protocol": protocol}))
    parts.append(_table(run, "In to bucket in all: logs over grpc", "in to bucket", None, BUCKET, {}, base="forebay"))
    parts.append(_table(run, "Intake while packing: logs over grpc", "while packing", None, WHILE, {}))
    parts.append(_table(run, "Packing by itself", "packing", None, PACKING, {}))
    for load, protocol in [
        ("intake", "grpc"),
        ("intake", "http/protobuf"),
        ("half load", "grpc"),
        ("half load", "http/protobuf"),
    ]:
        title = f"The disk itself (fio), in the groups of {load} over {protocol}"
        parts.append(_table(run, title, "disk", None, DISK, {"load": load, "protocol": protocol}))
    parts.append(_table(run, "The disk itself (fio), an fsync for each 100 kB", "disk", None, DISK, {"load": "large"}))
    parts.append(_table(run, "Outage", "outage", None, OUTAGE, {}))
    parts += [_left_out(run)]
    return "\n".join(part for part in parts if part)


def fill(readme, text):
    """Puts the tables between the two markers of a file."""
    before, begin, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin and end, f"{readme} has no place for the figures"
    readme.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")


def _heading(about, run):
    on = about["machine"]
    pinned = "the server pinned to one, everything else to the others" if on["pinned"] else "nothing pinned"
    return (
        f"Measured {about['when']} in {run.seconds() / 60:.0f} minutes ({about['size']}; medians of up to {about['rounds']} rounds) on "
        f"{on['processor']}, {on['cores']} cores ({pinned}), {on['memory_gib']} GiB, Linux {on['kernel']}, {on['file_system']}; "
        f"load before it {on['load_before']:.1f}.\n"
    )


def _targets(run):
    lines = ["| what | command | figure | ratio | target | reached |", "|---|---|--:|---|---|:-:|"]
    for row in Rows(run).all:
        reached = {True: "yes", False: "no", None: ""}[row.reached]
        command = f"`{row.command}`" if row.command else ""
        lines.append(f"| {row.what} | {command} | {row.figure} | {row.ratio} | {row.target} | {reached} |")
    return "\n".join(lines) + "\n"


def _table(run, title, measure, subjects, columns, of, base=None):
    """Medians, with the least and the greatest where they differ; nothing if nothing was measured. The ratio is that of the
    first column to the base's."""
    found = run.select(measure, **of)
    subjects = [name for name in subjects or dict.fromkeys(record["subject"] for record in found)]
    by_subject = {name: run.select(measure, subject=name, **of) for name in subjects}
    by_subject = {name: records for name, records in by_subject.items() if records}
    columns = [column for column in columns if any(column[1] in record for record in found)]
    if not by_subject or not columns:
        return ""
    first = columns[0][1]
    of_base = run.median(measure, first, subject=base, **of) if base in by_subject else None
    heads = ["", *(column[0] for column in columns), *([f"of {base}'s"] if of_base else [])]
    lines = [f"**{title}**\n", f"| {' | '.join(heads)} |", "|---|" + "--:|" * (len(heads) - 1)]
    for name, records in by_subject.items():
        cells = [_cell(records, *column[1:]) for column in columns]
        if of_base:
            cells.append(f"{statistics.median(record[first] for record in records) / of_base:.2f}x")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(records, figure, divisor, digits):
    values = [record[figure] / divisor for record in records if record.get(figure) is not None]
    if not values:
        return ""
    middle, least, most = (f"{value:{digits}}" for value in (statistics.median(values), min(values), max(values)))
    return middle if least == most else f"{middle} ({least} to {most})"


def _left_out(run):
    lines = [f"- {name} was left out: {why}." for name, why in run.missing.items()]
    if run.cut:
        what, when = run.cut[0]["what"], run.cut[0]["round"]
        lines.append(f"- Time was up in round {when}: {what}, and what comes after it, was not measured then.")
    lines += [
        f"- {failure['what']} (round {failure['round']}) was not measured: {failure['why']}." for failure in run.failures
    ]
    return "\n".join(lines) + "\n" if lines else ""
