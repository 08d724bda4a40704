"""What forebay brings along for Prometheus and Grafana, and how it is tried within seconds."""

import json
import pathlib
import re

FOLDER = pathlib.Path(__file__).parents[3] / "config"
RULES = [FOLDER / "prometheus" / "recording.yaml", FOLDER / "prometheus" / "alerts.yaml"]
DASHBOARD = FOLDER / "grafana" / "forebay.json"

# Samples come so often here that rates can be taken over seconds, which also end soon.
SCRAPES = "250ms"
RATES = "10s"
PATIENCE = "1s"


def hurried(folder):
    """The rules with a shorter `for` and shorter rates; everything else is as it stands. What looks an hour back stays."""
    files = []
    for file in RULES:
        text = re.sub(r"^( +for:) .+$", rf"\1 {PATIENCE}", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
        text = re.sub(r"\[(5|15)m\]", f"[{RATES}]", text)
        files.append(folder / file.name)
        files[-1].write_text(text, encoding="utf-8")
    return files


def example():
    """The scrape configuration that the page about Prometheus shows."""
    page = (FOLDER / "prometheus" / "README.md").read_text(encoding="utf-8")
    return next(block for block in re.findall(r"```yaml\n(.+?)```", page, flags=re.DOTALL) if "scrape_configs" in block)


def replaced(text, changes):
    """The text with others in the place of some of its words, each of which it must have once."""
    for old, new in changes.items():
        assert text.count(old) == 1, f"{old} stands {text.count(old)} times in\n{text}"
        text = text.replace(old, new)
    return text


def selectors(expression):
    """The series that an expression asks for, whatever it does to them."""
    # Texts are taken out of the way, but for those in braces.
    words = re.findall(r'"[^"]*"|([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{[^}]*\})?)', expression)
    return {word for word in words if re.match(r"forebay_|otelcol_|instance\w*:|up\{|ALERTS\{", word)}


def dashboard():
    """The dashboard of Grafana."""
    return json.loads(DASHBOARD.read_text(encoding="utf-8"))


def panels():
    """Its panels, without the rows between them."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries():
    """What its panels ask for, as Grafana would ask it for all instances: by title and legend."""
    values = {"$job": "forebay", "$instance": ".*", "$__rate_interval": RATES}
    for panel in panels():
        for target in panel["targets"]:
            expression = target["expr"]
            for name, value in values.items():
                expression = expression.replace(name, value)
            assert "$" not in expression, expression
            yield f"{panel['title']}: {target['legendFormat']}", expression
