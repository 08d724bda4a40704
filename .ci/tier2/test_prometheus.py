"""Rules and dashboard against a real Prometheus that scrapes real forebays: at work, without their store, and full."""

import re
import time

from support import monitoring
from support.collector_alerts import verdicts
from support.fleet import Fleet
from support.load import Load
from support.prometheus import Prometheus, promtool
from support.seaweedfs import SeaweedFS
from support.waiting import wait_until

# The certificates of these tests are good for a day, from some seconds ago on.
ALWAYS = {("ForebayCertificateExpires", "secured"), ("ForebayCertificateExpiresSoon", "secured")}

# What fires for the one that is full and refuses, by our names and by those that people have for the Collector.
FULL = {"ForebayNotDelivering", "ForebayNotTakingIn", "ForebayDiskBudgetNearlyUsedUp", "ForebayDiskBudgetFullSoon"}
REFUSING = {"helm: ReceiverDropped log_records", "helm: ExporterQueueSize", "alloy, of logs: OtelcolReceiverRefusedSpans"}
DROPPING = "helm: SendQueueFailed log_records"
STUCK = "documentation: ingress without egress"

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
    empty = lambda: {name for name, expression in expressions if not prometheus.query(expression)}
    reach(empty, set(), "what finds no data")


def check_queries(prometheus, fleet):
    """Every query of the dashboard finds data, and so does every series that the rules are made of."""
    fleet.send_astray()
    always = [query for query in monitoring.queries() if query[0] not in ONLY_IN_AN_OUTAGE]
    reach_data(prometheus, always)
    rules = prometheus.rules()
    assert len(rules) == sum(len(re.findall(r"- (?:alert|record):", file.read_text())) for file in monitoring.RULES)
    series = {series for rule in rules for series in monitoring.selectors(rule["query"])}
    reach_data(prometheus, [(one, one) for one in series])


def of(name, found):
    """What is about one of the forebays."""
    return {what for what, instance in found if instance == name}


def check_at_work(prometheus, fleet):
    """Nobody complains."""
    check_queries(prometheus, fleet)
    fleet.check_metrics()
    reach(prometheus.alerts, ALWAYS, "at work")
    reach(lambda: verdicts(prometheus), set(), "the Collector's alerts at work")


def check_without_the_store(prometheus):
    """There is room, and what comes in does not go out."""
    for name in ("edge", "dropping"):
        wait_until(lambda name=name: "ForebayNotDelivering" in of(name, prometheus.alerts()), f"{name} does not deliver")
        wait_until(lambda name=name: STUCK in of(name, verdicts(prometheus)), f"{name} is stuck")
    growing = [query for query in monitoring.queries() if query[0] in ONLY_IN_AN_OUTAGE]
    assert {name for name, _ in growing} == ONLY_IN_AN_OUTAGE
    reach_data(prometheus, growing)


def check_full(prometheus, fleet):
    """There is no room: one refuses, another drops, and their neighbour does neither."""
    reach(lambda: of("edge", prometheus.alerts()), FULL, "refusing", 120)
    reach(lambda: of("edge", verdicts(prometheus)), REFUSING, "the Collector's alerts when it refuses")
    wait_until(lambda: "ForebayDataDropped" in of("dropping", prometheus.alerts()), "it drops")
    wait_until(lambda: DROPPING in of("dropping", verdicts(prometheus)), "the Collector's alert when it drops")
    reach(lambda: of("secured", prometheus.alerts()), of("secured", ALWAYS), "the neighbour of both")
    assert not of("secured", verdicts(prometheus))
    fleet.check_metrics()
    wrong = [text for text in prometheus.texts() if "<error" in text or "<no value>" in text or "{{" in text]
    assert not wrong, wrong


def check_at_work_again(prometheus):
    """All that was is over."""
    reach(prometheus.alerts, ALWAYS, "at work again", 120)
    reach(lambda: verdicts(prometheus), set(), "the Collector's alerts at work again")


def check_what_goes_wrong(prometheus, fleet):
    """A broken certificate, a lost object and a kill are told, one after the other."""
    expected = ALWAYS | {("ForebayCredentialsNotReloaded", "secured")}
    fleet.spoil_certificate()
    reach(prometheus.alerts, expected, "a certificate that is none")
    expected |= {("ForebayDataDamaged", "edge")}
    fleet.lose_an_object("edge")
    reach(prometheus.alerts, expected, "started again without an object")
    expected |= {("ForebayDown", "edge")}
    fleet.all["edge"].kill()
    reach(prometheus.alerts, expected, "killed")


def test_queries_find_data_and_alerts_tell_what_is_wrong(folder, figure):
    began = time.monotonic()
    with SeaweedFS(folder) as store, Fleet(folder, store) as fleet, Prometheus(folder, fleet.config()) as prometheus:
        edge, dropping = fleet.all["edge"], fleet.all["dropping"]
        with Load(edge, clients=1), Load(dropping, clients=1):
            check_at_work(prometheus, fleet)
            store.stop()
            check_without_the_store(prometheus)
            with Load(edge, clients=2, padding=8000), Load(dropping, clients=2, padding=8000):
                check_full(prometheus, fleet)
        store.start()
        check_at_work_again(prometheus)
        check_what_goes_wrong(prometheus, fleet)
        broken = [rule["name"] for rule in prometheus.rules() if rule["health"] != "ok"]
        assert not broken, broken
    asked, seconds = len(list(monitoring.queries())), time.monotonic() - began
    figure(f"Prometheus: {asked} queries of the dashboard found data, and every outage its alerts, in {seconds:.0f} s")
