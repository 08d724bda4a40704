//! Records for the tests of this stage, and an independent reading of what they become.

use std::convert::Infallible;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::profiles::v1development::{
    Profile, ProfilesDictionary, ResourceProfiles, ScopeProfiles,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use super::*;
use crate::disk::{Budget, Disk, RealDisk};
use crate::log::{Item, Record, SegmentId};
use crate::otlp::{self, Signal};

/// 2026-08-22T10:11:12.123456789Z
pub(super) const START: u64 = 1_787_393_472_123_456_789;
pub(super) const SECOND: u64 = 1_000_000_000;
pub(super) const WRITER: &str = "a1b2c3d4";

/// A record with two items, named `<seq>a` and `<seq>b`.
pub(super) fn record(seq: u64, signal: Signal, received_at: u64) -> Record {
    let names = [format!("{seq}a"), format!("{seq}b")];
    let body = match signal {
        Signal::Logs => {
            let log_record = |name: String| LogRecord {
                body: Some(AnyValue { value: Some(Value::StringValue(name)) }),
                ..LogRecord::default()
            };
            let log_records = names.into_iter().map(log_record).collect();
            let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
            let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
            ExportLogsServiceRequest { resource_logs }.encode_to_vec()
        }
        Signal::Metrics => {
            let metrics = names.into_iter().map(|name| Metric { name, ..Metric::default() }).collect();
            let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
            let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
            ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
        }
        Signal::Traces => {
            let spans = names.into_iter().map(|name| Span { name, ..Span::default() }).collect();
            let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
            let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
            ExportTraceServiceRequest { resource_spans }.encode_to_vec()
        }
        Signal::Profiles => {
            let profile = |name| Profile { original_payload_format: name, ..Profile::default() };
            let profiles = names.into_iter().map(profile).collect();
            let scope_profiles = vec![ScopeProfiles { profiles, ..ScopeProfiles::default() }];
            let resource_profiles = vec![ResourceProfiles { scope_profiles, ..ResourceProfiles::default() }];
            let dictionary =
                ProfilesDictionary { string_table: vec![String::new()], ..ProfilesDictionary::default() };
            ExportProfilesServiceRequest { resource_profiles, dictionary: Some(dictionary) }.encode_to_vec()
        }
    };
    Record { seq, signal, received_at, items: 2, tenant: String::new(), body: body.into() }
}

/// `count` records of all signals but profiles in turn, one every `every` nanoseconds.
pub(super) fn records(count: u64, every: u64) -> Vec<Record> {
    let signal = |seq: u64| Signal::ALL[usize::try_from(seq % 3).unwrap()];
    (0..count).map(|seq| record(seq, signal(seq), START + seq * every)).collect()
}

/// The names of all items of a signal, in order.
pub(super) fn names(records: &[Record], signal: Signal) -> Vec<String> {
    let seqs = records.iter().filter(|record| record.signal == signal).map(|record| record.seq);
    seqs.flat_map(|seq| [format!("{seq}a"), format!("{seq}b")]).collect()
}

pub(super) fn items(records: &[Record]) -> impl Iterator<Item = Result<Item, Infallible>> {
    records.iter().cloned().map(Item::Record).map(Ok)
}

/// Lines of OTLP JSON, which tests can look into.
pub(super) fn otlp_jsonl() -> Options {
    Options { format: Format::OtlpJsonl, ..Options::default() }
}

/// The batch of a segment for the main output.
pub(super) fn batch_id(segment: u64) -> BatchId {
    BatchId { segment: SegmentId(segment), output: OutputName::main() }
}

/// A spool on the real disk.
pub(super) struct RealSpool {
    pub(super) folder: tempfile::TempDir,
    pub(super) budget: Arc<Budget>,
    pub(super) spool: Spool,
}

impl RealSpool {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let budget = Budget::new(1 << 30);
        let (spool, batches, damage) = open(Arc::new(RealDisk), &folder.path().join("spool"), &budget);
        assert_eq!((batches, damage), (vec![], vec![]));
        Self { folder, budget, spool }
    }

    /// The spool as the next process finds it.
    pub(super) fn reopen(self) -> (Self, Vec<Batch>, Vec<SpoolDamage>) {
        let Self { folder, budget, spool } = self;
        drop(spool);
        assert_eq!(budget.used(), 0, "a closed spool uses nothing");
        let (spool, batches, damage) = open(Arc::new(RealDisk), &folder.path().join("spool"), &budget);
        (Self { folder, budget, spool }, batches, damage)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("spool").join(name)
    }

    /// The names of all files in the spool's folder.
    pub(super) fn files(&self) -> Vec<String> {
        RealDisk.list(&self.path("")).unwrap().into_iter().map(|entry| entry.name).collect()
    }

    pub(super) fn pack(&self, segment: u64, options: &Options, records: &[Record]) -> Batch {
        pack_records(&batch_id(segment), WRITER, options, || Ok(items(records)), &self.spool).unwrap()
    }

    pub(super) fn content(&self, object: &Object) -> Vec<u8> {
        let file = self.spool.open_object(object).unwrap();
        file.verify().unwrap();
        file.read(0..file.bytes()).unwrap().to_vec()
    }
}

