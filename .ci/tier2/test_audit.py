"""The audit finds what it is there to find."""

import gzip
import json
import types

import pytest

from support import audit
from support.load import ATTRIBUTE

KEY = "logs/date=2026-01-01/hour=00/logs_1.jsonl.gz"


def an_object(*numbers):
    """An object with these numbers, each in a line of its own."""
    record = lambda number: {"attributes": [{"key": ATTRIBUTE, "value": {"intValue": str(number)}}]}
    line = lambda number: {"resourceLogs": [{"scopeLogs": [{"logRecords": [record(number)]}]}]}
    return gzip.compress("".join(json.dumps(line(number)) + "\n" for number in numbers).encode())


LOAD = types.SimpleNamespace(acknowledged={1, 2}, unanswered={3, 4})


def test_a_bucket_with_everything_passes():
    assert audit.check_exactly_once(LOAD, {KEY: an_object(1, 2, 3)}) == (2, 1)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (an_object(1), "1 acknowledged records are not in the bucket"),
        (an_object(1, 2, 2), "more than once"),
        (an_object(1, 2, 3, 3), "more than once"),
        (an_object(1, 2, 5), "nobody sent"),
        (gzip.compress(gzip.decompress(an_object(1, 2))[:-1]), "in the middle of a line"),
    ],
)
def test_a_wrong_bucket_does_not(content, complaint):
    with pytest.raises(AssertionError, match=complaint):
        audit.check_exactly_once(LOAD, {KEY: content})


def test_an_object_that_was_cut_off_does_not():
    with pytest.raises(EOFError):
        audit.check_exactly_once(LOAD, {KEY: an_object(1, 2)[:-9]})


def test_the_same_record_in_two_objects_does_not():
    with pytest.raises(AssertionError, match="more than once"):
        audit.check_exactly_once(LOAD, {KEY: an_object(1, 2), KEY.replace("_1", "_2"): an_object(2)})
