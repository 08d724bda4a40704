"""Another time of day for a process, by libfaketime."""

import datetime
import pathlib

LIBRARY = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


def at(moment: datetime.datetime):
    """The environment of a process whose clock shows this time in UTC when it starts, and goes on from there.

    Only the time of day is another one: waits and deadlines last as long as ever.
    """
    assert LIBRARY is not None, "libfaketime is not there: apt-get install libfaketime"
    return {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME": moment.strftime("@%Y-%m-%d %H:%M:%S"),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "TZ": "UTC",
    }
