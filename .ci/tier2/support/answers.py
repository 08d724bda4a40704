"""The questions that people ask, answered from the messages that were sent, with nothing of forebay's.

An answer is a dictionary: from a tuple of what was grouped by to a number.
"""

import collections
import datetime
import math

COST, TOKENS = "claude_code.cost.usage", "claude_code.token.usage"
UTC = datetime.timezone.utc


def of_messages(messages):
    """All answers, by question, from messages by signal."""
    return {
        "cost per user and day": cost_per_user_and_day(messages["metrics"]),
        "tokens per session and type": tokens_per_session_and_type(messages["metrics"]),
        "events per name": dict(collections.Counter((event,) for event, _ in events(messages["logs"]))),
        "error rate per model": error_rate_per_model(messages["logs"]),
        "p95 of durations per span": p95_per_span(messages["traces"]),
        "rows": {
            ("logs",): sum(1 for _ in events(messages["logs"])),
            ("metrics",): sum(1 for _ in points(messages["metrics"])),
            ("traces",): sum(1 for _ in spans(messages["traces"])),
        },
    }


def check_equal(found, expected, where):
    """Equal keys, and numbers that differ in rounding only."""
    assert found.keys() == expected.keys(), f"{where}: questions differ"
    for question, answer in expected.items():
        assert answer, f"{question}: nothing was sent that it is about"
        assert found[question].keys() == answer.keys(), f"{where}: {question}: {found[question].keys() ^ answer.keys()}"
        for key, number in answer.items():
            is_equal = math.isclose(found[question][key], number, rel_tol=1e-9, abs_tol=0)
            assert is_equal, f"{where}: {question}: {key} is {found[question][key]}, not {number}"


def cost_per_user_and_day(messages):
    """Sums of US dollars, by user and date in UTC."""
    costs = collections.defaultdict(list)
    for name, point, find in points(messages):
        if name == COST:
            day = datetime.datetime.fromtimestamp(point.time_unix_nano // 10**9, UTC).date()
            costs[find("user.id"), day.isoformat()].append(number(point))
    return {key: math.fsum(values) for key, values in costs.items()}


def tokens_per_session_and_type(messages):
    """Sums of tokens, by session and type."""
    tokens = collections.Counter()
    for name, point, find in points(messages):
        if name == TOKENS:
            tokens[find("session.id"), find("type")] += number(point)
    return dict(tokens)


def error_rate_per_model(messages):
    """How many of the requests to a model ended as errors, from 0 to 1."""
    ends = collections.defaultdict(list)
    for event, find in events(messages):
        if event in ("api_request", "api_error"):
            ends[(find("model"),)].append(event == "api_error")
    return {key: sum(errors) / len(errors) for key, errors in ends.items()}


def p95_per_span(messages):
    """The 95th percentile of durations in nanoseconds, interpolated, by the name of the span."""
    durations = collections.defaultdict(list)
    for span in spans(messages):
        durations[(span.name,)].append(span.end_time_unix_nano - span.start_time_unix_nano)
    return {key: percentile(values) for key, values in durations.items()}


def percentile(values):
    """Between the two values nearest to 95 % of the way from the least to the greatest."""
    values = sorted(values)
    place = 0.95 * (len(values) - 1)
    below, above = values[math.floor(place)], values[math.ceil(place)]
    return below + (above - below) * (place - math.floor(place))


def number(point):
    """The value of a point of a sum."""
    return getattr(point, point.WhichOneof("value"))


def points(messages):
    """Every data point of any type, with the name of its metric and a function that finds attributes."""
    for message in messages:
        for of_resource in message.resource_metrics:
            for scope in of_resource.scope_metrics:
                for metric in scope.metrics:
                    for point in getattr(metric, metric.WhichOneof("data")).data_points:
                        yield metric.name, point, finder(point, of_resource)


def events(messages):
    """Every log record as the name of its event, with a function that finds attributes."""
    for message in messages:
        for of_resource in message.resource_logs:
            for scope in of_resource.scope_logs:
                for record in scope.log_records:
                    find = finder(record, of_resource)
                    yield record.event_name or find("event.name"), find


def spans(messages):
    """Every span."""
    for message in messages:
        for of_resource in message.resource_spans:
            for scope in of_resource.scope_spans:
                yield from scope.spans


def finder(item, of_resource):
    """Finds a text among the attributes of an item, or else of its resource."""

    def find(key):
        for attributes in (item.attributes, of_resource.resource.attributes):
            for pair in attributes:
                if pair.key == key:
                    return pair.value.string_value
        return None

    return find
