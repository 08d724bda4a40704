"""What the disk itself gives, by fio, in the same file system and the same run."""

import json
import math
import shutil
import subprocess

BLOCK_BYTES = 4096
# Written over and over: what is measured is a file whose blocks are there, as the log's segments are.
FILE_BYTES = 256 << 20


# For as long as it was not measured in which groups the log writes.
GROUP_BYTES = 1 << 20
REQUEST_BYTES = 100_000


def measure(run):
    """One round of what the log's work costs without the log: at the group sizes that occurred in it."""
    if shutil.which("fio") is None:
        run.failures.append({"what": "the disk itself", "round": run.round, "why": "fio is not installed"})
        return
    for protocol in ["grpc", "http/protobuf"]:
        of = {"subject": "forebay", "shape": "logs", "protocol": protocol}
        for load in ["intake", "half load"]:
            group = round_up(run.median(load, "group_bytes", **of) or GROUP_BYTES)
            for way in ["buffered", "O_DIRECT"]:
                run.attempt(f"disk: groups of {group} bytes, {way}", _groups, way, group, protocol, load)
    run.attempt("disk: an fsync for each request", _fsync_each)


def _groups(run, way, group, protocol, load):
    figures = write_and_sync(run.folder, group, run.sizes.fio_seconds, direct=way == "O_DIRECT")
    run.add("disk", f"write+fdatasync, {way}", protocol=protocol, load=load, **figures)


def _fsync_each(run):
    figures = fsync_each(run.folder, REQUEST_BYTES, run.sizes.fio_seconds)
    run.add("disk", "append+fsync", load="large", **figures)


def write_and_sync(folder, block_bytes, seconds, *, direct):
    """Writes blocks one after the other into a file that is there in full, an fdatasync after each."""
    block_bytes = max(BLOCK_BYTES, round_up(block_bytes))
    return _fio(
        folder, block_bytes, seconds, f"--direct={int(direct)}", "--fdatasync=1", "--overwrite=1", f"--size={FILE_BYTES}"
    )


def fsync_each(folder, block_bytes, seconds):
    """Appends blocks to a file that grows, an fsync after each, as who stores each request by itself."""
    return _fio(folder, block_bytes, seconds, "--fsync=1", "--fallocate=none", "--file_append=1", f"--size={4 * FILE_BYTES}")


def round_up(count):
    """To whole blocks, which is what a disk writes."""
    return math.ceil(count / BLOCK_BYTES) * BLOCK_BYTES


def _fio(folder, block_bytes, seconds, *options):
    area = folder / "fio"
    area.mkdir(parents=True, exist_ok=True)
    command = [
        "fio", "--name=disk", f"--directory={area}", "--rw=write", "--ioengine=psync", f"--bs={int(block_bytes)}",
        "--time_based", f"--runtime={seconds}", *options, "--output-format=json",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds + 120
        )
    finally:
        shutil.rmtree(area)
    assert done.returncode == 0, f"fio: {done.returncode} {done.stderr[-500:]}"
    # Warnings may stand before it.
    (job,) = json.loads(done.stdout[done.stdout.index("{") :])["jobs"]
    written, syncs = job["write"], job["sync"]["lat_ns"]["percentile"]
    return {
        "block_bytes": int(block_bytes),
        "bytes_per_second": written["bw_bytes"],
        "writes_per_second": written["iops"],
        "sync_p50_ms": syncs["50.000000"] / 1e6,
        "sync_p99_ms": syncs["99.000000"] / 1e6,
    }
