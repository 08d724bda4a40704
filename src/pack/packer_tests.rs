use std::collections::BTreeSet;
use std::fs;
use std::io;

use base64::Engine as _;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message as _;

use super::*;
use crate::log::Damage;
use crate::otlp::Signal;
use crate::pack::objects::OPEN_OBJECTS_MAX;
use crate::pack::testing::{
    RealSpool, SECOND, START, WRITER, batch_id, items, names, names_in, otlp_jsonl, record, records, unpacked,
};
use crate::pack::{Compression, Format, Object};

const HOUR: u64 = 3600 * SECOND;

#[test]
fn every_format_and_compression_reads_back_with_every_item_once_and_in_order() {
    let records = records(60, SECOND);
    for format in [Format::OtlpJson, Format::OtlpJsonl, Format::OtlpProto] {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let options = Options { format, compression: Some(compression), ..otlp_jsonl() };
            let spool = RealSpool::new();
            let batch = spool.pack(42, &options, &records);
            assert_eq!(batch.objects.len(), 3, "one object per signal");
            for object in &batch.objects {
                let content = spool.content(object);
                let read = names_in(&options, object.signal, &content);
                assert_eq!(read, names(&records, object.signal), "{format:?} {compression:?}");
                assert_eq!((object.records, object.items), (20, 40));
                assert_eq!(object.bytes, content.len() as u64);
                let unique = object.key.rsplit_once(&object.blake3[..16]).unwrap();
                assert_eq!(unique.1, options.ending());
            }
        }
    }
}

#[test]
fn an_output_that_takes_some_signals_passes_over_the_others() {
    let records = records(60, SECOND);
    let signals = vec![Signal::Traces, Signal::Logs];
    let spool = RealSpool::new();
    let batch = spool.pack(42, &Options { signals, ..otlp_jsonl() }, &records);
    let packed: BTreeSet<_> = batch.objects.iter().map(|object| object.signal).collect();
    assert_eq!(packed, BTreeSet::from([Signal::Logs, Signal::Traces]));
    assert_eq!(batch.items(), 80);
}

#[test]
fn the_same_records_become_the_same_objects_under_the_same_names() {
    let records = records(500, 30 * SECOND);
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let options = Options { compression: Some(compression), ..otlp_jsonl() };
        let [one, other] = [RealSpool::new(), RealSpool::new()];
        let batch = one.pack(42, &options, &records);
        assert_eq!(batch, other.pack(42, &options, &records));
        assert_eq!(one.files(), other.files());
        for name in one.files() {
            assert_eq!(fs::read(one.path(&name)).unwrap(), fs::read(other.path(&name)).unwrap(), "{name}");
        }
        let keys: BTreeSet<_> = batch.objects.iter().map(|object| &object.key).collect();
        assert_eq!(keys.len(), batch.objects.len(), "no two objects have one name");
    }
}

#[test]
fn an_object_has_the_content_and_the_name_that_it_has_always_had() {
    let spool = RealSpool::new();
    let options = Options { compression: Some(Compression::None), ..otlp_jsonl() };
    let batch = spool.pack(42, &options, &[record(7, Signal::Logs, START)]);
    assert_eq!(
        String::from_utf8(spool.content(&batch.objects[0])).unwrap(),
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"stringValue\":\"7a\"}},\
         {\"body\":{\"stringValue\":\"7b\"}}]}]}]}\n"
    );
    assert_eq!(
        batch.objects[0].key,
        "logs/date=2026-08-22/hour=10/logs_20260822T101112123Z-a1b2c3d4-00000042-16986f8eea5d5d8e.jsonl"
    );
    assert_eq!(spool.files(), ["00000042-main-0.logs.object", "00000042-main.manifest"]);
}

