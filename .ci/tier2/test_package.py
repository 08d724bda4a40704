"""The Debian package, in a clean root: what it brings, who owns it, and that it works as a service would run it."""

import os
import re
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from support.ports import free_port
from support.waiting import wait_until

FOLDER = Path(os.environ["CI_FOLDER"])
ANYWHERE = {
    "FOREBAY_RECEIVE_GRPC": "127.0.0.1:0",
    "FOREBAY_RECEIVE_HTTP": "127.0.0.1:0",
    "FOREBAY_ADMIN_LISTEN": "127.0.0.1:0",
}
UNIT = "usr/lib/systemd/system/forebay.service"
SCORE_AT_MOST = 1.5


def run(*command, **options):
    """Runs a command that must succeed; what it says, standard error and all."""
    done = subprocess.run(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def package():
    (package,) = (FOLDER / "debian").glob("*.deb")
    return package


class Root:
    """A clean Debian."""

    def __init__(self, folder):
        self.folder = folder
        run("cp", "--archive", "--reflink=auto", FOLDER / "debian-root", folder)
        # Files are given their names by it.
        run("mount", "-t", "proc", "proc", folder / "proc")

    def run(self, *command, user=None, **options):
        who = [f"--userspec={user}:{user}"] if user else []
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "HOME": "/"}
        return run("/usr/sbin/chroot", *who, self.folder, *command, env=environment | options.pop("env", {}), **options)

    def install(self, package):
        shutil.copy(package, self.folder / "package.deb")
        return self.run("dpkg", "--force-confold", "--install", "/package.deb")

    def of(self, path):
        """Owner, group and mode of a file, by the names of this root."""
        return self.run("stat", "--format=%U %G %a", path).strip()


@pytest.fixture
def root(tmp_path):
    root = Root(tmp_path / "root")
    yield root
    run("umount", root.folder / "proc")
    shutil.rmtree(root.folder)


def changed(package, folder):
    """The package as the next version, with other settings in it."""
    run("dpkg-deb", "--raw-extract", package, folder / "next")
    control = folder / "next/DEBIAN/control"
    control.write_text(control.read_text().replace("Version: ", "Version: 99"))
    settings = folder / "next/etc/forebay/forebay.yaml"
    settings.write_text(settings.read_text() + "# of the next version\n")
    run("dpkg-deb", "-Zgzip", "-z1", "--build", folder / "next", folder / "next.deb")
    return folder / "next.deb"


def test_it_is_installed_works_and_goes_and_what_was_acknowledged_stays(package, root, tmp_path):
    root.install(package)
    for path, expected in {
        "/usr/bin/forebay": "root root 755",
        "/etc/forebay/forebay.yaml": "root forebay 640",
        "/etc/default/forebay": "root root 600",
        "/var/lib/forebay": "forebay forebay 700",
        f"/{UNIT}": "root root 644",
        "/usr/share/man/man1/forebay.1.gz": "root root 644",
        "/usr/share/bash-completion/completions/forebay": "root root 644",
        "/usr/share/doc/forebay/default.yaml": "root root 644",
    }.items():
        assert root.of(path) == expected, path
    assert root.run("getent", "passwd", "forebay").strip().endswith(":/var/lib/forebay:/usr/sbin/nologin")
    assert "is right" in root.run("forebay", "check", "--config", "/etc/forebay/forebay.yaml", user="forebay")

    sample(root)
    delivered = run("find", root.folder / "var/lib/forebay/bucket", "-name", "*.parquet").split()
    assert len(delivered) >= 3, delivered
    assert root.of("/var/lib/forebay/bucket") == "forebay forebay 700"

    settings = root.folder / "etc/forebay/forebay.yaml"
    settings.write_text(settings.read_text() + "# mine\n")
    root.install(changed(package, tmp_path))
    assert settings.read_text().endswith("# mine\n")
    assert settings.with_suffix(".yaml.dpkg-dist").read_text().endswith("# of the next version\n")
    assert root.of("/etc/forebay/forebay.yaml") == "root forebay 640"

    root.run("dpkg", "--remove", "forebay")
    assert settings.exists() and not (root.folder / "usr/bin/forebay").exists()
    said = root.run("dpkg", "--purge", "forebay")
    assert "/var/lib/forebay is kept" in said
    assert not settings.exists()
    assert run("find", root.folder / "var/lib/forebay/bucket", "-name", "*.parquet").split() == delivered


def words_of_the_readme():
    """The commands of its section on the package, each without what it says of it."""
    section = r"^The package, from a clone to an object\..*?\n\n(.*?)\n\n"
    (commands,) = re.findall(section, Path("README.md").read_text(), re.MULTILINE | re.DOTALL)
    # They are run by root, who may everything.
    return [shlex.split(line.strip().removeprefix("sudo "), comments=True) for line in commands.splitlines()]


def unit_says(root, key):
    """A setting of the unit as it was installed."""
    return re.search(rf"^{key}=(.*)$", (root.folder / UNIT).read_text(), re.MULTILINE).group(1)


