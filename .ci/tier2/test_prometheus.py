"""Rules and dashboard against a real Prometheus that scrapes real forebays: at work, without their store, and full."""

import contextlib
import http.client
import re
import time

import pytest

from support import monitoring
from support.access import TOKEN, Access
from support.collector_alerts import verdicts
from support.forebay import Forebay
from support.load import Load, request
from support.ports import free_port
from support.prometheus import Prometheus, promtool
from support.seaweedfs import SeaweedFS
from support.waiting import wait_until

SMALL = {
    "LOG_SEGMENT_BYTES": "1MiB",
    "LOG_SEAL_AFTER": "1s",
    "RECEIVE_MAX_REQUEST_BYTES": "1MiB",
}
# The certificates of these tests are good for a day, from some seconds ago on.
ALWAYS = {("ForebayCertificateExpires", "secured"), ("ForebayCertificateExpiresSoon", "secured")}

# Which of the Collector's alerts are true when clients are refused.
REFUSING = {"helm: ReceiverDropped log_records", "helm: ExporterQueueSize", "alloy, of logs: OtelcolReceiverRefusedSpans"}

# What of the dashboard finds data only while the use of the disk grows.
ONLY_IN_AN_OUTAGE = {"Disk budget full in: {{instance}}"}


def test_rules_and_their_tests_are_right():
    for file in monitoring.RULES:
        promtool("check", "rules", file)
    promtool("test", "rules", monitoring.FOLDER / "prometheus" / "tests.yaml")


def test_every_alert_is_tested_and_in_the_table():
    alerts = monitoring.RULES[1].read_text(encoding="utf-8")
    names = re.findall(r"- alert: (\w+)", alerts)
    severities = re.findall(r"severity: (\w+)", alerts)
    tests = (monitoring.FOLDER / "prometheus" / "tests.yaml").read_text(encoding="utf-8")
    page = (monitoring.FOLDER / "prometheus" / "README.md").read_text(encoding="utf-8")
    assert len(names) == len(set(names)) == len(severities)
    for name, severity in zip(names, severities, strict=True):
        assert f'alertname="{name}",severity="{severity}"' in tests, f"{name} has no test in which it fires"
    assert re.findall(r"^\| (Forebay\w+) \| (\w+) \|", page, flags=re.MULTILINE) == list(zip(names, severities, strict=True))


