"""A run: what is to be measured how long, where, and what came out so far."""

import contextlib
import dataclasses
import json
import shutil
import statistics
import time
import traceback

from support.seaweedfs import BUCKET, SeaweedFS


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much is sent. Requests bound what is fast, seconds what is slow."""

    logs: int
    small: int
    large: int
    claude_code: int
    seconds: int
    bucket: int
    while_packing: int
    pack_items: int
    fio_seconds: int
    outage_seconds: int
    backlog_gib: float

    def requests(self, shape):
        """Requests of a shape."""
        return getattr(self, shape.replace("-", "_"))


FULL = Sizes(1200, 80_000, 4000, 60_000, 5, 600, 8000, 1_000_000, 2, 60, 10)
QUICK = Sizes(300, 16_000, 1000, 12_000, 2, 100, 1500, 100_000, 1, 10, 0.5)
# Shows that everything works, and nothing else.
SMOKE = Sizes(40, 1000, 100, 1000, 1, 20, 400, 5000, 1, 2, 0.05)


class Run:
    """All records of a run. A record says what was measured (`measure`), of whom (`subject`), in which round, and figures."""

    def __init__(self, folder, sizes, minutes, cores, missing):
        self.folder = folder
        self.sizes = sizes
        self.cores = cores
        self.missing = dict(missing)
        self.round = 0
        self.records = []
        self.failures = []
        # What time was too short for.
        self.cut = []
        self.store = None
        self._began = time.monotonic()
        self._ends = self._began + minutes * 60
        self._places = 0

    @contextlib.contextmanager
    def serving(self):
        """Has the store run, and removes everything at the end."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        try:
            with SeaweedFS(self.folder) as self.store:
                yield self
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def place(self, what):
        """A folder of a measurement's own, which is gone afterwards. Its name is also that of its prefix in the bucket."""
        self._places += 1
        path = self.folder / f"{self._places}-{what.replace(', ', '-').replace(' ', '-')}"
        path.mkdir()
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    @contextlib.contextmanager
    def started(self, subject):
        """Has a subject run on its core."""
        with self.cores.server():
            subject.__enter__()
        try:
            yield subject
        finally:
            subject.__exit__(None, None, None)

    def add(self, measure, subject, **figures):
        """Keeps a record."""
        record = {"measure": measure, "subject": subject, "round": self.round, **figures}
        self.records.append(record)
        shown = {key: value for key, value in figures.items() if isinstance(value, (int, float))}
        print(f"  {measure}, {subject}: " + ", ".join(f"{key} {value:.4g}" for key, value in shown.items()), flush=True)

    def attempt(self, what, measure, *of):
        """Measures unless time is up. One that fails is noted, and the others go on."""
        if time.monotonic() > self._ends:
            self.cut.append({"what": what, "round": self.round})
            return
        print(f"{self.seconds():4.0f} s  round {self.round}: {what}", flush=True)
        try:
            measure(self, *of)
        except Exception as error:  # noqa: BLE001, whatever it was, it is told
            traceback.print_exc()
            self.failures.append({"what": what, "round": self.round, "why": f"{type(error).__name__}: {error}"[:500]})

    def seconds(self):
        """For how long it has run."""
        return time.monotonic() - self._began

    def select(self, measure, **wanted):
        """The records of a measure that have these values."""
        return [
            record
            for record in self.records
            if record["measure"] == measure and all(record.get(key) == value for key, value in wanted.items())
        ]

    def median(self, measure, figure, **wanted):
        """The median of a figure over the rounds; none if it was not measured."""
        figures = [record[figure] for record in self.select(measure, **wanted) if record.get(figure) is not None]
        return statistics.median(figures) if figures else None

    def most(self, measure, figure, **wanted):
        """The greatest value of a figure; none if it was not measured."""
        return max((record[figure] for record in self.select(measure, **wanted) if figure in record), default=None)

    def bucket_bytes(self, prefix):
        """Bytes and number of the objects below a prefix."""
        pages = self.store.auditor.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{prefix}/")
        sizes = [found["Size"] for page in pages for found in page.get("Contents", [])]
        return {"bucket_bytes": sum(sizes), "objects": len(sizes)}

    def save(self, path, **more):
        """Writes everything as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        everything = {
            **more,
            "sizes": dataclasses.asdict(self.sizes),
            "seconds": round(self.seconds()),
            "missing": self.missing,
            "failures": self.failures,
            "cut": self.cut,
            "records": self.records,
        }
        path.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")
