"""One forebay that writes what it gets in all six formats, and what it was sent."""

import pathlib

from .forebay import Forebay
from .telemetry import EXPORTS, Generator, captured

ENDINGS = {
    "parquet": ".parquet",
    "jsonl": ".jsonl.gz",
    "csv": ".csv.gz",
    "otlp_jsonl": ".jsonl.gz",
    "otlp_json": ".json.gz",
    "otlp_proto": ".binpb.gz",
}
# 2026-03-02: it need not be the time at which it is sent.
BEGAN = 1_772_409_600 * 10**9
SEED = 20260302


class SixFormats:
    """The bucket, a folder with one for each format, and the messages that were sent, by signal."""

    def __init__(self, folder):
        self.bucket = folder / "bucket"
        self.messages = {signal: [] for signal in EXPORTS}
        process = Forebay(folder, {"CONFIG": configuration(folder, self.bucket, ENDINGS), "OBJECTS_FORMAT": "parquet"})
        process.start()
        try:
            for export in [*captured(), *Generator(SEED, BEGAN, days=4).exports(requests=15)]:
                export.send(process)
                self.messages[export.signal].append(export.message)
            process.flush()
            process.stop()
        finally:
            process.kill()

    def files(self, name, signal):
        """The objects of a format and signal, as one would type them."""
        return f"{self.bucket}/{name}/{signal}/**/*{ENDINGS[name]}"

    def paths(self, name, signal):
        """The same as paths, oldest first."""
        return sorted(pathlib.Path(self.bucket, name, signal).rglob("*" + ENDINGS[name]))


def configuration(folder, bucket, formats, columns=None):
    """Writes a file of settings: the first format goes by `objects`, each other one is a further output."""
    first, *others = formats
    with_columns = f", columns: {{{', '.join(f'{name}: {source}' for name, source in columns.items())}}}" if columns else ""
    objects = lambda name: f"{{format: {name}, prefix: {name}{with_columns}}}"
    lines = [f"upload: {{to: 'file://{bucket}'}}", f"objects: {objects(first)}", "outputs:"]
    lines += [f"  {name.replace('_', '-')}: {{objects: {objects(name)}}}" for name in others]
    path = folder / "forebay.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