#[test]
fn an_object_never_spans_two_partitions() {
    let spool = RealSpool::new();
    // 10:11:12 in steps of 20 minutes: the hours 10 to 13.
    let records = records(10, HOUR / 3);
    let options = Options { format: Format::OtlpJson, ..otlp_jsonl() };
    let batch = spool.pack(42, &options, &records);
    for signal in Signal::ALL {
        let of_signal = |object: &&Object| object.signal == signal;
        let mut read = Vec::new();
        for object in batch.objects.iter().filter(of_signal) {
            let hours: BTreeSet<_> =
                [object.first_received_at / HOUR, object.last_received_at / HOUR].into_iter().collect();
            assert_eq!(hours.len(), 1, "{}", object.key);
            let hour = hours.first().unwrap() % 24;
            assert!(object.key.contains(&format!("/hour={hour}/")), "{}", object.key);
            read.extend(names_in(&options, signal, &spool.content(object)));
        }
        assert_eq!(read, names(&records, signal));
    }
    assert!(batch.objects.is_sorted_by_key(|object| object.first_received_at));
}

#[test]
fn what_a_real_client_sent_is_packed_as_it_came() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/claude-code/chat.grpc");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut records = Vec::new();
    for (seq, path) in (0..).zip(files) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let signal = Signal::ALL.into_iter().find(|signal| name.contains(signal.name())).unwrap();
        let body: bytes::Bytes = fs::read(&path).unwrap().into();
        let items = otlp::validate(signal, &body).unwrap();
        records.push(Record { items, body, ..record(seq, signal, START + seq) });
    }
    assert!(records.len() > 10);
    let spool = RealSpool::new();
    let options = Options { format: Format::OtlpProto, compression: Some(Compression::Zstd), ..otlp_jsonl() };
    for object in &spool.pack(1, &options, &records).objects {
        let sent: Vec<_> = records.iter().filter(|record| record.signal == object.signal).collect();
        let together: Vec<u8> = sent.iter().flat_map(|record| record.body.to_vec()).collect();
        let plain = unpacked(options.compression(), &spool.content(object));
        assert_eq!(plain, together);
        let items = otlp::validate(object.signal, &plain).unwrap();
        assert_eq!(u64::from(items), object.items, "laid end to end they are one valid message");
        assert_eq!(object.items, sent.iter().map(|record| u64::from(record.items)).sum::<u64>());
    }
}

#[test]
fn an_object_of_many_chunks_is_whole() {
    let spool = RealSpool::new();
    let mut noise = vec![0; 3 << 20];
    blake3::Hasher::new().finalize_xof().fill(&mut noise);
    let large = Record { body: large_logs(&noise), ..record(0, Signal::Logs, START) };
    let options = Options { format: Format::OtlpProto, ..otlp_jsonl() };
    let batch = spool.pack(1, &options, &[large.clone(), large.clone()]);
    let plain = unpacked(options.compression(), &spool.content(&batch.objects[0]));
    assert_eq!(plain, [&large.body[..], &large.body[..]].concat());
    assert!(batch.bytes() > 3 << 20);
    assert_eq!(spool.budget.used(), batch.bytes(), "every byte counts against the budget");
}

#[test]
fn the_lines_of_a_large_request_are_its_items_in_order() {
    // More than the text that is passed on at once, and more than the rows that stay in memory.
    for (count, bytes) in [(3000, 1 << 10), (10_000, 1 << 10), (3, 4 << 20)] {
        let text = |number: usize| format!("{number} {}", "x".repeat(bytes));
        let log_record = |number| LogRecord {
            body: Some(AnyValue { value: Some(Value::StringValue(text(number))) }),
            ..LogRecord::default()
        };
        let scope_logs =
            vec![ScopeLogs { log_records: (0..count).map(log_record).collect(), ..ScopeLogs::default() }];
        let request = ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }],
        };
        let large = Record { body: request.encode_to_vec().into(), ..record(1, Signal::Logs, START) };
        let small = record(2, Signal::Logs, START);
        for format in [Format::Jsonl, Format::Csv] {
            let spool = RealSpool::new();
            let options = Options { format, compression: Some(Compression::None), ..Options::default() };
            let batch = spool.pack(1, &options, &[large.clone(), small.clone()]);
            let content = String::from_utf8(spool.content(&batch.objects[0])).unwrap();
            let bodies = bodies(format, &content);
            assert_eq!(bodies.len(), count + 2, "{format:?}");
            assert!(bodies.iter().take(count).enumerate().all(|(number, body)| *body == text(number)));
            assert_eq!(bodies[count..], ["2a", "2b"]);
        }
    }
}

