"""Reads objects as Airbyte's sources of files do, with its own parsers, in a Python of its own.

Run as: python airbyte_read.py parquet|jsonl|csv FILE...

Says as JSON: the schema it discovers, the number of records, and the sum of `value` if records have it.
"""

import asyncio
import datetime
import json
import logging
import sys

import nltk

# The parser of documents fetches models when it is imported, also if there are no documents.
nltk.download = lambda *_, **__: False

from airbyte_cdk.sources.file_based.config.file_based_stream_config import FileBasedStreamConfig  # noqa: E402
from airbyte_cdk.sources.file_based.file_based_stream_reader import AbstractFileBasedStreamReader  # noqa: E402
from airbyte_cdk.sources.file_based.file_types import CsvParser, JsonlParser, ParquetParser  # noqa: E402
from airbyte_cdk.sources.file_based.remote_file import RemoteFile  # noqa: E402
from airbyte_cdk.sources.file_based.schema_helpers import merge_schemas  # noqa: E402
from smart_open import open as smart_open  # noqa: E402

PARSERS = {"parquet": ParquetParser, "jsonl": JsonlParser, "csv": CsvParser}
LOGGER = logging.getLogger("airbyte")


class Folder(AbstractFileBasedStreamReader):
    """Opens files as the source for S3 does: what is packed is unpacked if its ending says so."""

    config = None
    file_permissions_schema = identities_schema = {}

    def open_file(self, file, mode, encoding, logger):
        """An open file."""
        return smart_open(file.uri, mode=mode.value, encoding=encoding)

    def get_matching_files(self, globs, prefix, logger):
        """Not asked for: the files are given."""
        raise NotImplementedError

    def file_size(self, file):
        """Not asked for: whole files are not copied."""
        raise NotImplementedError

    def get_file_acl_permissions(self, file, logger):
        """Not asked for: permissions are not copied."""
        raise NotImplementedError

    def load_identity_groups(self, logger):
        """Not asked for, as permissions."""
        raise NotImplementedError


def main():
    """Reads the files of the command line."""
    name, *paths = sys.argv[1:]
    config = FileBasedStreamConfig(name="objects", globs=["**"], format={"filetype": name})
    files = [RemoteFile(uri=path, last_modified=datetime.datetime(2026, 3, 2)) for path in paths]
    parser, folder, schema = PARSERS[name](), Folder(), {}
    for file in files:
        schema = merge_schemas(schema, asyncio.run(parser.infer_schema(config, file, folder, LOGGER)))
    discovered = {"type": "object", "properties": schema}
    parse = lambda file: parser.parse_records(config, file, folder, LOGGER, discovered)
    records = [record for file in files for record in parse(file)]
    value = sum(float(record["value"]) for record in records if record.get("value") not in (None, ""))
    json.dump({"schema": schema, "records": len(records), "value": value}, sys.stdout, default=str)


if __name__ == "__main__":
    main()
