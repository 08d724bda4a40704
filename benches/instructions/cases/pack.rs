//! Records that become objects in a spool on the disk that cargo builds on.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use forebay::disk::{Budget, RealDisk};
use forebay::log::{Item, Record, SegmentId};
use forebay::pack::{BatchId, Compression, Format, Options, OutputName, Spool, pack_records};

use super::{Named, Work, requests};
use crate::telemetry::{Items, START};

/// Log records in a request, and requests in the segment.
const REQUEST_ITEMS: u32 = 1000;
const REQUESTS: u32 = 10;

pub(super) const CASES: Named = &[
    ("pack/otlp_jsonl+gzip", |folder| packing(folder, Format::OtlpJsonl, Compression::Gzip)),
    ("pack/otlp_proto+zstd", |folder| packing(folder, Format::OtlpProto, Compression::Zstd)),
    ("pack/parquet+zstd", |folder| packing(folder, Format::Parquet, Compression::Zstd)),
];

fn packing(folder: &Path, format: Format, compression: Compression) -> Work {
    let budget = Budget::new(1 << 40);
    let (spool, ..) = Spool::open(Arc::new(RealDisk), folder.join("spool"), budget).unwrap();
    let options = Options { format, compression: Some(compression), ..Options::default() };
    let bodies = requests(Items::LogRecords, REQUEST_ITEMS.into(), REQUESTS.into());
    let records: Vec<Record> = (0..)
        .zip(bodies)
        .map(|(seq, body)| Record {
            seq,
            signal: Items::LogRecords.signal(),
            received_at: START + seq,
            items: REQUEST_ITEMS,
            tenant: String::new(),
            body,
        })
        .collect();
    let items = u64::from(REQUEST_ITEMS * REQUESTS);
    let id = BatchId { segment: SegmentId(1), output: OutputName::main() };
    Work::new(items, move || {
        let read = || Ok::<_, Infallible>(records.iter().cloned().map(|record| Ok(Item::Record(record))));
        let batch = pack_records(&id, "a1b2c3d4", &options, read, &spool).unwrap();
        assert_eq!(batch.items(), items);
    })
}
