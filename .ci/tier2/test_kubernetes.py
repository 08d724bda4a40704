"""The manifests of Kubernetes: kustomize builds them, Kubernetes' own types read them, and they say what forebay does."""

import os
import pathlib
import subprocess

import pytest
import yaml

from support.forebay import BINARY

REPOSITORY = pathlib.Path(__file__).parents[2]
MANIFESTS = REPOSITORY / "config" / "kubernetes"
TOOLS = pathlib.Path(os.environ.get("CI_FOLDER", REPOSITORY / "target" / "ci")) / "go"
FOLDERS = ["base", "overlays/s3", "overlays/gcs"]


def build(folder):
    """What kubectl would apply, as text."""
    command = [TOOLS / "kustomize", "build", MANIFESTS / folder]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def one(manifests, kind, name="forebay"):
    """The one of this kind; the names that kustomize makes have a hash behind them."""
    found = [each for each in manifests if each["kind"] == kind and each["metadata"]["name"].startswith(name)]
    assert found, f"no {kind} {name}"
    return found[0]


@pytest.mark.parametrize("folder", FOLDERS)
def test_kubernetes_own_types_read_every_manifest_strictly(folder):
    read = subprocess.run([TOOLS / "manifests"], input=build(folder), check=True, capture_output=True, text=True)
    kinds = {line.split()[0] for line in read.stdout.splitlines()}
    assert kinds == {"Namespace", "ServiceAccount", "ConfigMap", "Service", "StatefulSet", "PodDisruptionBudget",
                     "NetworkPolicy"}


def test_a_field_that_kubernetes_does_not_know_is_refused():
    wrong = build("base").replace("readOnlyRootFilesystem", "readonlyRootFilesystem")
    read = subprocess.run([TOOLS / "manifests"], input=wrong, check=False, capture_output=True, text=True)
    assert read.returncode == 1 and "readonlyRootFilesystem" in read.stderr


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_configuration_is_right_and_the_manifests_use_its_ports_and_paths(folder, tmp_path):
    manifests = list(yaml.safe_load_all(build(folder)))
    (name, text), = one(manifests, "ConfigMap")["data"].items()
    (tmp_path / name).write_text(text)
    pod = one(manifests, "StatefulSet")["spec"]["template"]["spec"]
    container, = pod["containers"]
    environment = {each["name"]: each["value"] for each in container.get("env", [])}
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert container["args"] == ["run", "--config", f"{mounts['configuration']}/{name}"]
    check = subprocess.run([BINARY, "check", "--config", tmp_path / name], env=environment, check=False,
                           capture_output=True, text=True)
    assert check.returncode == 0, check.stdout + check.stderr

    said = yaml.safe_load(text)
    assert said["data_dir"] == mounts["data"]
    addresses = {"otlp-grpc": said["receive"]["grpc"], "otlp-http": said["receive"]["http"],
                 "admin": said["admin"]["listen"]}
    ports = {each["name"]: f"0.0.0.0:{each['containerPort']}" for each in container["ports"]}
    assert ports == addresses
    for service in (each for each in manifests if each["kind"] == "Service"):
        for port in service["spec"]["ports"]:
            assert ports[port["targetPort"]] == f"0.0.0.0:{port['port']}"
    # receive.finish_within is 10 s unless it is set.
    finish = 10 + int(said["upload"]["finish_within"].removesuffix("s"))
    assert pod["terminationGracePeriodSeconds"] >= finish + 30


def test_every_selector_finds_the_replicas():
    manifests = list(yaml.safe_load_all(build("base")))
    labels = one(manifests, "StatefulSet")["spec"]["template"]["metadata"]["labels"].items()
    for kind, path in [("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")]:
        chosen = one(manifests, kind)["spec"][path]["matchLabels"]
        assert chosen and chosen.items() <= labels
    for service in (each for each in manifests if each["kind"] == "Service"):
        assert service["spec"]["selector"].items() <= labels
