"""Waiting for events, never for time."""

import time


def wait_until(happened, what, seconds=60):
    """Waits until `happened()` is true, and returns what it returned. The deadline is only there to end a test."""
    deadline = time.monotonic() + seconds
    while True:
        result = happened()
        if result:
            return result
        assert time.monotonic() < deadline, f"{seconds} s have passed, and still not: {what}"
        time.sleep(0.02)
