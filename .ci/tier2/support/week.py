"""A week of objects: the clock shows another day at every start, for the folder of an object is when it was received."""

import datetime

from . import clock
from .forebay import Forebay
from .formats import configuration
from .telemetry import EXPORTS, Generator

FORMATS = ["parquet", "jsonl", "csv"]
# From Monday, 2026-03-02, to Sunday; on Wednesday in two hours.
MOMENTS = [
    datetime.datetime(2026, 3, day, hour, tzinfo=datetime.timezone.utc)
    for day in range(2, 9)
    for hour in ([9, 17] if day == 4 else [9])
]
# From Thursday on there are attributes that never were before.
NEW_ATTRIBUTES = datetime.date(2026, 3, 5)
# From Saturday on they have columns.
NEW_COLUMNS = datetime.date(2026, 3, 7)
COLUMNS = {"retries": "attributes.retries as int", "team": "resource.team"}


class Week:
    """The bucket, and the messages that were sent, by moment and signal."""

    def __init__(self, folder):
        self.bucket = folder / "bucket"
        self.sent = {}
        for number, moment in enumerate(MOMENTS):
            is_new = moment.date() >= NEW_ATTRIBUTES
            columns = COLUMNS if moment.date() >= NEW_COLUMNS else None
            settings = {"CONFIG": configuration(folder, self.bucket, FORMATS, columns), "OBJECTS_FORMAT": "parquet"}
            process = Forebay(folder, settings)
            process.environment |= clock.at(moment)
            process.start()
            try:
                generator = Generator(number, int(moment.timestamp()) * 10**9, days=1)
                new = {"resource": {"team": "core"}, "attributes": {"retries": number}} if is_new else {}
                self.sent[moment] = {signal: [] for signal in EXPORTS}
                for export in generator.exports(requests=2, **new):
                    export.send(process)
                    self.sent[moment][export.signal].append(export.message)
                process.flush()
                process.stop()
            finally:
                process.kill()

    def messages(self, is_meant=lambda moment: True):
        """The messages that were sent at moments that are meant, by signal."""
        of_moments = [messages for moment, messages in self.sent.items() if is_meant(moment)]
        return {signal: [message for messages in of_moments for message in messages[signal]] for signal in EXPORTS}