def test_the_words_of_the_readme_lead_from_the_package_to_an_object(package, root):
    build, install, send, status, find = words_of_the_readme()
    assert build == ["config/debian/build"] and os.access(build[0], os.X_OK)
    (root.folder / "target/debian").mkdir(parents=True)
    shutil.copy(package, root.folder / "target/debian")
    # Nobody is there to say yes, and what is recommended would have to be fetched.
    unattended = ["--yes", "--option=APT::Install-Recommends=false"]
    root.run("sh", "-c", " ".join([*install, *unattended]), cwd="/")

    # systemd does not run in the root, so the unit is read here. Others may have the usual ports.
    others = {name: f"127.0.0.1:{free_port()}" for name in ANYWHERE}
    user, group = unit_says(root, "User"), unit_says(root, "Group")
    command = ["/usr/sbin/chroot", f"--userspec={user}:{group}", root.folder, *unit_says(root, "ExecStart").split()]
    environment = others | {"PATH": "/usr/bin:/bin"}
    service = subprocess.Popen(command, env=environment, umask=int(unit_says(root, "UMask"), 8), cwd="/")
    try:
        running = [*command[:3], "forebay", "status"]
        wait_until(lambda: subprocess.run(running, env=environment, capture_output=True).returncode == 0, "it takes data in")
        # Their number is left out: those that show the columns may be among them.
        assert "\ndelivered: 16 items in " in root.run(*send, env=others)
        assert re.search(r"delivering +yes", root.run(*status, env=others))
        found = root.run(*find).split()
        assert len([path for path in found if path.endswith(".parquet") and "date=1970" not in path]) == 3, found
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(60)
    assert service.returncode == 0


def sample(root):
    """Has the service take and deliver the sample, with the settings of the package."""
    configured = ["--config", "/etc/forebay/forebay.yaml"]
    command = ["/usr/sbin/chroot", "--userspec=forebay:forebay", root.folder, "forebay", "run", *configured]
    environment = ANYWHERE | {"PATH": "/usr/bin:/bin"}
    # The umask is the unit's.
    service = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, umask=0o077)
    try:
        greeting = ""
        while "admin" not in greeting:
            line = service.stdout.readline()
            assert line, greeting
            greeting += line
        grpc, _, admin = re.findall(r"127\.0\.0\.1:\d+", greeting)
        root.run("forebay", "send", "--to", f"http://{grpc}", user="forebay")
        assert "delivered" in root.run("forebay", "flush", "--admin", admin, user="forebay")
        assert root.run("forebay", "status", "--admin", admin, user="forebay")
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(60)
    assert service.returncode == 0


def test_systemd_takes_the_unit_and_finds_it_closed(package, root):
    root.install(package)
    said = run("systemd-analyze", "verify", "--man=no", f"--root={root.folder}", "forebay.service")
    assert "forebay" not in said, said
    enabled = root.folder / "etc/systemd/system/multi-user.target.wants/forebay.service"
    assert enabled.is_symlink()
    said = run("systemd-analyze", "security", "--offline=true", "--no-pager", root.folder / UNIT)
    score = float(re.search(r"Overall exposure level for forebay.service: ([\d.]+)", said).group(1))
    with (FOLDER / "figures").open("a") as figures:
        figures.write(f"systemd-analyze security: {score}\n")
    assert score <= SCORE_AT_MOST, said


def calls_of(name):
    """The system calls in a set of systemd's, with those of the sets in it."""
    calls = set()
    for word in run("systemd-analyze", "syscall-filter", "--no-pager", name).split("\n")[1:]:
        word = word.strip()
        if word.startswith("@"):
            calls |= calls_of(word)
        elif word and not word.startswith("#"):
            calls.add(word)
    return calls


def allowed():
    """The system calls that the unit lets through."""
    calls = set()
    for line in Path("config/systemd/forebay.service").read_text().splitlines():
        if line.startswith("SystemCallFilter="):
            words = line.removeprefix("SystemCallFilter=")
            sets = [calls_of(word) if word.startswith("@") else {word} for word in words.removeprefix("~").split()]
            calls = calls.difference(*sets) if words.startswith("~") else calls.union(*sets)
    return calls


def test_the_unit_lets_through_every_system_call_that_is_made(tmp_path):
    binary = os.environ["FOREBAY_BINARY"]
    trace = tmp_path / "trace"
    environment = ANYWHERE | {"PATH": os.environ["PATH"], "FOREBAY_DATA_DIR": str(tmp_path / "data")}
    command = ["strace", "--follow-forks", "--summary-only", f"--output={trace}", binary, "run"]
    service = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    greeting = ""
    while "admin" not in greeting:
        line = service.stdout.readline()
        assert line, greeting
        greeting += line
    grpc, http, admin = re.findall(r"127\.0\.0\.1:\d+", greeting)
    run(binary, "load", "--to", grpc, "--requests", "200", env=environment)
    run(binary, "send", "--to", f"http://{http}", "--protocol", "http/json", env=environment)
    run(binary, "flush", "--admin", admin, env=environment)
    (forebay,) = run("pgrep", "--parent", service.pid).split()
    os.kill(int(forebay), signal.SIGTERM)
    assert service.wait(60) == 0
    rows = [line.split() for line in trace.read_text().splitlines()[2:]]
    made = {row[-1] for row in rows if row and row[-1] not in ("total",) and not row[-1].startswith("-")}
    assert {"fdatasync", "openat", "accept4"} <= made, made
    assert made <= allowed(), made - allowed()


def test_shells_complete_and_pages_are_right(package, root):
    root.install(package)
    script = (
        "source /usr/share/bash-completion/completions/forebay; COMP_WORDS=(forebay st); COMP_CWORD=1; "
        '_forebay forebay st forebay; echo "${COMPREPLY[@]}"'
    )
    assert root.run("bash", "-c", script).strip() == "status"
    pages = sorted((root.folder / "usr/share/man/man1").glob("forebay*.1.gz"))
    listed = re.search(r"Commands:\n(.*?)\n\n\S", root.run("forebay", "-h"), re.DOTALL).group(1)
    commands = re.findall(r"^  ([a-z]+)  ", listed, re.MULTILINE)
    assert len(commands) > 8, listed
    assert {f"forebay-{command}.1.gz" for command in commands if command != "help"} <= {page.name for page in pages}
    for page in pages:
        text = run("gzip", "--decompress", "--stdout", page)
        assert run("groff", "-man", "-ww", "-z", "-K", "utf8", "-T", "utf8", input=text) == "", page
