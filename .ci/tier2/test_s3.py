"""A real store that speaks S3, with a key that may do nothing but write: kills, an outage, and an audit."""

import random

from support import audit
from support.load import Load
from support.seaweedfs import SeaweedFS

SEED = 7


def test_every_acknowledged_record_is_in_the_bucket_once(folder, forebay, figure):
    print(f"seed {SEED}")
    dice = random.Random(SEED)
    with SeaweedFS(folder) as store:
        store.check_that_the_writer_can_only_write()
        settings = store.settings("claude-code") | {"UPLOAD_METADATA": "team=platform"}
        process = forebay(**settings, LOG_SEGMENT_BYTES="1MiB", LOG_DISK_BUDGET="1GiB", LOG_SEAL_AFTER="1s").start()

        def kill_under_load(times):
            for _ in range(times):
                load.wait_for(dice.randrange(100, 2_000))
                process.restart_after_kill()

        for protocol, address in [("grpc", process.grpc), ("http/protobuf", process.http), ("http/json", process.http)]:
            process.run("send", "--to", f"http://{address}", "--protocol", protocol)
        process.flush()
        samples = {signal: len(list(audit.items(signal, store.objects()))) for signal in audit.ITEMS}
        assert all(samples.values()) and all(count % 3 == 0 for count in samples.values()), samples

        with Load(process) as load:
            kill_under_load(4)
            store.stop()
            process.wait_until_delivering_fails()
            kill_under_load(4)
            process.wait_until_delivering_fails()
            waiting = process.status()["queue"]
            store.start()
            process.wait_until_delivered(3)
            kill_under_load(4)
        process.flush()
        assert not any(process.status()["queue"]["items"].values())
        process.stop()
        process.run("verify")

        objects = store.objects()
        acknowledged, unanswered = audit.check_exactly_once(load, objects)
        assert {key.split("/")[0] for key in objects} == {"claude-code"}
        labels = {key: store.metadata(key) for key in objects}
        writers = {about["forebay-writer"] for about in labels.values()}
        assert len(writers) == 1 and all(f"-{next(iter(writers))}-" in key for key in objects), writers
        # A metric has data points, which are what is counted of it.
        for signal in ["logs", "traces"]:
            said = sum(int(about["forebay-items"]) for key, about in labels.items() if f"/{signal}/" in key)
            assert said == len(list(audit.items(signal, objects))), signal
        assert all(about["team"] == "platform" and len(about["forebay-blake3"]) == 64 for about in labels.values())
        for signal, count in samples.items():
            others = acknowledged + unanswered if signal == "logs" else 0
            assert len(list(audit.items(signal, objects))) == count + others, signal
        figure(
            f"S3: {acknowledged} acknowledged records exactly once in {len(objects)} objects, after 12 kills and an "
            f"outage with {waiting['objects']} objects waiting ({unanswered} more were stored and not answered)"
        )
