"""An emulator of Google Cloud Storage, with the parts of its XML interface that forebay relies on.

gcp-storage-emulator by itself takes an object although `x-goog-if-generation-match: 0` asks it to create it and nothing
else, and answers without an ETag. Both are added here, as Google's documents say. Every second object is stored and its
answer is lost, as happens where lines are cut.

Run as: python gcs_server.py PORT FOLDER BUCKET
"""

import hashlib
import itertools
import signal
import sys
from http import HTTPStatus

from gcp_storage_emulator import server

EXISTS = (
    "<?xml version='1.0' encoding='UTF-8'?><Error><Code>PreconditionFailed</Code>"
    "<Message>At least one of the pre-conditions you specified did not hold.</Message></Error>"
)
arrivals = itertools.count(1)
routes = server.HANDLERS[-1][1]
take = routes["PUT"]


class AnswerLost(ConnectionError):
    """Ends the connection before anything of the answer is sent."""


def put(request, response, storage, *_, **__):
    """Stores an object as Google does."""
    bucket, name, body = request.params["bucket_name"], request.params["object_id"], request.data
    is_there = name in storage.objects.get(bucket, {})
    print("PUT", name, "again" if is_there else "new", flush=True)
    if is_there and request.get_header("x-goog-if-generation-match") == "0":
        response.status = HTTPStatus.PRECONDITION_FAILED
        response.write_file(EXISTS, "application/xml; charset=UTF-8")
        return
    take(request, response, storage)
    if response.status == HTTPStatus.OK:
        response["ETag"] = f'"{hashlib.md5(body).hexdigest()}"'
        response["x-goog-generation"] = storage.objects[bucket][name]["generation"]
        if next(arrivals) % 2 == 0:
            print("lost the answer for", name, flush=True)
            raise AnswerLost


def main():
    """Serves until SIGTERM."""
    port, folder, bucket = sys.argv[1:]
    routes["PUT"] = put
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server.create_server("127.0.0.1", int(port), data_dir=folder, default_bucket=bucket).run()


if __name__ == "__main__":
    main()
