//! Profiles in objects: no two exports of them are ever merged, for their dictionary is singular.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;

use super::format::Format;
use super::options::{Compression, Options};
use super::testing::{RealSpool, SECOND, START, names, names_in, record, records, unpacked};
use crate::log::Record;
use crate::otlp::{self, Signal};

/// Exports of profiles between those of other signals: the seqs 100 to 104, of which the last two are one, received in
/// the same millisecond.
fn mixed() -> Vec<Record> {
    let mut mixed = records(40, SECOND);
    let profiles = |seq: u64, at: u64| record(seq, Signal::Profiles, START + at);
    for (place, seq) in (0..).step_by(9).zip(100..104) {
        mixed.insert(place, profiles(seq, place as u64 * SECOND));
    }
    let last = mixed.iter().rfind(|record| record.signal == Signal::Profiles).unwrap().clone();
    mixed.push(Record { seq: 104, received_at: last.received_at + 1000, ..last });
    mixed
}

fn bodies(records: &[Record]) -> Vec<bytes::Bytes> {
    let profiles = records.iter().filter(|record| record.signal == Signal::Profiles);
    profiles.map(|record| record.body.clone()).collect()
}

/// What JSON of one request says, as prost encodes it.
fn read(json: &[u8]) -> Vec<u8> {
    let body = otlp::read_json(Signal::Profiles, json, 1 << 20).unwrap();
    ExportProfilesServiceRequest::decode(&body[..]).unwrap().encode_to_vec()
}

#[test]
fn where_others_are_rows_or_lines_an_export_of_profiles_is_a_line() {
    let records = mixed();
    for (format, compression, ending, content_type) in [
        (Format::Parquet, None, ".jsonl.gz", "application/gzip"),
        (Format::Parquet, Some(Compression::Snappy), ".jsonl.gz", "application/gzip"),
        (Format::Jsonl, Some(Compression::Zstd), ".jsonl.zst", "application/zstd"),
        (Format::Csv, Some(Compression::None), ".jsonl", "application/x-ndjson"),
        (Format::OtlpJsonl, None, ".jsonl.gz", "application/gzip"),
    ] {
        let spool = RealSpool::new();
        let options = Options { format, compression, ..Options::default() };
        let batch = spool.pack(42, &options, &records);
        assert_eq!(batch.objects.len(), 4, "{format:?}: one for each signal");
        let object = batch.objects.iter().find(|object| object.signal == Signal::Profiles).unwrap();
        assert_eq!((object.records, object.items), (5, 10));
        assert_eq!(object.content_type, content_type);
        let start = "profiles/date=2026-08-22/hour=10/profiles_20260822T101112123Z-a1b2c3d4-00000042-";
        assert!(object.key.starts_with(start) && object.key.ends_with(ending), "{}", object.key);
        let plain = unpacked(options.for_signal(Signal::Profiles).compression(), &spool.content(object));
        let lines: Vec<_> =
            plain.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n').map(read).collect();
        assert_eq!(lines, bodies(&records), "{format:?}: each line is one export");
    }
}

#[test]
fn as_one_document_or_message_an_export_of_profiles_is_an_object_of_its_own() {
    let records = mixed();
    for (format, compression, ending) in [
        (Format::OtlpProto, Compression::None, ".binpb"),
        (Format::OtlpProto, Compression::Zstd, ".binpb.zst"),
        (Format::OtlpJson, Compression::Gzip, ".json.gz"),
    ] {
        let spool = RealSpool::new();
        let options = Options { format, compression: Some(compression), ..Options::default() };
        let batch = spool.pack(42, &options, &records);
        assert_eq!(batch, RealSpool::new().pack(42, &options, &records), "the same again");
        let (profiles, others): (Vec<_>, Vec<_>) =
            batch.objects.iter().partition(|object| object.signal == Signal::Profiles);
        assert_eq!((profiles.len(), others.len()), (5, 3), "the others are one for each signal");
        let keys: BTreeSet<_> = profiles.iter().map(|object| &object.key).collect();
        assert_eq!(keys.len(), 5, "equal exports of one millisecond have names of their own: {keys:?}");
        assert!(keys.iter().all(|key| key.ends_with(ending)), "{keys:?}");
        for (object, body) in profiles.iter().zip(bodies(&records)) {
            assert_eq!((object.records, object.items), (1, 2));
            let plain = unpacked(compression, &spool.content(object));
            assert!(!plain.ends_with(b"\n"));
            let found = if format == Format::OtlpJson { read(&plain) } else { plain };
            assert_eq!(found, body, "every byte as it was sent");
        }
        for object in others {
            let read = names_in(&options, object.signal, &spool.content(object));
            assert_eq!(read, names(&records, object.signal));
        }
    }
}

