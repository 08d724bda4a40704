//! A data folder with a spool, into which segments are packed without a log.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use forebay::disk::{Budget, Disk, RealDisk};
use forebay::log::{Item, Record, SegmentId};
use forebay::otlp::Signal;
use forebay::pack::{self, Batch, BatchId, Compression, Format, OutputName, Spool, pack_records};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

/// 2026-08-22T10:11:12Z
const START: u64 = 1_787_393_472_000_000_000;

/// A data folder, whose spool can be opened again and again as after restarts.
pub struct DataFolder {
    pub folder: tempfile::TempDir,
    pub packing: pack::Options,
}

impl DataFolder {
    pub fn new() -> Self {
        let packing = pack::Options {
            format: Format::OtlpProto,
            compression: Some(Compression::None),
            ..pack::Options::default()
        };
        Self { folder: tempfile::tempdir().unwrap(), packing }
    }

    pub fn spool_folder(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    pub fn catalog_folder(&self) -> PathBuf {
        self.folder.path().join("catalog")
    }

    /// Opens the spool, as after a start.
    pub fn open(&self) -> (Arc<Spool>, Vec<Batch>) {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let (spool, batches, damage) = Spool::open(disk, self.spool_folder(), Budget::new(1 << 40)).unwrap();
        assert_eq!(damage, []);
        (Arc::new(spool), batches)
    }

    /// Packs a segment of one record for each signal.
    pub fn pack(&self, spool: &Spool, segment: u64) -> Batch {
        let signals = [Signal::Logs, Signal::Metrics, Signal::Traces];
        let records = signals.map(|signal| record(segment, signal, &format!("segment {segment}")));
        self.pack_records(spool, segment, &records)
    }

    /// Packs a segment of one log record for each of these tenants.
    pub fn pack_for(&self, spool: &Spool, segment: u64, tenants: &[&str]) -> Batch {
        let of_tenant = |tenant: &&str| Record {
            tenant: (*tenant).to_owned(),
            ..record(segment, Signal::Logs, &format!("segment {segment}"))
        };
        self.pack_records(spool, segment, &tenants.iter().map(of_tenant).collect::<Vec<_>>())
    }

    /// Packs a segment of one log record of this length.
    pub fn pack_large(&self, spool: &Spool, segment: u64, bytes: usize) -> Batch {
        let text: String = ('a'..='z').cycle().take(bytes).collect();
        self.pack_records(spool, segment, &[record(segment, Signal::Logs, &text)])
    }

    fn pack_records(&self, spool: &Spool, segment: u64, records: &[Record]) -> Batch {
        let read = || Ok::<_, Infallible>(records.iter().cloned().map(|record| Ok(Item::Record(record))));
        pack_records(
            &BatchId { segment: SegmentId(segment), output: OutputName::main() },
            "a1b2c3d4",
            &self.packing,
            read,
            spool,
        )
        .unwrap()
    }

    /// The contents of the objects in the spool, by key, which has `prefix` before it, and before that the bucket with a `:`
    /// if it is not the main one.
    pub fn contents(&self, batches: &[Batch], prefix: &str) -> BTreeMap<String, Bytes> {
        let read = |file: &str| Bytes::from(std::fs::read(self.spool_folder().join(file)).unwrap());
        batches
            .iter()
            .flat_map(|batch| &batch.objects)
            .map(|object| {
                let key = format!("{prefix}{}", object.key);
                (pack::address(object.bucket.as_deref(), &key), read(&object.file))
            })
            .collect()
    }

    /// The names of the files in the spool.
    pub fn spooled_files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.spool_folder()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn record(segment: u64, signal: Signal, text: &str) -> Record {
    let name = text.to_string();
    let body = match signal {
        Signal::Logs => {
            let body = Some(AnyValue { value: Some(Value::StringValue(name)) });
            let log_records = vec![LogRecord { body, ..LogRecord::default() }];
            let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
            let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
            ExportLogsServiceRequest { resource_logs }.encode_to_vec()
        }
        Signal::Metrics => {
            let metrics = vec![Metric { name, ..Metric::default() }];
            let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
            let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
            ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
        }
        Signal::Traces => {
            let spans = vec![Span { name, ..Span::default() }];
            let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
            let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
            ExportTraceServiceRequest { resource_spans }.encode_to_vec()
        }
        Signal::Profiles => panic!("no test spools profiles"),
    };
    let seq = segment * 10 + u64::from(signal.number());
    let received_at = START + seq;
    Record { seq, signal, received_at, items: 1, tenant: String::new(), body: body.into() }
}
