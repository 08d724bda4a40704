"""Large objects go to a real store in parts, and a kill in the middle costs nothing."""

from support import audit
from support.load import Load
from support.seaweedfs import SeaweedFS
from support.waiting import wait_until

KILLS = 3


def test_an_upload_in_parts_survives_kills(folder, forebay, figure):
    with SeaweedFS(folder) as store:
        process = forebay(
            **store.settings("large"),
            OBJECTS_COMPRESSION="none",
            LOG_SEGMENT_BYTES="16MiB",
            LOG_DISK_BUDGET="1GiB",
            UPLOAD_MULTIPART_THRESHOLD="5MiB",
            UPLOAD_MULTIPART_PART_BYTES="5MiB",
            # Slow enough to be met under way.
            UPLOAD_BANDWIDTH="8MiB",
        ).start()
        with Load(process, padding=16_000) as load:
            load.wait_for(2_500)
        for _ in range(KILLS):
            wait_until(store.uploads, "an upload in parts is under way")
            process.restart_after_kill()
        process.flush(240)
        process.stop()

        objects = store.objects()
        acknowledged, _ = audit.check_exactly_once(load, objects)
        largest = max(map(len, objects.values()))
        assert largest > 10 << 20, f"no object had several parts: {largest} bytes"
        figure(
            f"S3 in parts: {acknowledged} acknowledged records exactly once in {len(objects)} objects of up to "
            f"{largest >> 20} MiB, after {KILLS} kills amid parts; {len(store.uploads())} uploads left behind"
        )
