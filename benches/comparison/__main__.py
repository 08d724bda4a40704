"""benches/compare: runs everything in turn, and prints tables."""

import argparse
import dataclasses
import pathlib
import signal
import sys
import time

REPOSITORY = pathlib.Path(__file__).parents[2]
README = REPOSITORY / "benches" / "README.md"
RESULTS = REPOSITORY / "target" / "compare"

PARTS = ["intake", "half-load", "disk", "bucket", "while-packing", "packing", "outage"]


def arguments():
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="benches/compare", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="small counts and one round, in about five minutes")
    size.add_argument(
        "--smoke", action="store_true", help="shows in a minute or two that everything works; its figures say nothing"
    )
    parser.add_argument("--rounds", type=int, help="how often each is measured (5; 1 with --quick)")
    parser.add_argument("--minutes", type=float, default=30, help="nothing is begun later than this (30)")
    parser.add_argument("--backlog-gib", type=float, help="what waits during the outage (10; 0.5 with --quick)")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"only these of {','.join(PARTS)}")
    parser.add_argument("--without", default="", help="subjects to leave out, with ; between them: 'rotel;collector, fsync'")
    parser.add_argument(
        "--pin", action=argparse.BooleanOptionalAction, help="the server on the first core, everything else on the others"
    )
    parser.add_argument(
        "--folder", type=pathlib.Path, default=RESULTS / "run", help="where the data lie, on the disk that is meant"
    )
    parser.add_argument("--fill", action="store_true", help="put the tables into benches/README.md")
    return parser.parse_args()


def main():
    """Runs, and says how it went."""
    chosen = arguments()
    parts = chosen.parts.split(",")
    if unknown := set(parts) - set(PARTS):
        raise SystemExit(f"there are no parts {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    # Only now, so that --help needs nothing that has to be installed.
    from . import machine, report, run, subjects

    # So that being told to end is an end like any other: with every process that was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sizes = run.SMOKE if chosen.smoke else run.QUICK if chosen.quick else run.FULL
    if chosen.backlog_gib is not None:
        sizes = dataclasses.replace(sizes, backlog_gib=chosen.backlog_gib)
    rounds = chosen.rounds or (1 if chosen.quick or chosen.smoke else 5)
    cores = machine.Cores(chosen.pin)
    cores.confine()
    missing = subjects.missing() | {name: "left out" for name in filter(None, chosen.without.split(";"))}
    running = run.Run(chosen.folder, sizes, chosen.minutes, cores, missing)
    about = {
        "when": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine.describe(chosen.folder.parent, cores),
        "rounds": rounds,
        "size": "smoke" if chosen.smoke else "quick" if chosen.quick else "full",
    }
    path = RESULTS / f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}.json"
    try:
        with running.serving():
            measure(running, parts, rounds, lambda: running.save(path, about=about))
    finally:
        running.save(path, about=about, targets=report.rows(running))
        text = report.markdown(running, about)
        path.with_suffix(".md").write_text(text, encoding="utf-8")
        print(f"\n{text}\nAll figures: {path.relative_to(REPOSITORY)}")
    if chosen.fill:
        report.fill(README, text)
    return 1 if running.failures else 0


def measure(running, parts, rounds, save):
    """Every part once a round, so that a busy minute of the machine does not meet one subject alone; the outage once."""
    from . import backlog, bucket, disk, intake

    in_turn = {
        "intake": intake.measure,
        "half-load": intake.measure_half_load,
        # At the group sizes that have occurred by now.
        "disk": disk.measure,
        "bucket": bucket.measure,
        "while-packing": bucket.measure_while_packing,
        "packing": bucket.measure_packing,
    }
    for running.round in range(1, rounds + 1):
        for part, measured in in_turn.items():
            if part in parts:
                measured(running)
                save()
        # After the first round, so that everything is measured once before time can be up.
        if running.round == 1 and "outage" in parts:
            backlog.measure(running)
            save()


if __name__ == "__main__":
    sys.exit(main())