#[test]
fn many_exports_of_profiles_do_not_cut_the_objects_of_others() {
    let mut records = records(120, SECOND);
    for seq in 0..100 {
        records.insert(seq, record(1000 + seq as u64, Signal::Profiles, START));
    }
    let options = Options { format: Format::OtlpProto, ..Options::default() };
    let batch = RealSpool::new().pack(42, &options, &records);
    assert_eq!(batch.objects.len(), 103);
}

#[test]
fn profiles_that_cannot_be_packed_are_delivered_as_they_came() {
    for format in [Format::Parquet, Format::OtlpJson, Format::OtlpProto] {
        let mut records = vec![record(1, Signal::Profiles, START), record(2, Signal::Profiles, START)];
        records[0].body = records[0].body.slice(..5);
        let spool = RealSpool::new();
        let batch = spool.pack(42, &Options { format, ..Options::default() }, &records);
        let [unpackable, packed] = ["unpackable/profiles/", "profiles/"].map(|start| {
            let found: Vec<_> = batch.objects.iter().filter(|object| object.key.starts_with(start)).collect();
            assert_eq!(found.len(), 1, "{format:?}: {batch:?}");
            found[0]
        });
        assert_eq!((unpackable.records, packed.records), (1, 1), "{format:?}");
        let line: serde_json::Value = serde_json::from_slice(&spool.content(unpackable)).unwrap();
        assert_eq!((&line["signal"], &line["seq"]), (&"profiles".into(), &1.into()));
    }
}

#[test]
fn a_key_by_attributes_takes_profiles_apart_into_complete_ones() {
    let mut sent = ExportProfilesServiceRequest::decode(record(1, Signal::Profiles, START).body).unwrap();
    let attribute = |team: &str| KeyValue {
        key: "team".to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue(team.to_owned())) }),
        ..KeyValue::default()
    };
    let profiled = sent.resource_profiles.remove(0);
    sent.resource_profiles = ["red", "blue"]
        .map(|team| {
            let mut profiled = profiled.clone();
            profiled.resource = Some(Resource { attributes: vec![attribute(team)], ..Resource::default() });
            profiled
        })
        .to_vec();
    let record = Record { body: sent.encode_to_vec().into(), items: 4, ..record(1, Signal::Profiles, START) };
    let key = "{signal}/{resource.team}/{unique}".to_owned();
    for format in [Format::Parquet, Format::OtlpProto] {
        let spool = RealSpool::new();
        let options = Options { format, key: key.clone(), ..Options::default() };
        let batch = spool.pack(42, &options, std::slice::from_ref(&record));
        let folders: Vec<_> =
            batch.objects.iter().map(|object| object.key.rsplit_once('/').unwrap().0).collect();
        assert_eq!(folders, ["profiles/red", "profiles/blue"]);
        for object in &batch.objects {
            let options = options.for_signal(Signal::Profiles);
            // Which also looks at the dictionary.
            assert_eq!(names_in(&options, Signal::Profiles, &spool.content(object)), ["1a", "1b"]);
            assert_eq!(object.items, 2);
        }
    }
}