def test_the_dashboard_is_one_that_grafana_takes_and_people_understand():
    board = monitoring.dashboard()
    assert board["id"] is None and board["uid"] == "forebay" and board["schemaVersion"] >= 36
    assert [variable["name"] for variable in board["templating"]["list"]] == ["datasource", "job", "instance"]
    everything = board["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    assert {panel["type"] for panel in everything} <= {"row", "stat", "timeseries", "heatmap"}, "what Grafana has by itself"
    for panel in monitoring.panels():
        title = panel["title"]
        assert len(panel["description"]) > 40 and panel["description"].endswith("."), f"{title} is not described"
        assert panel["fieldConfig"]["defaults"].get("unit") or panel["type"] == "heatmap", f"{title} has no unit"
        for part in [panel, *panel["targets"]]:
            assert part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, title
        for target in panel["targets"]:
            for word in monitoring.selectors(target["expr"]):
                assert word.startswith("ALERTS") or 'job=~"$job",instance=~"$instance"' in word, f"{title}: {word}"
    places = [
        (x, y)
        for place in (panel["gridPos"] for panel in everything)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(places) == len(set(places)), "panels lie on each other"
    assert all(x < 24 for x, _ in places)


class Fleet:
    """Forebays, and how Prometheus finds them: `edge` refuses when it is full, `dropping` drops; `secured` has all that can be
    switched on, and a folder for a store."""

    def __init__(self, folder, store):
        self._folder = folder
        self._access = Access(folder, has_tls=True, token=TOKEN)
        self.all = {}
        settings = {
            "edge": store.settings("edge") | {"LOG_DISK_BUDGET": "32MiB", "RECEIVE_HOLD_BEFORE_REFUSING": "100ms"},
            "dropping": store.settings("dropping") | {"LOG_DISK_BUDGET": "16MiB", "LOG_WHEN_FULL": "drop_oldest"},
            "secured": self._secured(),
        }
        for name, more in settings.items():
            (folder / name).mkdir()
            self.all[name] = Forebay(folder / name, SMALL | more | {"ADMIN_LISTEN": f"127.0.0.1:{free_port()}"})

    def __enter__(self):
        for process in self.all.values():
            process.start()
        return self

    def __exit__(self, *_):
        for process in self.all.values():
            process.kill()

    def _secured(self):
        asked = {name.replace("RECEIVE_", "ADMIN_"): value for name, value in self._access.settings().items()}
        return asked | {
            "UPLOAD_TO": f"file://{self._folder}/bucket",
            "UPLOAD_RECEIPTS_HOURLY": "true",
            # Nobody listens there.
            "UPLOAD_RECEIPTS_WEBHOOK_URL": f"http://127.0.0.1:{free_port()}/",
            "OBJECTS_BUCKET": "{resource.bucket}",
            "OBJECTS_KEY": "{resource.place:-none}/{signal}_{unique}",
            "OBJECTS_MAX_PREFIXES": "1",
        }

    def address(self, name):
        """Of its admin server."""
        return self.all[name].environment["FOREBAY_ADMIN_LISTEN"]

    def config(self):
        """The configuration that the page shows, with these addresses and files."""
        token = self._folder / "token"
        token.write_text(TOKEN, encoding="utf-8")
        recording, alerts = monitoring.hurried(self._folder)
        target = lambda name, more="": f'targets: ["{self.address(name)}"]\n        labels: {{ instance: {name}{more} }}'
        often = monitoring.SCRAPES
        text = monitoring.replaced(
            monitoring.example(),
            {
                "  scrape_interval: 15s": f"  scrape_interval: {often}\n  scrape_timeout: {often}",
                "evaluation_interval: 15s": f"evaluation_interval: {often}",
                "/etc/prometheus/forebay/recording.yaml": str(recording),
                "/etc/prometheus/forebay/alerts.yaml": str(alerts),
                "/etc/prometheus/forebay/token": str(token),
                "/etc/prometheus/forebay/ca.pem": str(self._access.authority),
                'targets: ["127.0.0.1:13133"]': f"{target('edge')}\n      - {target('dropping')}",
                'targets: ["edge.example.com:13133"]\n        labels: { job: forebay }': target("secured", ", job: forebay"),
            },
        )
        file = self._folder / "prometheus.yaml"
        file.write_text(text, encoding="utf-8")
        promtool("check", "config", file)
        return file

    def check_metrics(self):
        """Has promtool look at names, types and descriptions."""
        for name in self.all:
            way = (http.client.HTTPConnection, {})
            if name == "secured":
                way = (http.client.HTTPSConnection, {"context": self._access.context(client=False)})
            with contextlib.closing(way[0](self.address(name), timeout=60, **way[1])) as connection:
                connection.request("GET", "/metrics", headers=self._access.headers())
                answer = connection.getresponse()
                assert answer.status == 200
                promtool("check", "metrics", given=answer.read().decode())

    def send_astray(self):
        """Has `secured` find values that it has no bucket and no folder for."""
        for place in ("here", "there"):
            export = request([1, 2], padding=80)
            export.resource_logs[0].resource.attributes.add(key="place").value.string_value = place
            with contextlib.closing(http.client.HTTPConnection(self.all["secured"].http, timeout=60)) as connection:
                connection.request("POST", "/v1/logs", export.SerializeToString(), {"Content-Type": "application/x-protobuf"})
                assert connection.getresponse().status == 200


def reach(seen, expected, what, seconds=60):
    """Waits until exactly this is seen."""
    last = None

    def is_reached():
        nonlocal last
        last = seen()
        return last == expected

    try:
        wait_until(is_reached, what, seconds)
    except AssertionError:
        raise AssertionError(f"{what}: missing {expected - last}, too many {last - expected}") from None


def reach_data(prometheus, expressions):
    """Waits until each of the expressions finds something."""
    reach(lambda: {name for name, expression in expressions if not prometheus.query(expression)}, set(), "what finds no data")


def check_queries(prometheus, fleet):
    """Every query of the dashboard finds data, and so does every series that the rules are made of."""
    fleet.send_astray()
    reach_data(prometheus, [(name, expression) for name, expression in monitoring.queries() if name not in ONLY_IN_AN_OUTAGE])
    rules = prometheus.rules()
    assert len(rules) == sum(len(re.findall(r"- (?:alert|record):", file.read_text())) for file in monitoring.RULES)
    series = {series for rule in rules for series in monitoring.selectors(rule["query"])}
    reach_data(prometheus, [(one, one) for one in series])


def test_queries_find_data_and_alerts_tell_what_is_wrong(folder, figure):
    began = time.monotonic()
    with SeaweedFS(folder) as store, Fleet(folder, store) as fleet, Prometheus(folder, fleet.config()) as prometheus:
        edge, dropping = fleet.all["edge"], fleet.all["dropping"]
        firing = lambda: prometheus.alerts()
        with Load(edge, clients=1), Load(dropping, clients=1):
            check_queries(prometheus, fleet)
            fleet.check_metrics()
            reach(firing, ALWAYS, "at work")
            reach(lambda: verdicts(prometheus), set(), "the Collector's alerts at work")

            store.stop()
            away = {("ForebayNotDelivering", name) for name in ("edge", "dropping")}
            wait_until(lambda: firing() >= away, f"{away} without the store")
            stuck = {("documentation: ingress without egress", name) for name in ("edge", "dropping")}
            wait_until(lambda: verdicts(prometheus) >= stuck, f"{stuck} without the store")
            growing = [query for query in monitoring.queries() if query[0] in ONLY_IN_AN_OUTAGE]
            assert {name for name, _ in growing} == ONLY_IN_AN_OUTAGE
            reach_data(prometheus, growing)

            with Load(edge, clients=2, padding=8000), Load(dropping, clients=2, padding=8000):
                full = {
                    ("ForebayNotDelivering", "edge"),
                    ("ForebayNotTakingIn", "edge"),
                    ("ForebayDiskBudgetNearlyUsedUp", "edge"),
                    ("ForebayDiskBudgetFullSoon", "edge"),
                }
                of = lambda found, name: {pair for pair in found if pair[1] == name}
                reach(lambda: of(firing(), "edge"), full, "refusing", 120)
                wait_until(lambda: ("ForebayDataDropped", "dropping") in firing(), "dropping")
                reach(lambda: of(firing(), "secured"), ALWAYS, "the neighbour of both")
                reach(
                    lambda: of(verdicts(prometheus), "edge"),
                    {(name, "edge") for name in REFUSING},
                    "the Collector's alerts when it refuses",
                )
                wait_until(
                    lambda: ("helm: SendQueueFailed log_records", "dropping") in verdicts(prometheus),
                    "the Collector's alert when it drops",
                )
                fleet.check_metrics()
                errors = [text for text in prometheus.texts() if "<error" in text or "<no value>" in text or "{{" in text]
                assert not errors, errors

        store.start()
        reach(firing, ALWAYS, "at work again", 120)
        reach(lambda: verdicts(prometheus), set(), "the Collector's alerts at work again")
        edge.kill()
        reach(firing, ALWAYS | {("ForebayDown", "edge")}, "killed")
        broken = [rule["name"] for rule in prometheus.rules() if rule["health"] != "ok"]
        assert not broken, broken
    figure(f"Prometheus: {len(list(monitoring.queries()))} queries of the dashboard, in {time.monotonic() - began:.0f} s")
