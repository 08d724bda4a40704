//! Files read back by the crate's own reader of records, which assembles rows from levels by itself.

use std::collections::BTreeMap;

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::printer::print_schema;
use proptest::prelude::*;

use super::*;
use crate::rows::testing::{self, Cell};

const COMPRESSIONS: [ParquetCompression; 5] = [
    ParquetCompression::None,
    ParquetCompression::Snappy,
    ParquetCompression::Gzip(6),
    ParquetCompression::Lz4,
    ParquetCompression::Zstd(3),
];

/// A file with a row group for each of the tables.
fn file(columns: &[Column], compression: ParquetCompression, tables: &[Table]) -> Vec<u8> {
    let mut writer = ParquetWriter::new(columns, compression, Vec::new()).unwrap();
    for table in tables {
        writer.write_rows(table).unwrap();
    }
    writer.finish().unwrap()
}

fn reader(file: &[u8]) -> SerializedFileReader<Bytes> {
    SerializedFileReader::new(Bytes::copy_from_slice(file)).unwrap()
}

fn read(file: &[u8]) -> Vec<Vec<Cell>> {
    let reader = reader(file);
    let rows = reader.get_row_iter(None).unwrap().map(Result::unwrap);
    rows.map(|row: Row| row.get_column_iter().map(|(_, field)| cell(field)).collect()).collect()
}

fn cell(field: &Field) -> Cell {
    let text = |field: &Field| match field {
        Field::Null => None,
        Field::Str(text) => Some(text.clone()),
        other => panic!("{other:?} is no text"),
    };
    match field {
        Field::Null => Cell::Null,
        Field::Str(text) => Cell::Text(text.clone()),
        Field::Long(number) => Cell::Integer(*number),
        Field::Int(number) => Cell::Integer(i64::from(*number)),
        Field::Double(number) => Cell::Double(*number),
        Field::Bool(truth) => Cell::Boolean(*truth),
        Field::TimestampMicros(micros) => Cell::Timestamp(*micros),
        Field::MapInternal(map) => {
            Cell::Map(map.entries().iter().map(|(key, value)| (text(key).unwrap(), text(value))).collect())
        }
        Field::ListInternal(list) => match list.elements().first() {
            Some(Field::Double(_)) => Cell::Doubles(list.elements().iter().map(double).collect()),
            _ => Cell::Integers(list.elements().iter().map(integer).collect()),
        },
        other => panic!("{other:?} is of no kind that is written"),
    }
}

fn integer(field: &Field) -> i64 {
    let Field::Long(number) = field else { panic!("{field:?} is no INT64") };
    *number
}

fn double(field: &Field) -> f64 {
    let Field::Double(number) = field else { panic!("{field:?} is no DOUBLE") };
    *number
}

/// The rows as the reader has them: a map is never null, and of an empty list nothing says of what it is.
fn expected(rows: &[Vec<Cell>]) -> Vec<Vec<Cell>> {
    let map = testing::columns().iter().position(|column| column.kind == Kind::TextMap).unwrap();
    let mut rows = rows.to_vec();
    for row in &mut rows {
        for (column, cell) in row.iter_mut().enumerate() {
            match cell {
                Cell::Null if column == map => *cell = Cell::Map(vec![]),
                Cell::Doubles(list) if list.is_empty() => *cell = Cell::Integers(vec![]),
                _ => {}
            }
        }
    }
    rows
}

/// Rows in which every column has a value or none, by turns, over more than one batch and page.
fn many_rows(count: usize) -> Vec<Vec<Cell>> {
    let row = |index: usize| {
        let number = i64::try_from(index).unwrap();
        let cells = [
            Cell::Text(if index.is_multiple_of(2) { "text".into() } else { format!("text {index}") }),
            Cell::Integer(number),
            Cell::Integer(-number),
            Cell::Double(0.5 * f64::from(u32::try_from(index).unwrap())),
            Cell::Boolean(index.is_multiple_of(3)),
            Cell::Timestamp(number),
            Cell::Map(
                (0..index % 4)
                    .map(|key| (format!("key {key}"), (key > 0).then(|| index.to_string())))
                    .collect(),
            ),
            Cell::Integers((0..number % 5).collect()),
            Cell::Doubles(vec![0.25; index % 3]),
        ];
        let keep = |(column, cell): (usize, Cell)| match cell {
            Cell::Map(_) => cell,
            cell if !(index / (column + 1)).is_multiple_of(4) => cell,
            _ => Cell::Null,
        };
        cells.into_iter().enumerate().map(keep).collect()
    };
    (0..count).map(row).collect()
}

