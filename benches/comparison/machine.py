"""The machine: its cores and who runs on them, and what its processes use, from /proc."""

import contextlib
import dataclasses
import os
import pathlib
import platform
import re
import shutil

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MIB, GIB = 1 << 20, 1 << 30


class Cores:
    """The server under test has the first core, everything else (clients and the store) the others; or all share all."""

    def __init__(self, is_pinned=None):
        self.all = sorted(os.sched_getaffinity(0))
        self.is_pinned = len(self.all) > 1 if is_pinned is None else is_pinned
        if self.is_pinned and len(self.all) < 2:
            raise SystemExit("--pin needs two cores")
        self.of_server = {self.all[0]} if self.is_pinned else set(self.all)
        self.of_others = set(self.all[1:]) if self.is_pinned else set(self.all)

    @contextlib.contextmanager
    def server(self):
        """What is started within runs where the server does, from its first instruction: so its runtime sees as many cores."""
        os.sched_setaffinity(0, self.of_server)
        try:
            yield
        finally:
            os.sched_setaffinity(0, self.of_others)

    def confine(self):
        """Has this process, and what it starts, run beside the server."""
        os.sched_setaffinity(0, self.of_others)


@dataclasses.dataclass(frozen=True)
class Usage:
    """What a process has used since it started."""

    cpu_seconds: float
    # What it has dirtied or written, as the kernel counts it. That is no measure of what the disk is given: where the page
    # cache has pages of a MiB, one changed byte counts as all of them.
    write_bytes: int
    rss_bytes: int
    peak_rss_bytes: int
    # Seconds of processor time by the name of the thread, for those that still run.
    threads: dict

    def since(self, before):
        """What was used between two moments; memory is that of the later one."""
        threads = {name: seconds - before.threads.get(name, 0) for name, seconds in self.threads.items()}
        return Usage(
            self.cpu_seconds - before.cpu_seconds,
            self.write_bytes - before.write_bytes,
            self.rss_bytes,
            self.peak_rss_bytes,
            {name: round(seconds, 3) for name, seconds in threads.items() if seconds > 0},
        )


def usage(pid):
    """What a process has used until now."""
    process = pathlib.Path(f"/proc/{pid}")
    status = process.joinpath("status").read_text()
    kib = lambda name: int(re.search(rf"{name}:\s+(\d+) kB", status).group(1))
    written = re.search(r"^write_bytes: (\d+)", process.joinpath("io").read_text(), re.MULTILINE).group(1)
    _, cpu_seconds = _processor_time(process / "stat")
    threads = {}
    for thread in process.joinpath("task").iterdir():
        with contextlib.suppress(OSError):
            name, seconds = _processor_time(thread / "stat")
            threads[name] = threads.get(name, 0) + seconds
    return Usage(cpu_seconds, int(written), kib("VmRSS") * 1024, kib("VmHWM") * 1024, threads)


def forget_peak(pid):
    """Has the peak of a process's memory begin anew from what it has now."""
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")


def _processor_time(stat):
    """The name of a process or a thread, and its seconds of processor time in user and system mode."""
    text = stat.read_text()
    # Names may have spaces and brackets in them; everything after the last bracket is numbers.
    name, _, numbers = text.partition("(")[2].rpartition(")")
    fields = numbers.split()
    return name, (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def disk_written_bytes(folder):
    """What the disk under a folder was given since the system started, by whomever; none if the system does not say."""
    device = os.stat(folder).st_dev
    numbers = [str(os.major(device)), str(os.minor(device))]
    for line in pathlib.Path("/proc/diskstats").read_text().splitlines():
        fields = line.split()
        if fields[:2] == numbers:
            # In sectors of 512 bytes, whatever those of the disk are.
            return int(fields[9]) * 512
    return None


def free_bytes(folder):
    """Free space of the file system of a folder."""
    return shutil.disk_usage(folder).free


def forget_cached(folder):
    """Has the system forget what it keeps in memory of the files below a folder, as after a loss of power. Others' files
    stay where they are."""
    for path in pathlib.Path(folder).rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            try:
                os.fdatasync(file)
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(file)


def describe(folder, cores):
    """The machine in a few words."""
    cpu = re.search(r"model name\s+: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {
        "processor": cpu.group(1) if cpu else platform.machine(),
        "cores": len(cores.all),
        "pinned": cores.is_pinned,
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * PAGE_BYTES / GIB),
        "kernel": platform.release(),
        "file_system": _file_system(folder),
        "load_before": os.getloadavg()[0],
    }


def _file_system(folder):
    """The type of the file system of a folder."""
    mounts = [line.split()[1:3] for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
    path = pathlib.Path(folder).resolve()
    inside = [(len(where), kind) for where, kind in mounts if path.is_relative_to(where)]
    return max(inside)[1]
