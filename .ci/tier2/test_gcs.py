"""An emulator of Google Cloud Storage: create-only puts, lost answers, an outage and kills."""

from support import audit
from support.gcs import Gcs
from support.load import Load


def test_every_acknowledged_record_is_in_the_bucket_once(folder, forebay, figure):
    with Gcs(folder) as store:
        settings = store.settings("claude-code")
        process = forebay(**settings, LOG_SEGMENT_BYTES="1MiB", LOG_DISK_BUDGET="1GiB", LOG_SEAL_AFTER="1s").start()
        with Load(process, clients=2) as load:
            load.wait_for(5_000)
            process.restart_after_kill()
            load.wait_for(500)
            store.stop()
            process.wait_until_delivering_fails()
            load.wait_for(500)
            process.restart_after_kill()
            store.start()
            process.wait_until_delivered(3)
            load.wait_for(5_000)
        process.flush()
        process.stop()

        objects = store.objects()
        acknowledged, _ = audit.check_exactly_once(load, objects)
        new, again, lost = store.puts()
        assert new == len(objects)
        assert again >= lost > 0, "an object whose answer was lost has to be put again"
        print("gcp-storage-emulator by itself ignores x-goog-if-generation-match; support/gcs_server.py checks it")
        figure(
            f"GCS emulator: {acknowledged} acknowledged records exactly once in {len(objects)} objects; {lost} answers "
            f"lost, {again} puts refused because the object was there"
        )
