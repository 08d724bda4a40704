"""SeaweedFS: a real store that speaks S3, with conditional puts and permissions."""

import json
import pathlib
import subprocess
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .ports import free_port
from .waiting import wait_until

BUCKET = "telemetry"
WEED = pathlib.Path(sys.executable).parent / "weed"
PORTS = ["master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc"]
PORTS += ["s3.port", "s3.port.grpc", "admin.port", "admin.port.grpc"]

# All the permissions that forebay ever needs, as its README says.
WRITER_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
            "Resource": f"arn:aws:s3:::{BUCKET}/*",
        }
    ],
}
WRITER, AUDITOR = ("WRITER", "writer-secret"), ("AUDITOR", "auditor-secret")


class SeaweedFS:
    """The store with one bucket that keeps every version, so that a key that was written twice shows. It can be stopped
    and started again."""

    def __init__(self, folder, policy=WRITER_POLICY):
        """With what the policy lets forebay do."""
        self.folder = folder / "store"
        (self.folder / "data").mkdir(parents=True)
        self.ports = {name: free_port() for name in PORTS}
        self.endpoint = f"http://127.0.0.1:{self.ports['s3.port']}"
        self.process = None
        self.auditor = self.client(*AUDITOR)
        identity = lambda name, key, **rights: {
            "name": name, "credentials": [{"accessKey": key[0], "secretKey": key[1]}], **rights
        }
        config = {
            "identities": [
                identity("auditor", AUDITOR, actions=["Admin"]),
                identity("writer", WRITER, policyNames=["writer"]),
            ],
            "policies": [{"name": "writer", "content": json.dumps(policy)}],
        }
        (self.folder / "s3.json").write_text(json.dumps(config))

    def __enter__(self):
        self.start()
        self.auditor.create_bucket(Bucket=BUCKET)
        versions = {"Status": "Enabled"}
        self.auditor.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=versions)
        return self

    def __exit__(self, *_):
        # Nobody needs what it would still write, for which it takes half a minute at times.
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def start(self):
        """Starts it, and returns once it answers."""
        command = [
            WEED, "mini", f"-dir={self.folder}/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            f"-s3.config={self.folder}/s3.json", "-s3.port.iceberg=0", "-s3.port.lance=0",
            "-master.telemetry=false", "-admin.ui=false", "-webdav=false",
            *(f"-{name}={port}" for name, port in self.ports.items()),
        ]  # fmt: skip
        with open(self.folder / "weed.log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        wait_until(self._answers, f"SeaweedFS answers; see {self.folder}/weed.log")

    def stop(self):
        """Ends it; nobody listens on its ports any more."""
        if self.process is not None:
            process, self.process = self.process, None
            process.terminate()
            try:
                process.wait(60)
            finally:
                process.kill()

    def client(self, key, secret):
        """A client of the store, which tries everything once."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60),
        )

    def settings(self, prefix):
        """The settings with which forebay writes into it, and can do nothing else."""
        return {
            "UPLOAD_TO": f"s3://{BUCKET}/{prefix}",
            "UPLOAD_S3_ENDPOINT": self.endpoint,
            "UPLOAD_S3_ALLOW_HTTP": "true",
            "UPLOAD_S3_ACCESS_KEY_ID": WRITER[0],
            "UPLOAD_S3_SECRET_ACCESS_KEY": WRITER[1],
            "UPLOAD_RETRY_LONGEST_WAIT": "1s",
        }

    def check_that_the_writer_can_only_write(self):
        """Shows that the permissions are as narrow as they are meant to be."""
        writer = self.client(*WRITER)
        self.auditor.put_object(Bucket=BUCKET, Key="probe", Body=b"")
        for forbidden in (
            lambda: writer.get_object(Bucket=BUCKET, Key="probe"),
            lambda: writer.head_object(Bucket=BUCKET, Key="probe"),
            lambda: writer.list_objects_v2(Bucket=BUCKET),
            lambda: writer.delete_object(Bucket=BUCKET, Key="probe"),
        ):
            try:
                forbidden()
            except ClientError as error:
                assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403, error
            else:
                raise AssertionError("the writer may do more than write")
        # Its versions too, so that the bucket is as empty as before.
        for version in self.versions():
            self.auditor.delete_object(Bucket=BUCKET, Key="probe", VersionId=version["VersionId"])

    def versions(self):
        """Every version of every object."""
        pages = self.auditor.get_paginator("list_object_versions").paginate(Bucket=BUCKET)
        return [version for page in pages for version in page.get("Versions", [])]

    def uploads(self):
        """The uploads in parts that are under way, or were left behind."""
        return self.auditor.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])

    def objects(self):
        """The objects, each of which must have been written once."""
        versions = self.versions()
        keys = [version["Key"] for version in versions]
        twice = sorted(key for key in set(keys) if keys.count(key) > 1)
        assert not twice, f"written more than once: {twice[:10]}"
        return {key: self.auditor.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}

    def metadata(self, key):
        """The user metadata of an object, by lower-case names."""
        found = self.auditor.head_object(Bucket=BUCKET, Key=key)["Metadata"]
        return {name.lower(): value for name, value in found.items()}

    def _answers(self):
        assert self.process.poll() is None, f"SeaweedFS ended; see {self.folder}/weed.log"
        try:
            return self.auditor.list_buckets()
        except (BotoCoreError, ClientError):
            return None
