//! What becomes of records of many tenants and attributes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;

use super::objects::{OPEN_OBJECTS_MAX, PASSES_MAX};
use super::testing::{
    RealSpool, SECOND, START, WRITER, batch_id, items, names, names_in, otlp_jsonl, record,
};
use super::*;
use crate::log::{Item, Record};
use crate::otlp::Signal;

/// Log records of one tenant: of each resource its attribute `team`, if it has one, and the text of its only log record.
fn logs(seq: u64, tenant: &str, received_at: u64, resources: &[(Option<&str>, &str)]) -> Record {
    let text = |text: &str| Some(AnyValue { value: Some(Value::StringValue(text.to_owned())) });
    let resource = |(team, said): &(Option<&str>, &str)| {
        let attribute =
            |team: &str| KeyValue { key: "team".to_owned(), value: text(team), ..KeyValue::default() };
        let log_records = vec![LogRecord { body: text(said), ..LogRecord::default() }];
        ResourceLogs {
            resource: Some(Resource {
                attributes: team.map(attribute).into_iter().collect(),
                ..Resource::default()
            }),
            scope_logs: vec![ScopeLogs { log_records, ..ScopeLogs::default() }],
            ..ResourceLogs::default()
        }
    };
    let resource_logs: Vec<_> = resources.iter().map(resource).collect();
    Record {
        seq,
        signal: Signal::Logs,
        received_at,
        items: u32::try_from(resources.len()).unwrap(),
        tenant: tenant.to_owned(),
        body: ExportLogsServiceRequest { resource_logs }.encode_to_vec().into(),
    }
}

fn options(prefix: &str, key: &str, bucket: &str) -> Options {
    Options { prefix: prefix.into(), key: key.into(), bucket: bucket.into(), ..otlp_jsonl() }
}

/// The texts in each object, by its bucket and the folders of its key.
fn texts(spool: &RealSpool, options: &Options, batch: &Batch) -> BTreeMap<String, Vec<String>> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for object in &batch.objects {
        let address = object.address();
        let folder = address.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
        let said = names_in(options, object.signal, &spool.content(object));
        texts.entry(folder).or_default().extend(said);
    }
    texts
}

#[test]
fn the_collectors_routing_by_attributes_is_one_line_for_the_prefix_and_one_for_the_bucket() {
    let options =
        options("base/{resource.team|path:-claude-code}", "year=%Y/{signal}_{unique}", "{resource.team}");
    let records = [
        logs(1, "", START, &[(Some("a/../org/team"), "1"), (None, "2"), (Some(""), "3"), (Some("red"), "4")]),
        logs(2, "", START, &[(Some("red"), "5"), (Some("org//team/"), "6")]),
    ];
    let spool = RealSpool::new();
    let batch = spool.pack(7, &options, &records);
    let texts = texts(&spool, &options, &batch);
    let texts: Vec<_> = texts.iter().map(|(folder, texts)| (folder.as_str(), texts.join(" "))).collect();
    assert_eq!(
        texts,
        [
            ("base/claude-code/year=2026", "2 3".to_owned()),
            ("base/org/team/year=2026", "1 6".to_owned()),
            ("red:base/red/year=2026", "4 5".to_owned()),
        ]
    );
}

#[test]
fn a_field_that_is_nothing_without_a_value_is_no_folder() {
    let options = options("{resource.team|path:-}", "%Y/{signal}/{tenant:-}/{signal}_{unique}", "");
    let spool = RealSpool::new();
    let batch = spool.pack(7, &options, &[logs(1, "", START, &[(None, "1"), (Some("red"), "2")])]);
    let texts = texts(&spool, &options, &batch);
    assert_eq!(texts.keys().collect::<Vec<_>>(), ["2026/logs", "red/2026/logs"]);
}

#[test]
fn two_tenants_that_say_the_same_at_the_same_time_have_an_object_each() {
    let records = [logs(1, "red", START, &[(None, "hello")]), logs(2, "blue", START, &[(None, "hello")])];
    for options in [options("", "{signal}_{unique}", ""), options("", "{tenant}/{signal}_{unique}", "")] {
        let spool = RealSpool::new();
        let batch = spool.pack(7, &options, &records);
        let [one, other] = &batch.objects[..] else { panic!("{batch:?}") };
        assert_eq!((one.items, other.items, &one.blake3), (1, 1, &other.blake3));
        let unique = |object: &Object| object.key.rsplit('/').next().unwrap().to_owned();
        assert_ne!(unique(one), unique(other), "not even in different folders");
        assert_eq!(batch, RealSpool::new().pack(7, &options, &records), "the same names each time");
    }
}

