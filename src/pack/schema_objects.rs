//! Objects without rows, by which readers know the columns of every signal from the beginning.
//!
//! A reader of a signal of which nothing has come yet finds no object, and some then refuse the whole bucket. An object of
//! this kind lies in the folder of 1970, where no question ever looks, and has all columns. Its name is a hash of the
//! columns, the same for all data folders, so that a bucket has one of them for each signal, and another one once columns
//! are added.

use super::batch::{Batch, BatchId};
use super::error::Error;
use super::format::Format;
use super::key::KeyTemplate;
use super::object_writer::ObjectWriter;
use super::options::Options;
use super::output::OutputName;
use super::spool::Spool;
use super::staging::Staging;
use crate::log::SegmentId;
use crate::rows::{self, Column};

/// The segment whose number no segment of a log has.
const NO_SEGMENT: SegmentId = SegmentId(0);

/// Commits the objects without rows of an output to the spool, unless they are there already or `is_known` says of their
/// keys that they are in the bucket. Returns the batch, if there is one. Only Parquet has such objects.
///
/// # Errors
/// [`Error::InvalidOptions`], [`Error::Key`], [`Error::Disk`].
pub fn pack_schema_objects(
    output: &OutputName,
    options: &Options,
    spool: &Spool,
    is_known: impl Fn(&str) -> bool,
) -> Result<Option<Batch>, Error> {
    let id = BatchId { segment: NO_SEGMENT, output: output.clone() };
    if options.format != Format::Parquet || !options.schema_objects {
        return Ok(None);
    }
    if let Some(batch) = spool.batch(&id) {
        return Ok(Some(batch));
    }
    let template = KeyTemplate::parse(options).map_err(Error::InvalidOptions)?;
    let mut staging = Staging::begin(spool, id)?;
    let mut finished = Vec::new();
    for signal in rows::SIGNALS.into_iter().filter(|signal| options.takes(*signal)) {
        let layout = options.layout(signal).map_err(Error::InvalidOptions)?;
        let partition = template.schema_partition(signal, output.as_str());
        let partition = partition.map_err(|source| Error::Key { received_at: 0, source })?;
        let key = partition.key(&unique_part(layout.columns()));
        if !is_known(&key) {
            let object = ObjectWriter::begin(options, staging.create(signal)?, signal, partition)?;
            finished.push(object.finish_as(|_| key)?);
        }
    }
    let batch = staging.commit(finished)?;
    Ok((!batch.objects.is_empty()).then_some(batch))
}

/// The number of columns, and a hash of their names and kinds. Readers that take the columns of the first object for those
/// of all cope with more of them in others, and not with fewer.
fn unique_part(columns: &[Column]) -> String {
    let mut hasher = blake3::Hasher::new();
    for column in columns {
        hasher.update(format!("{} {:?}\n", column.name, column.kind).as_bytes());
    }
    let hash: String = hasher.finalize().to_hex().chars().take(16).collect();
    format!("schema-{:04}-{hash}", columns.len())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::pack::testing::RealSpool;

    fn pack(spool: &RealSpool, options: &Options, known: &[&str]) -> Option<Batch> {
        pack_schema_objects(&OutputName::main(), options, &spool.spool, |key| known.contains(&key)).unwrap()
    }

    #[test]
    fn each_signal_has_an_object_without_rows_until_it_is_known_to_be_in_the_bucket() {
        let spool = RealSpool::new();
        let batch = pack(&spool, &Options::default(), &[]).unwrap();
        let keys: Vec<_> = batch.objects.iter().map(|object| object.key.as_str()).collect();
        for (key, signal) in keys.iter().zip(rows::SIGNALS) {
            let start = format!("{signal}/date=1970-01-01/hour=00/{signal}_schema-");
            assert!(key.starts_with(&start) && key.ends_with(".parquet"), "{key}");
        }
        assert_eq!((batch.objects.len(), batch.items()), (3, 0));
        assert!(batch.objects.iter().all(|object| spool.content(object).ends_with(b"PAR1")));
        assert_eq!(pack(&spool, &Options::default(), &[]), Some(batch.clone()), "it is there already");
        spool.spool.remove(&batch).unwrap();
        assert_eq!(pack(&spool, &Options::default(), &keys), None);
        assert_eq!(spool.files(), [""; 0], "nothing is left");
        let rest = pack(&spool, &Options::default(), &keys[1..]).unwrap();
        assert_eq!(rest.objects.len(), 1);
    }

    #[test]
    fn a_new_column_makes_new_objects() {
        let keys = |columns: &[&str]| {
            let columns: BTreeMap<_, _> =
                columns.iter().map(|name| ((*name).to_owned(), "resource.x".to_owned())).collect();
            let batch = pack(&RealSpool::new(), &Options { columns, ..Options::default() }, &[]).unwrap();
            batch.objects.into_iter().map(|object| object.key).collect::<Vec<_>>()
        };
        assert_eq!(keys(&["team"]), keys(&["team"]));
        assert!(
            keys(&["team"]).iter().zip(keys(&[])).all(|(with, without)| *with > without),
            "those with fewer first"
        );
    }

    #[test]
    fn other_formats_and_those_who_do_not_want_them_have_none() {
        let spool = RealSpool::new();
        assert_eq!(pack(&spool, &Options { format: Format::Jsonl, ..Options::default() }, &[]), None);
        let traces = vec![crate::otlp::Signal::Traces];
        let batch = pack(&RealSpool::new(), &Options { signals: traces, ..Options::default() }, &[]).unwrap();
        assert_eq!(batch.objects.len(), 1, "and none of a signal that is not taken");
        assert_eq!(pack(&spool, &Options { schema_objects: false, ..Options::default() }, &[]), None);
    }
}
