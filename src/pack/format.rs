//! What an object holds, and what that is called.

use serde::{Deserialize, Serialize};

use crate::otlp::Signal;

/// What an object holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `.parquet`: a row for each log record, data point or span, in columns.
    Parquet,
    /// `.jsonl`: the same rows, each as a JSON object in a line of its own.
    Jsonl,
    /// `.csv`: the same rows, behind a row of names.
    Csv,
    /// `.json`: exactly one OTLP JSON document.
    OtlpJson,
    /// `.jsonl`: the OTLP file format, one document a line.
    OtlpJsonl,
    /// `.binpb`: one protobuf message.
    OtlpProto,
}

impl Format {
    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::OtlpJson => "otlp_json",
            Self::OtlpJsonl => "otlp_jsonl",
            Self::OtlpProto => "otlp_proto",
        }
    }

    /// Whether it is made of rows, whose columns readers know by name.
    pub(super) const fn is_rows(self) -> bool {
        matches!(self, Self::Parquet | Self::Jsonl | Self::Csv)
    }

    /// Whether an object of `signal` can hold one export and no more.
    pub(super) const fn takes_one(self, signal: Signal) -> bool {
        matches!(self, Self::OtlpJson | Self::OtlpProto) && !signal.can_be_laid_end_to_end()
    }

    /// What it appends to a file's name, before the compression's ending.
    pub(super) const fn ending(self) -> &'static str {
        match self {
            Self::Parquet => ".parquet",
            Self::Csv => ".csv",
            Self::OtlpJson => ".json",
            Self::Jsonl | Self::OtlpJsonl => ".jsonl",
            Self::OtlpProto => ".binpb",
        }
    }

    /// The media type of the content.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Csv => "text/csv",
            Self::OtlpJson => "application/json",
            Self::Jsonl | Self::OtlpJsonl => "application/x-ndjson",
            Self::OtlpProto => "application/x-protobuf",
        }
    }
}
