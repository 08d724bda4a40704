"""What the tests of the second tier are given."""

import os
import pathlib
import shutil

import pytest

from support.forebay import Forebay

HERE = pathlib.Path(__file__).parent
REPOSITORY = HERE.parent.parent
RESULTS = pathlib.Path(os.environ.get("CI_FOLDER", REPOSITORY / "target" / "ci"))


@pytest.fixture
def folder(request):
    """An empty folder of this test's own. It is kept if the test fails, for the next run of it to remove."""
    path = RESULTS / "tier2" / request.node.name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    yield path
    if not getattr(request.node, "has_failed", True):
        shutil.rmtree(path)


@pytest.fixture
def forebay(folder):
    """Makes forebays on a data folder of this test; those that run at the end are killed."""
    made = []

    def make(**settings):
        made.append(Forebay(folder, settings))
        return made[-1]

    yield make
    for forebay in made:
        forebay.kill()


@pytest.fixture
def figure():
    """Says what was measured: on the output, and in the summary of .ci/run."""
    RESULTS.mkdir(parents=True, exist_ok=True)

    def say(text):
        print(text)
        with open(RESULTS / "figures", "a", encoding="utf-8") as figures:
            figures.write(text + "\n")

    return say


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.has_failed = report.failed
    return report