/// The column `body` of lines.
fn bodies(format: Format, content: &str) -> Vec<String> {
    if format == Format::Csv {
        let mut reader = csv::Reader::from_reader(content.as_bytes());
        let place = reader.headers().unwrap().iter().position(|name| name == "body").unwrap();
        return reader.records().map(|record| record.unwrap()[place].to_owned()).collect();
    }
    let row = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    content.lines().map(|line| row(line)["body"].as_str().unwrap().to_owned()).collect()
}

/// A valid request that contains these bytes in a field that OTLP does not know.
fn large_logs(noise: &[u8]) -> bytes::Bytes {
    let mut body = Vec::new();
    prost::encoding::bytes::encode(1000, &noise.to_vec(), &mut body);
    body.into()
}

#[test]
fn an_empty_segment_leaves_nothing_in_the_spool() {
    let spool = RealSpool::new();
    let batch = spool.pack(42, &otlp_jsonl(), &[]);
    assert_eq!(batch.objects, []);
    assert_eq!(spool.files(), Vec::<String>::new());
    spool.spool.remove(&batch).unwrap();
}

#[test]
fn a_damaged_range_is_passed_over() {
    let spool = RealSpool::new();
    let damage = Damage { from: 100, to: 200, first_seq: 1, records_lost: 2 };
    let found = [
        Item::Record(record(0, Signal::Logs, START)),
        Item::Damage(damage),
        Item::Record(record(3, Signal::Logs, START)),
    ];
    let options = otlp_jsonl();
    let read = || Ok::<_, io::Error>(found.iter().cloned().map(Ok));
    let batch = pack_records(&batch_id(42), WRITER, &options, read, &spool.spool).unwrap();
    let read = names_in(&options, Signal::Logs, &spool.content(&batch.objects[0]));
    assert_eq!(read, ["0a", "0b", "3a", "3b"]);
}

#[test]
fn a_record_that_cannot_be_encoded_is_delivered_as_it_came_and_holds_nothing_up() {
    for format in
        [Format::Parquet, Format::Jsonl, Format::Csv, Format::OtlpJson, Format::OtlpJsonl, Format::OtlpProto]
    {
        let spool = RealSpool::new();
        let options = Options { format, prefix: "p".into(), ..Options::default() };
        let mut records = records(9, SECOND);
        // The first of its signal, and one in the middle.
        let broken = [2, 3].map(|place| {
            records[place].body = records[place].body.slice(..records[place].body.len() - 1);
            records[place].clone()
        });
        let batch = spool.pack(42, &options, &records);
        assert_eq!((batch.objects.len(), batch.items()), (5, 18), "{format:?}: {batch:?}");
        for record in &broken {
            let kept = format!("damaged/00000042-main-{}.{}.binpb", record.seq, record.signal);
            assert_eq!(fs::read(spool.folder.path().join(kept)).unwrap(), record.body);
            let folder = format!("p/unpackable/{}/date=2026-08-22/hour=10/", record.signal);
            let object = batch.objects.iter().find(|object| object.key.starts_with(&folder)).unwrap();
            assert_eq!(object.content_type, "application/x-ndjson");
            let line: serde_json::Value = serde_json::from_slice(&spool.content(object)).unwrap();
            let body = base64::engine::general_purpose::STANDARD.decode(line["body"].as_str().unwrap());
            assert_eq!((line["seq"].as_u64(), body.unwrap()), (Some(record.seq), record.body.to_vec()));
            assert!(line["reason"].as_str().unwrap().contains("goes beyond"), "{line}");
        }
        records.drain(2..4);
        for object in batch.objects.iter().filter(|object| !object.key.contains("unpackable")) {
            assert_eq!(object.items, names(&records, object.signal).len() as u64);
            if !format.is_rows() {
                let read = names_in(&options, object.signal, &spool.content(object));
                assert_eq!(read, names(&records, object.signal), "{format:?}");
            }
        }
    }
}