#[test]
fn what_is_beyond_the_most_prefixes_goes_into_the_overflow_of_each_tenant() {
    let options = Options {
        max_prefixes: 2,
        ..options("p/{tenant}", "{resource.team}/{signal}_{unique}", "lake-{resource.team}")
    };
    let records = [
        logs(1, "acme", START, &[(Some("red"), "1"), (Some("blue"), "2"), (Some("green"), "3")]),
        logs(2, "acme", START + 1, &[(Some("green"), "4"), (Some("red"), "5")]),
        logs(3, "evil", START + 2, &[(Some("red"), "6"), (Some("overflow"), "7")]),
    ];
    let spool = RealSpool::new();
    let batch = spool.pack(7, &options, &records);
    let texts_of = |folder: &str| texts(&spool, &options, &batch).remove(folder).unwrap_or_default();
    assert_eq!(texts_of("lake-red:p/acme/red"), ["1", "5"]);
    assert_eq!(texts_of("lake-blue:p/acme/blue"), ["2"]);
    assert_eq!(texts_of("p/overflow/overflow"), ["3", "4", "6", "7"]);
    assert_eq!(batch.objects.len(), 4, "two objects in the overflow: one for each tenant");
    assert_eq!(batch.items(), 7);
}

#[test]
fn a_hundred_routes_of_three_signals_are_three_hundred_objects() {
    let routes = 100;
    let records: Vec<_> = (0..routes * 9)
        .map(|seq| Record {
            tenant: format!("tenant-{}", seq / 3 % routes),
            ..record(seq, Signal::ALL[usize::try_from(seq % 3).unwrap()], START + seq)
        })
        .collect();
    for format in [Format::OtlpJsonl, Format::Parquet] {
        let options = Options { format, ..options("{tenant}", "{signal}_{unique}", "") };
        let spool = RealSpool::new();
        let batch = spool.pack(7, &options, &records);
        assert_eq!(batch.objects.len(), 300, "not one for each of the 900 records");
        assert!(batch.objects.iter().all(|object| object.records == 3));
        assert!(batch.objects.is_sorted_by_key(|object| object.first_received_at));
    }
}

#[test]
fn more_partitions_than_there_are_passes_for_lose_nothing() {
    let tenants = (OPEN_OBJECTS_MAX * PASSES_MAX + 5) as u64;
    let records: Vec<_> = (0..tenants * 2)
        .map(|seq| Record { tenant: (seq % tenants).to_string(), ..record(seq, Signal::Logs, START) })
        .collect();
    let options = Options { compression: Some(Compression::None), ..options("", "{signal}_{unique}", "") };
    let spool = RealSpool::new();
    let batch = spool.pack(7, &options, &records);
    let mut read: Vec<_> = texts(&spool, &options, &batch).into_values().flatten().collect();
    let mut expected = names(&records, Signal::Logs);
    read.sort();
    expected.sort();
    assert_eq!(read, expected);
    let keys: BTreeSet<_> = batch.objects.iter().map(|object| &object.key).collect();
    assert_eq!(keys.len(), batch.objects.len());
}

#[test]
fn a_time_that_is_over_makes_room_without_another_pass() {
    // Eight signals' worth of minutes: 24 partitions, and never more than three at once.
    let records: Vec<_> = (0..24)
        .map(|seq| record(seq, Signal::ALL[usize::try_from(seq % 3).unwrap()], START + seq / 3 * 60 * SECOND))
        .collect();
    let options = options("", "%H-%M/{signal}_{unique}", "");
    let mut passes = 0;
    let read = || {
        passes += 1;
        Ok(items(&records))
    };
    let spool = RealSpool::new();
    let batch = pack_records(&batch_id(7), WRITER, &options, read, &spool.spool).unwrap();
    assert_eq!((batch.objects.len(), passes), (24, 1));
}

