"""Another time of day for a process, by a library that is loaded before it."""

import atexit
import datetime
import functools
import os
import pathlib
import shutil
import subprocess
import tempfile

SOURCE = pathlib.Path(__file__).with_suffix(".c")


def at(moment: datetime.datetime):
    """The environment of a process whose clock shows this time in UTC about when it starts, and goes on from there.

    Only the time of day is another one: waits and deadlines last as long as ever.
    """
    shift = moment.replace(tzinfo=datetime.UTC) - datetime.datetime.now(datetime.UTC)
    return {"LD_PRELOAD": _library(), "CLOCK_SHIFT_SECONDS": str(int(shift.total_seconds())), "TZ": "UTC"}


@functools.cache
def _library():
    """The library, built by the compiler of forebay's parts in C."""
    folder = tempfile.mkdtemp(prefix="forebay-clock-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = os.path.join(folder, "clock.so")
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-o", path, SOURCE], check=True, timeout=60)
    return path