#[test]
fn a_signal_of_which_nothing_can_be_packed_has_no_object_but_that_one() {
    let spool = RealSpool::new();
    let mut records = vec![record(1, Signal::Logs, START)];
    records[0].body = bytes::Bytes::from_static(&[0xff]);
    let batch = spool.pack(42, &Options::default(), &records);
    let keys: Vec<_> = batch.objects.iter().map(|object| object.key.as_str()).collect();
    assert!(matches!(keys[..], [key] if key.starts_with("unpackable/logs/")), "{keys:?}");
    assert_eq!(spool.files(), [&batch.objects[0].file, "00000042-main.manifest"]);
}

#[test]
fn rows_are_in_the_order_of_the_log_and_those_of_one_value_in_one_object() {
    let mut records = records(9, SECOND);
    for (place, record) in records.iter_mut().enumerate() {
        record.tenant = ["red", "blue"][place / 3 % 2].into();
    }
    let key = "{tenant}/{signal}/{unique}".to_owned();
    let options =
        Options { format: Format::Jsonl, key, compression: Some(Compression::None), ..Options::default() };
    let spool = RealSpool::new();
    let batch = spool.pack(42, &options, &records);
    assert_eq!(batch.objects.len(), 6, "two tenants, three signals");
    let object = batch.objects.iter().find(|object| object.key.starts_with("red/logs/")).unwrap();
    let content = String::from_utf8(spool.content(object)).unwrap();
    let bodies: Vec<_> = content
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["body"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(bodies, ["0a", "0b", "6a", "6b"]);
}

#[test]
fn more_partitions_than_objects_may_be_open_lose_nothing() {
    let tenants = OPEN_OBJECTS_MAX as u64 + 5;
    let records: Vec<_> = (0..tenants * 3)
        .map(|seq| Record { tenant: (seq % tenants).to_string(), ..record(seq, Signal::Logs, START) })
        .collect();
    let options = Options { key: "{tenant}/{signal}/{unique}".into(), ..otlp_jsonl() };
    let spool = RealSpool::new();
    let batch = spool.pack(42, &options, &records);
    let read =
        batch.objects.iter().flat_map(|object| names_in(&options, object.signal, &spool.content(object)));
    let expected: BTreeSet<_> = names(&records, Signal::Logs).into_iter().collect();
    assert_eq!(read.collect::<BTreeSet<_>>(), expected);
    assert_eq!(batch.items(), expected.len() as u64);
    let keys: BTreeSet<_> = batch.objects.iter().map(|object| &object.key).collect();
    assert_eq!(keys.len(), batch.objects.len());
}

#[test]
fn a_segment_that_cannot_be_read_leaves_nothing_and_can_be_packed_again() {
    let spool = RealSpool::new();
    let records = records(200, 60 * SECOND);
    let options = otlp_jsonl();
    let broken = || {
        let whole = items(&records[..150]).map(|item| Ok(item.unwrap()));
        Ok(whole.chain([Err(io::Error::other("the disk is on fire"))]))
    };
    let error = pack_records(&batch_id(42), WRITER, &options, broken, &spool.spool).unwrap_err();
    assert_eq!(error.to_string(), "cannot read segment 00000042 for packing: the disk is on fire");
    assert_eq!(spool.files(), Vec::<String>::new());
    assert_eq!(spool.budget.used(), 0);
    let batch = spool.pack(42, &options, &records);
    assert_eq!(batch, RealSpool::new().pack(42, &options, &records));
}

#[test]
fn a_segment_that_is_packed_is_not_packed_again() {
    let spool = RealSpool::new();
    let options = otlp_jsonl();
    let batch = spool.pack(42, &options, &records(9, SECOND));
    let untouched = || -> io::Result<std::iter::Empty<_>> { panic!("it was read again") };
    assert_eq!(pack_records(&batch_id(42), WRITER, &options, untouched, &spool.spool).unwrap(), batch);
}

#[test]
fn options_with_which_nothing_can_be_packed_are_refused() {
    let spool = RealSpool::new();
    let options = Options { key: "{signal}".into(), ..otlp_jsonl() };
    let error = pack_records(&batch_id(42), WRITER, &options, || Ok(items(&[])), &spool.spool).unwrap_err();
    assert!(error.to_string().starts_with("objects.key is `{signal}`; without `{unique}`"), "{error}");
}
