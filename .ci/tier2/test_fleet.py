"""What config/fleet.md tells people to write into files."""

import json
import pathlib
import re
import subprocess

from support.forebay import BINARY

PAGE = pathlib.Path(__file__).parents[2] / "config" / "fleet.md"


def snippets(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_every_json_is_json_and_grants_no_more_than_is_needed():
    policy, lifecycle, settings = map(json.loads, snippets("json"))
    actions = [action for statement in policy["Statement"] for action in statement["Action"]]
    assert actions == ["s3:PutObject", "s3:AbortMultipartUpload"]
    assert lifecycle["Rules"][0]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] > 0
    assert all(isinstance(value, str) for value in settings["env"].values())


def test_the_configuration_passes_forebay_check(tmp_path):
    (text,) = snippets("yaml")
    file = tmp_path / "forebay.yaml"
    # The keys of TLS are the reader's own.
    for name in ["server.pem", "server-key.pem"]:
        text = text.replace(f"/etc/forebay/{name}", str(tmp_path / name))
    file.write_text(text)
    certificate = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                   "-subj", "/CN=localhost", "-keyout", tmp_path / "server-key.pem", "-out", tmp_path / "server.pem"]
    subprocess.run(certificate, check=True, capture_output=True)
    check = subprocess.run([BINARY, "check", "--config", file], env={"DEVELOPERS_TOKEN": "a" * 64}, check=False,
                           capture_output=True, text=True)
    assert check.returncode == 0, check.stdout + check.stderr
