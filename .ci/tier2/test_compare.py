"""benches/compare tells what was measured, and nothing else. What it measures with is the real thing; this is its counting."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "benches"))
from comparison import client, disk, machine, report, targets
from comparison.run import SMOKE, Run

LOGS = {"shape": "logs", "protocol": "grpc", "connections": 16}
ABOUT = {
    "when": "2026-08-22",
    "rounds": 3,
    "size": "full",
    "machine": {
        "processor": "a processor", "cores": 2, "pinned": True, "memory_gib": 1, "kernel": "6", "file_system": "ext4",
        "load_before": 0.0,
    },
}  # fmt: skip


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path, SMOKE, 1, machine.Cores(False), {})


def row(run, words):
    """The row of a target, by the words it begins with."""
    (found,) = [row for row in targets.Rows(run).all if row.what.startswith(words)]
    return found


def test_without_measurements_no_target_has_a_figure_and_none_is_reached_or_missed(run):
    for found in targets.Rows(run).all:
        assert (found.figure, found.ratio, found.reached) == ("not measured", "", None), found
    assert "**" not in report.markdown(run, ABOUT), "a table without figures"


def test_a_target_is_held_against_the_median_of_all_rounds(run):
    for run.round, (ours, floor) in enumerate([(0.9, 0.12), (0.29, 0.15), (0.28, 0.16)], 1):
        run.add("intake", "forebay", cpu_seconds_per_million=ours, **LOGS)
        run.add("intake", "floor", cpu_seconds_per_million=floor, **LOGS)
    durable = row(run, "durable over grpc")
    assert (durable.figure, durable.ratio, durable.reached) == ("0.290", "1.93x the floor (0.150)", True)
    run.records = [record for record in run.records if record["subject"] != "floor"]
    assert row(run, "durable over grpc").reached is None, "there is nothing to hold it against"
    # Twice the floor is another bound, which this misses.
    run.add("intake", "floor", cpu_seconds_per_million=0.1, **LOGS)
    run.add("intake", "floor", cpu_seconds_per_million=0.1, **LOGS)
    assert row(run, "durable over grpc").reached is False


@pytest.mark.parametrize(("theirs", "is_reached"), [(2.0, True), (1.9, False)])
def test_the_collector_has_to_use_ten_times_as_much(run, theirs, is_reached):
    run.add("intake", "forebay", cpu_seconds_per_million=0.2, items_per_second=1000, **LOGS)
    # Its throughput is far below a tenth in both cases.
    run.add("intake", "collector, fsync", cpu_seconds_per_million=theirs, items_per_second=10, **LOGS)
    words = "beside the Collector with fsync, over gRPC: "
    assert row(run, words + "CPU").reached is is_reached
    assert row(run, words + "records/s").ratio == "100.0x"


@pytest.mark.parametrize(("disk_gb", "bar"), [(10, "1.00"), (1, "0.70")])
def test_the_throughput_to_reach_is_the_lower_of_the_two(run, disk_gb, bar):
    run.add("intake", "forebay", bytes_per_second=0.8e9, group_bytes=1 << 20, **LOGS)
    for way, share in [("buffered", 1), ("O_DIRECT", 0.5)]:
        speed = disk_gb * 1e9 * share
        run.add("disk", f"write+fdatasync, {way}", protocol="grpc", load="intake", bytes_per_second=speed)
    found = row(run, "throughput over grpc")
    assert found.target.endswith(f": {bar} GB/s")
    assert found.reached is (disk_gb == 1)


def test_what_was_left_out_cut_short_or_failed_is_told(run):
    run.missing["rotel"] = "its wheel is not installed"

    def fail(_):
        raise AssertionError("it broke")

    run.attempt("one thing", fail)
    run._ends = 0
    run.attempt("another", fail)
    told = report.markdown(run, ABOUT)
    assert "rotel was left out: its wheel is not installed." in told
    assert "one thing (round 0) was not measured: AssertionError: it broke." in told
    assert "Time was up in round 0: another" in told


def test_tables_have_medians_with_the_least_and_the_greatest_and_a_ratio_to_forebay(run):
    for seconds in [3.0, 1.0, 2.0]:
        run.add("intake", "forebay", cpu_seconds_per_million=seconds, **LOGS)
    run.add("intake", "rotel", cpu_seconds_per_million=5.0, **LOGS)
    told = report.markdown(run, ABOUT)
    assert "| forebay | 2.000 (1.000 to 3.000) | 1.00x |" in told
    assert "| rotel | 5.000 | 2.50x |" in told


def test_the_tables_are_filled_in_between_the_markers_and_nowhere_else(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    for text in ["first", "second"]:
        report.fill(readme, text)
    assert readme.read_text() == f"before\n{report.BEGIN}\n\nsecond\n{report.END}\nafter\n"


def test_what_a_process_used_is_read_from_proc(tmp_path):
    before = machine.usage(os.getpid())
    while machine.usage(os.getpid()).since(before).cpu_seconds < 0.05:
        pass
    used = machine.usage(os.getpid()).since(before)
    assert sum(used.threads.values()) == pytest.approx(used.cpu_seconds, abs=0.03)
    assert 0 < used.rss_bytes <= used.peak_rss_bytes
    # A name may have everything in it that separates the numbers.
    stat = tmp_path / "stat"
    stat.write_text("7 (a) b (c) S 1 1 1 0 -1 0 0 0 0 0 200 100 0 0\n")
    assert machine._processor_time(stat) == ("a) b (c", 300 / machine.TICKS_A_SECOND)


def test_blocks_are_whole():
    assert [disk.round_up(count) for count in (1, 4096, 4096.5, 13_000)] == [4096, 4096, 8192, 16_384]


def test_a_report_becomes_figures_of_what_was_acknowledged():
    figures = client.figures(
        {
            "requests": {"sent": 12, "acknowledged": 10, "refused": 1, "failed": 1}, "items": 10_000, "bytes": 3_600_000,
            "seconds": 2.0, "requests_per_second": 5.0, "items_per_second": 5000.0, "bytes_per_second": 1_800_000.0,
            "latency_ms": {"p50": 1.0, "p90": 2.0, "p99": 3.0, "p999": 4.0, "max": 5.0},
            "server": {"user_seconds": 0.002, "system_seconds": 0.001, "peak_rss_bytes": 1, "rss_bytes": 1},
            "client": {"cpu_seconds": 1.0},
        }
    )  # fmt: skip
    assert figures["not_acknowledged"] == 2
    assert figures["cpu_seconds_per_million"] == pytest.approx(0.3)
    assert figures["cpu_us_per_request"] == pytest.approx(300)
    assert figures["client_busy"] == pytest.approx(0.5)
