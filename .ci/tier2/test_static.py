"""The static binary, in a root that has nothing in it but the binary, /proc and what the test says."""

import os
import pathlib
import re
import shlex
import shutil
import subprocess

import pytest

from support import forebay as program
from support.forebay import Forebay
from support.names import Names, put_module
from support.seaweedfs import SeaweedFS

STATIC = pathlib.Path(os.environ["CI_FOLDER"]) / "static" / "forebay"
CHROOT = "/usr/sbin/chroot"
AUTHORITIES = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")


@pytest.fixture(name="root")
def an_empty_root(tmp_path, monkeypatch):
    """In it paths are as they are outside, so that settings need not know of it."""
    root = tmp_path / "root"
    (root / "proc").mkdir(parents=True)
    (root / tmp_path.relative_to("/")).mkdir(parents=True)
    shutil.copy(STATIC, root / "forebay")
    wrapper = tmp_path / "forebay"
    wrapper.write_text(f'#!/bin/sh\nexec {CHROOT} {shlex.quote(str(root))} /forebay "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setattr(program, "BINARY", str(wrapper))
    # A file gets its name by it.
    subprocess.run(["mount", "-t", "proc", "proc", root / "proc"], check=True)
    yield root
    subprocess.run(["umount", root / "proc"], check=True)


@pytest.fixture(name="running")
def a_running_forebay(tmp_path):
    """Starts forebays with these settings; they are killed at the end."""
    started = []

    def start(**settings):
        started.append(Forebay(tmp_path, settings))
        return started[-1].start()

    yield start
    for forebay in started:
        forebay.kill()


def test_it_names_no_library(figure):
    said = subprocess.run(["readelf", "--dynamic", "--program-headers", STATIC], capture_output=True, check=True, text=True)
    assert "NEEDED" not in said.stdout and "INTERP" not in said.stdout
    figure(f"the static binary: {STATIC.stat().st_size / 2**20:.0f} MiB")


@pytest.mark.parametrize(("objects", "ending"), [("parquet", "parquet"), ("otlp_jsonl", "jsonl.gz")])
def test_a_sample_is_delivered_into_a_folder(root, running, objects, ending):
    forebay = running(OBJECTS_FORMAT=objects)
    forebay.run("send", "--to", f"http://{forebay.grpc}", "--protocol", "grpc")
    forebay.flush()
    found = [path for path in (root / forebay.data.relative_to("/")).glob(f"bucket/**/*.{ending}") if "1970" not in str(path)]
    assert len(found) == 3, found
    forebay.stop()


@pytest.mark.usefixtures("root")
def test_zones_are_known(running):
    forebay = running(UPLOAD_HOURS="00:00-24:00", UPLOAD_TIMEZONE="Australia/Sydney")
    forebay.run("send", "--to", f"http://{forebay.http}")
    forebay.flush()
    forebay.stop()


def test_names_are_looked_up_in_the_file_and_by_dns_and_no_module_of_the_system_is_loaded(root, tmp_path, running):
    (root / "etc" / "ssl" / "certs").mkdir(parents=True)
    shutil.copy(AUTHORITIES, root / AUTHORITIES.relative_to("/"))
    (root / "etc" / "hosts").write_text("127.0.0.1 receiver.example\n")
    # As Fedora has it, and Debian with libnss-myhostname.
    (root / "etc" / "nsswitch.conf").write_text("passwd: system files\ngroup: system files\nhosts: system files dns\n")
    put_module(root, "system")
    with SeaweedFS(tmp_path) as store, Names("store.example") as names:
        (root / "etc" / "resolv.conf").write_text(f"nameserver {names.address}\n")
        endpoint = store.endpoint.replace("127.0.0.1", "store.example")
        changed = {"UPLOAD_S3_ENDPOINT": endpoint, "OBJECTS_FORMAT": "parquet"}
        forebay = running(**store.settings("static") | changed)
        said = forebay.run("send", "--to", f"http://receiver.example:{forebay.http.rsplit(':', 1)[1]}")
        assert re.search(r"logs +7 log records sent, 7 acknowledged", said), said
        forebay.flush()
        forebay.stop()
        assert names.asked == {"store.example"}
        keys = list(store.objects())
    assert len([key for key in keys if key.startswith("static/") and "1970" not in key]) == 3, keys
