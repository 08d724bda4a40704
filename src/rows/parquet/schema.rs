//! The schema of a Parquet file.
//!
//! Maps and lists have the three levels that the format's documents ask for
//! (<https://github.com/apache/parquet-format/blob/master/LogicalTypes.md>). Beside each logical type the crate writes
//! the converted type that it replaced, for readers that know no other.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::{ColumnPath, Type, TypePtr};

use crate::rows::layout::{Column, Kind};

/// The schema of a file with these columns.
pub(super) fn schema(columns: &[Column]) -> Result<Type, ParquetError> {
    let fields = columns.iter().map(field).collect::<Result<_, _>>()?;
    Type::group_type_builder("schema").with_fields(fields).build()
}

/// The columns within a map or list: readers skip nothing by their order.
pub(super) fn leaves_without_order(column: &Column) -> Vec<ColumnPath> {
    let leaves: &[[&str; 2]] = match column.kind {
        Kind::TextMap => &[["key_value", "key"], ["key_value", "value"]],
        Kind::Int64List | Kind::DoubleList => &[["list", "element"]],
        _ => &[],
    };
    let path = |[group, leaf]: &[&str; 2]| {
        ColumnPath::new(vec![column.name.clone(), (*group).to_owned(), (*leaf).to_owned()])
    };
    leaves.iter().map(path).collect()
}

fn field(column: &Column) -> Result<TypePtr, ParquetError> {
    let name = column.name.as_str();
    match column.kind {
        Kind::Text => text(name, Repetition::OPTIONAL),
        Kind::Int64 => number(name, Physical::INT64),
        Kind::Int32 => number(name, Physical::INT32),
        Kind::Double => number(name, Physical::DOUBLE),
        Kind::Boolean => number(name, Physical::BOOLEAN),
        Kind::Timestamp => timestamp(name),
        Kind::TextMap => {
            let entry = vec![text("key", Repetition::REQUIRED)?, text("value", Repetition::OPTIONAL)?];
            nested(name, LogicalType::Map, repeated("key_value", entry)?)
        }
        Kind::Int64List => list(name, Physical::INT64),
        Kind::DoubleList => list(name, Physical::DOUBLE),
    }
}

fn text(name: &str, repetition: Repetition) -> Result<TypePtr, ParquetError> {
    let text = Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
        .with_repetition(repetition)
        .with_logical_type(Some(LogicalType::String));
    Ok(Arc::new(text.build()?))
}

fn number(name: &str, physical: Physical) -> Result<TypePtr, ParquetError> {
    let number = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
    Ok(Arc::new(number.build()?))
}

fn timestamp(name: &str) -> Result<TypePtr, ParquetError> {
    let logical = LogicalType::timestamp(true, TimeUnit::MICROS);
    let timestamp = Type::primitive_type_builder(name, Physical::INT64)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(Some(logical));
    Ok(Arc::new(timestamp.build()?))
}

fn list(name: &str, physical: Physical) -> Result<TypePtr, ParquetError> {
    let elements = repeated("list", vec![number("element", physical)?])?;
    nested(name, LogicalType::List, elements)
}

fn repeated(name: &str, fields: Vec<TypePtr>) -> Result<TypePtr, ParquetError> {
    let group = Type::group_type_builder(name).with_repetition(Repetition::REPEATED).with_fields(fields);
    Ok(Arc::new(group.build()?))
}

fn nested(name: &str, logical: LogicalType, entries: TypePtr) -> Result<TypePtr, ParquetError> {
    let group = Type::group_type_builder(name)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(Some(logical))
        .with_fields(vec![entries]);
    Ok(Arc::new(group.build()?))
}
