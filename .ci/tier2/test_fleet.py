"""What config/fleet.md tells people to write into files, used as it stands there but for names and addresses."""

import json
import os
import pathlib
import re
import subprocess
import sys

import duckdb
from cryptography.x509.oid import ExtendedKeyUsageOID

from support.access import Authority, pem
from support.forebay import Forebay
from support.seaweedfs import BUCKET, SeaweedFS

PAGE = (pathlib.Path(__file__).parents[2] / "config" / "fleet.md").read_text()

# A client that is told everything by the environment, as Claude Code is.
CLIENT = """
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

provider = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])
cost = provider.get_meter("claude_code").create_counter("claude_code.cost.usage")
cost.add(1.25, {"user.email": "ann@example.com"})
cost.add(0.5, {"user.email": "bob@example.com"})
assert provider.force_flush(60_000)
"""


def snippets(language):
    """What stands in the page in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_policy_configuration_settings_and_question_work_together(tmp_path):
    policy, lifecycle, managed = map(json.loads, snippets("json"))
    (configuration,) = snippets("yaml")
    assert lifecycle["Rules"][0]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] > 0
    here = lambda text: text.replace("company-telemetry", BUCKET)

    authority = Authority("fleet")
    (tmp_path / "authority.pem").write_bytes(pem(authority.certificate))
    authority.issue(tmp_path, "server", ExtendedKeyUsageOID.SERVER_AUTH)
    file = tmp_path / "forebay.yaml"
    file.write_text(here(configuration).replace("/etc/forebay/", f"{tmp_path}/"))

    with SeaweedFS(tmp_path, json.loads(here(json.dumps(policy)))) as store:
        settings = {key: value for key, value in store.settings("").items() if key != "UPLOAD_TO"}
        forebay = Forebay(tmp_path, settings | {"CONFIG": file, "OBJECTS_FORMAT": "parquet"})
        forebay.environment["DEVELOPERS_TOKEN"] = token = "5f" * 32
        forebay.run("check")
        forebay.start()
        try:
            environment = {name: here(value).replace("TOKEN", token) for name, value in managed["env"].items()}
            environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"https://{forebay.http}"
            environment["OTEL_EXPORTER_OTLP_CERTIFICATE"] = str(tmp_path / "authority.pem")
            # Claude Code's own default.
            environment["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"] = "delta"
            environment["PATH"] = os.environ["PATH"]
            subprocess.run([sys.executable, "-c", CLIENT], env=environment, check=True, timeout=120)
            forebay.flush()
        finally:
            forebay.kill()
        for version in store.versions():
            target = tmp_path / "bucket" / version["Key"]
            target.parent.mkdir(parents=True, exist_ok=True)
            store.auditor.download_file(BUCKET, version["Key"], str(target))

    (question,) = re.findall(r'duckdb -c "(.*?)"$', PAGE, re.MULTILINE | re.DOTALL)
    question = question.replace("s3://company-telemetry", f"{tmp_path}/bucket")
    assert duckdb.sql(question).fetchall() == [("ann@example.com", 1.25), ("bob@example.com", 0.5)]