#[test]
fn the_schema_has_only_types_that_every_reader_knows() {
    let columns = testing::columns();
    let reader = reader(&file(&columns, ParquetCompression::Zstd(3), &[]));
    let mut schema = Vec::new();
    print_schema(&mut schema, reader.metadata().file_metadata().schema());
    let expected = "\
message schema {
  OPTIONAL BYTE_ARRAY text (STRING);
  OPTIONAL INT64 int64;
  OPTIONAL INT32 int32;
  OPTIONAL DOUBLE double;
  OPTIONAL BOOLEAN boolean;
  OPTIONAL INT64 timestamp (TIMESTAMP(MICROS,true));
  OPTIONAL group map (MAP) {
    REPEATED group key_value {
      REQUIRED BYTE_ARRAY key (STRING);
      OPTIONAL BYTE_ARRAY value (STRING);
    }
  }
  OPTIONAL group int64_list (LIST) {
    REPEATED group list {
      OPTIONAL INT64 element;
    }
  }
  OPTIONAL group double_list (LIST) {
    REPEATED group list {
      OPTIONAL DOUBLE element;
    }
  }
}
";
    assert_eq!(String::from_utf8(schema).unwrap(), expected);
    let converted: Vec<String> = reader
        .metadata()
        .file_metadata()
        .schema()
        .get_fields()
        .iter()
        .map(|field| field.get_basic_info().converted_type().to_string())
        .collect();
    assert_eq!(
        converted,
        ["UTF8", "NONE", "NONE", "NONE", "NONE", "TIMESTAMP_MICROS", "MAP", "LIST", "LIST"]
    );
}

#[test]
fn a_file_without_rows_has_a_schema_and_no_row_group() {
    let columns = testing::columns();
    let file = file(&columns, ParquetCompression::Gzip(6), &[Table::new(&columns)]);
    let reader = reader(&file);
    let metadata = reader.metadata();
    assert_eq!(metadata.num_row_groups(), 0);
    assert_eq!(metadata.file_metadata().num_rows(), 0);
    assert_eq!(metadata.file_metadata().key_value_metadata(), None);
    let created_by = concat!("forebay version ", env!("CARGO_PKG_VERSION"));
    assert_eq!(metadata.file_metadata().created_by(), Some(created_by));
}

#[test]
fn every_compression_holds_many_rows_in_several_row_groups() {
    let columns = testing::columns();
    let rows = many_rows(25_000);
    let (first, second) = rows.split_at(22_000);
    let tables = [testing::table(&columns, first), testing::table(&columns, second)];
    for compression in COMPRESSIONS {
        let file = file(&columns, compression, &tables);
        let reader = reader(&file);
        let groups = reader.metadata().row_groups();
        let counts: Vec<i64> = groups.iter().map(RowGroupMetaData::num_rows).collect();
        assert_eq!(counts, [22_000, 3_000]);
        for chunk in groups.iter().flat_map(RowGroupMetaData::columns) {
            let codec = codec(compression).unwrap();
            assert_eq!(std::mem::discriminant(&chunk.compression()), std::mem::discriminant(&codec));
        }
        assert!(read(&file) == expected(&rows), "{compression:?}");
    }
}

#[test]
fn the_same_tables_become_the_same_bytes() {
    let columns = testing::columns();
    let tables = [testing::table(&columns, &many_rows(3_000))];
    for compression in COMPRESSIONS {
        assert!(
            file(&columns, compression, &tables) == file(&columns, compression, &tables),
            "{compression:?}"
        );
    }
}