pub(super) fn open(
    disk: Arc<dyn Disk>,
    folder: &Path,
    budget: &Arc<Budget>,
) -> (Spool, Vec<Batch>, Vec<SpoolDamage>) {
    Spool::open(disk, folder.to_owned(), Arc::clone(budget)).unwrap()
}

/// Unpacks the one member or frame that there must be.
pub(super) fn unpacked(compression: Compression, content: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match compression {
        Compression::None => plain.extend_from_slice(content),
        Compression::Gzip => {
            assert_eq!(content[3..8], [0; 5], "no name, no time");
            let mut decoder = flate2::bufread::GzDecoder::new(content);
            decoder.read_to_end(&mut plain).unwrap();
            assert!(decoder.into_inner().is_empty(), "something follows the first member");
        }
        Compression::Zstd => {
            assert_ne!(content[4] & 4, 0, "a checksum");
            let mut decoder = zstd::stream::read::Decoder::with_buffer(content).unwrap().single_frame();
            decoder.read_to_end(&mut plain).unwrap();
            assert!(decoder.finish().is_empty(), "something follows the first frame");
        }
        Compression::Snappy | Compression::Lz4 => panic!("Parquet is not unpacked from outside"),
    }
    plain
}

/// The names of all items in an object, read by somebody else's code.
pub(super) fn names_in(options: &Options, signal: Signal, content: &[u8]) -> Vec<String> {
    let plain = unpacked(options.compression(), content);
    match options.format {
        Format::OtlpJson => names_in_document(signal, &plain),
        Format::OtlpJsonl => {
            assert!(plain.ends_with(b"\n"));
            let lines = plain.split_inclusive(|byte| *byte == b'\n');
            lines.flat_map(|line| names_in_document(signal, line)).collect()
        }
        Format::OtlpProto => names_in_message(signal, &plain),
        format => panic!("rows have no names: {format:?}"),
    }
}

fn names_in_document(signal: Signal, json: &[u8]) -> Vec<String> {
    let message = match signal {
        Signal::Logs => serde_json::from_slice::<ExportLogsServiceRequest>(json).unwrap().encode_to_vec(),
        Signal::Metrics => {
            serde_json::from_slice::<ExportMetricsServiceRequest>(json).unwrap().encode_to_vec()
        }
        Signal::Traces => serde_json::from_slice::<ExportTraceServiceRequest>(json).unwrap().encode_to_vec(),
        // Its serde does not know the JSON of profiles.
        Signal::Profiles => otlp::read_json(signal, json, usize::MAX).unwrap(),
    };
    names_in_message(signal, &message)
}

fn names_in_message(signal: Signal, message: &[u8]) -> Vec<String> {
    match signal {
        Signal::Logs => {
            let request = ExportLogsServiceRequest::decode(message).unwrap();
            let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
            let name = |record: LogRecord| match record.body.and_then(|body| body.value) {
                Some(Value::StringValue(name)) => name,
                other => panic!("{other:?}"),
            };
            scopes.flat_map(|scope| scope.log_records).map(name).collect()
        }
        Signal::Metrics => {
            let request = ExportMetricsServiceRequest::decode(message).unwrap();
            let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
            scopes.flat_map(|scope| scope.metrics).map(|metric| metric.name).collect()
        }
        Signal::Traces => {
            let request = ExportTraceServiceRequest::decode(message).unwrap();
            let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            scopes.flat_map(|scope| scope.spans).map(|span| span.name).collect()
        }
        Signal::Profiles => {
            let request = ExportProfilesServiceRequest::decode(message).unwrap();
            assert_eq!(request.dictionary.unwrap().string_table, [""], "one dictionary, of one request");
            let scopes = request.resource_profiles.into_iter().flat_map(|resource| resource.scope_profiles);
            let name = |profile: Profile| profile.original_payload_format;
            scopes.flat_map(|scope| scope.profiles).map(name).collect()
        }
    }
}
