"""The static binary, in a root that has nothing in it but the binary, /proc and what the test says."""

import os
import pathlib
import shlex
import shutil
import subprocess

import pytest

from support import forebay as program
from support.forebay import Forebay
from support.seaweedfs import BUCKET, SeaweedFS
from support.telemetry import captured

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


def test_it_names_no_library():
    said = subprocess.run(["readelf", "--dynamic", "--program-headers", STATIC], capture_output=True, check=True, text=True)
    assert "NEEDED" not in said.stdout and "INTERP" not in said.stdout


def test_a_sample_is_delivered_into_a_folder(root, tmp_path):
    forebay = Forebay(tmp_path, {})
    forebay.start()
    try:
        print(forebay.run("send", "--to", f"http://{forebay.grpc}", "--protocol", "grpc"))
        forebay.flush()
        objects = list((root / forebay.data.relative_to("/") / "bucket").rglob("*.jsonl.gz"))
        assert len(objects) == 3, objects
        forebay.stop()
    finally:
        forebay.kill()


def test_a_store_is_found_by_its_name(root, tmp_path):
    (root / "etc" / "ssl" / "certs").mkdir(parents=True)
    shutil.copy(AUTHORITIES, root / AUTHORITIES.relative_to("/"))
    (root / "etc" / "hosts").write_text("127.0.0.1 localhost store.example\n")
    with SeaweedFS(tmp_path) as store:
        endpoint = store.endpoint.replace("127.0.0.1", "store.example")
        forebay = Forebay(tmp_path, store.settings("static") | {"UPLOAD_S3_ENDPOINT": endpoint})
        forebay.start()
        try:
            for export in captured():
                export.send(forebay)
            forebay.flush()
            forebay.stop()
        finally:
            forebay.kill()
        keys = [version["Key"] for version in store.versions()]
        assert keys and all(key.startswith("static/") for key in keys), keys
        assert BUCKET in forebay.environment["FOREBAY_UPLOAD_TO"]