#[test]
fn a_segment_of_which_only_some_passes_can_read_all_is_packed_another_time() {
    let records: Vec<_> =
        (0..20).map(|seq| Record { tenant: seq.to_string(), ..record(seq, Signal::Logs, START) }).collect();
    let mut passes = 0;
    let read = || {
        passes += 1;
        Ok::<_, io::Error>(records.iter().skip(passes - 1).cloned().map(|record| Ok(Item::Record(record))))
    };
    let spool = RealSpool::new();
    let error = pack_records(&batch_id(7), WRITER, &otlp_jsonl(), read, &spool.spool).unwrap_err();
    assert!(error.to_string().contains("not all of it could be read each time"), "{error}");
    assert_eq!(spool.files(), [""; 0]);
}

#[test]
fn a_record_that_cannot_be_split_is_set_aside_once_however_many_passes_there_are() {
    let mut records: Vec<_> =
        (0..40).map(|seq| Record { tenant: seq.to_string(), ..record(seq, Signal::Logs, START) }).collect();
    for place in [0, 20, 39] {
        records[place].body = records[place].body.slice(..records[place].body.len() - 1);
    }
    for key in ["{signal}_{unique}", "{resource.team}/{signal}_{unique}"] {
        let spool = RealSpool::new();
        let batch = spool.pack(7, &options("{tenant}", key, ""), &records);
        let (aside, packed): (Vec<_>, Vec<_>) =
            batch.objects.iter().partition(|object| object.key.contains("/unpackable/"));
        assert_eq!((aside.len(), packed.len(), batch.items()), (3, 37, 80));
        assert!(aside.iter().all(|object| object.records == 1));
        let tenants: Vec<_> = aside.iter().map(|object| object.key.split('/').next().unwrap()).collect();
        assert_eq!(tenants, ["0", "20", "39"]);
    }
}

/// Tenants and teams that are hard to keep apart.
const NAMES: [&str; 8] = ["", "none", "overflow", "a", "a/b", "../a", "lake-a", "Größe"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_is_in_one_object_of_its_tenant(
        exports in vec((0..NAMES.len(), 0..40u64, vec(0..=NAMES.len(), 1..4)), 1..80),
        layout in 0..4usize,
        max_prefixes in 1..8usize,
    ) {
        let (prefix, key, bucket) = [
            ("", "{signal}_{unique}", ""),
            ("{tenant}", "{signal}/{resource.team|path}/{signal}_{unique}", ""),
            ("x/{resource.team:-others}", "%H-%M/{signal}_{unique}", "lake-{tenant:-main}"),
            ("", "{signal}_{unique}", "{resource.team}"),
        ][layout];
        let options = Options {
            max_prefixes,
            compression: Some(Compression::None),
            ..options(prefix, key, bucket)
        };
        let mut expected = Vec::new();
        let records: Vec<_> = exports
            .iter()
            .zip(0..)
            .map(|((tenant, minute, teams), seq)| {
                let tenant = NAMES[*tenant];
                // Of one tenant, or the same of all of them.
                let said: Vec<_> =
                    teams.iter().map(|team| if seq % 3 == 0 { "same".into() } else { format!("{tenant}|{team}|{seq}") }).collect();
                let resources: Vec<_> =
                    teams.iter().zip(&said).map(|(team, said)| (NAMES.get(*team).copied(), said.as_str())).collect();
                expected.extend(said.iter().cloned());
                logs(seq, tenant, START + (seq + minute / 39) * SECOND, &resources)
            })
            .collect();
        let spool = RealSpool::new();
        let batch = spool.pack(7, &options, &records);
        let mut read = Vec::new();
        for object in &batch.objects {
            let said = names_in(&options, object.signal, &spool.content(object));
            let tenants: BTreeSet<_> =
                said.iter().filter_map(|said| Some(said.split_once('|')?.0)).collect();
            prop_assert!(tenants.len() <= 1, "{} holds {tenants:?}", object.key);
            prop_assert_eq!(object.items, said.len() as u64);
            read.extend(said);
        }
        read.sort();
        expected.sort();
        prop_assert_eq!(read, expected);
        let keys: BTreeSet<_> = batch.objects.iter().map(|object| &object.key).collect();
        prop_assert_eq!(keys.len(), batch.objects.len(), "two objects have one key");
        prop_assert_eq!(&batch, &RealSpool::new().pack(7, &options, &records));
    }
}