#[test]
fn readers_can_skip_row_groups_by_time_and_no_statistics_are_long() {
    let columns = testing::columns();
    let rows: Vec<_> = ["m", "z", ""]
        .map(|letter| {
            let mut row = vec![Cell::Null; columns.len()];
            if letter.is_empty() {
                return row;
            }
            row[0] = Cell::Text(letter.repeat(1000));
            row[5] = Cell::Timestamp(if letter == "m" { 17 } else { 4 });
            row[6] = Cell::Map(vec![("key".into(), None)]);
            row
        })
        .to_vec();
    let reader = reader(&file(&columns, ParquetCompression::None, &[testing::table(&columns, &rows)]));
    let statistics: BTreeMap<String, _> = reader
        .metadata()
        .row_group(0)
        .columns()
        .iter()
        .filter_map(|chunk| Some((chunk.column_path().string(), chunk.statistics()?.clone())))
        .collect();
    let time = &statistics["timestamp"];
    assert_eq!(time.min_bytes_opt(), Some(&4_i64.to_le_bytes()[..]));
    assert_eq!(time.max_bytes_opt(), Some(&17_i64.to_le_bytes()[..]));
    assert_eq!(statistics["text"].min_bytes_opt(), Some("m".repeat(bounds::TEXT_BYTES_MAX).as_bytes()));
    assert!(!statistics["text"].max_is_exact());
    assert!(statistics.values().all(|statistics| statistics.null_count_opt() >= Some(1)));
    assert_eq!(statistics["text"].null_count_opt(), Some(1));
    assert!(!statistics.keys().any(|path| path.contains('.')), "{:?}", statistics.keys());
    let chunk = reader.metadata().row_group(0).column(0);
    assert_eq!((chunk.column_index_offset(), chunk.offset_index_offset()), (None, None));
}

#[test]
fn keys_and_times_have_no_dictionary_and_all_encodings_are_old_ones() {
    let names = [("id", Kind::Text), ("time_unix_nano", Kind::Int64)];
    let unique = names.map(|(name, kind)| Column { name: name.to_owned(), kind });
    let columns = [testing::columns(), unique.to_vec()].concat();
    let rows = testing::table(&columns, &many_rows(3_000));
    let reader = reader(&file(&columns, ParquetCompression::Zstd(3), &[rows]));
    for chunk in reader.metadata().row_group(0).columns() {
        let path = chunk.column_path().string();
        let is_plain = ["id", "time_unix_nano", "timestamp", "boolean"].contains(&path.as_str());
        assert_eq!(chunk.dictionary_page_offset().is_none(), is_plain, "{path}");
        for encoding in chunk.encodings() {
            let is_old = matches!(encoding, Encoding::PLAIN | Encoding::RLE | Encoding::RLE_DICTIONARY);
            assert!(is_old, "{encoding} in {path}");
        }
        assert_eq!(chunk.statistics().is_some(), path != "id" && !path.contains('.'), "{path}");
    }
}

#[test]
fn a_table_of_other_columns_is_refused() {
    let columns = testing::columns();
    let mut other = columns.clone();
    other.swap(0, 1);
    for other in [&other[..], &columns[1..], &[]] {
        let mut row = Table::new(other);
        row.finish_row();
        let mut writer = ParquetWriter::new(&columns, ParquetCompression::None, Vec::new()).unwrap();
        let refused = writer.write_rows(&row);
        assert!(matches!(refused, Err(ParquetWriteError::OtherColumns)), "{refused:?}");
    }
}

#[test]
fn a_level_that_does_not_exist_is_refused() {
    for compression in [ParquetCompression::Gzip(10), ParquetCompression::Zstd(23)] {
        let refused = ParquetWriter::new(&testing::columns(), compression, Vec::new());
        assert!(matches!(refused.map(|_| ()), Err(ParquetWriteError::Encode(_))));
    }
}

/// A disk with room for so many bytes.
struct FullDisk(usize);

impl Write for FullDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fits = bytes.len().min(self.0);
        self.0 -= fits;
        if fits == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(fits) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_told_as_such_wherever_it_is_noticed() {
    let columns = testing::columns();
    let table = testing::table(&columns, &many_rows(5_000));
    let length = file(&columns, ParquetCompression::None, std::slice::from_ref(&table)).len();
    let write = |room: usize| {
        let mut writer = ParquetWriter::new(&columns, ParquetCompression::None, FullDisk(room))?;
        writer.write_rows(&table)?;
        writer.finish()
    };
    for room in [0, 1, length / 3, length / 2, length - 5_000, length - 1] {
        let Err(ParquetWriteError::Sink(error)) = write(room) else { panic!("room for {room} was enough") };
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
    assert_eq!(write(length).unwrap().0, 0);
}

proptest! {
    #[test]
    fn random_rows_are_read_back_as_they_were_written(
        first in testing::rows(), second in testing::rows(),
        compression in proptest::sample::select(COMPRESSIONS.to_vec()),
    ) {
        let columns = testing::columns();
        let tables = [testing::table(&columns, &first), testing::table(&columns, &second)];
        let read = read(&file(&columns, compression, &tables));
        // As text, in which zero has a sign.
        let expected = expected(&[first, second].concat());
        prop_assert_eq!(format!("{read:?}"), format!("{expected:?}"));
    }
}
