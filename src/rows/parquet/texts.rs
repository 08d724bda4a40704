//! Columns of texts, and the keys and values of maps.
//!
//! Beside its values a column has levels. The definition level of a value says how deep it is there: of a plain column 0
//! is null and 1 a value; of a map 0 is null, 1 empty, and what is above lies within an entry. The repetition level says
//! where a row begins: 0 for its first entry, 1 for the others.
//!
//! A page of data, before it is compressed; the levels are those that the column has:
//!
//! ```text
//! length, repetition levels | length, definition levels | texts, each behind its length       (plain)
//!                                                       | width of places, places             (dictionary)
//! ```

use std::ops::Range;

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::statistics::Statistics;
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor};

use super::bounds;
use super::chunk::Chunk;
use super::compressor::Compressor;
use super::dictionary::{Dictionary, LENGTH_BYTES};
use super::hybrid::{width_of, write_hybrid, write_run};
use crate::rows::table::Texts;

/// The definition level of a map that is empty.
const EMPTY: u8 = 1;

/// As many rows are in a page at most.
const PAGE_ROWS: usize = 20_000;

/// A page ends before its plain texts take more than this, in bytes, unless one row does.
const PAGE_BYTES: usize = 1 << 20;

/// Which rows have which texts.
#[derive(Clone, Copy)]
pub(super) enum Rows<'t> {
    /// Each has one or none.
    Single,
    /// Each has those of a map, up to the end that is given for each of them.
    Map(&'t [usize]),
}

/// A column in the schema that has values.
pub(super) struct Leaf {
    column: ColumnDescPtr,
    compression: Compression,
    /// It may have a dictionary, if that is smaller.
    has_dictionary: bool,
    has_statistics: bool,
}

impl Leaf {
    /// Those of a file, in their order.
    pub(super) fn all(schema: &SchemaDescriptor, properties: &WriterProperties) -> Vec<Self> {
        let leaf = |column: &ColumnDescPtr| Self {
            column: column.clone(),
            compression: properties.compression(column.path()),
            has_dictionary: properties.dictionary_enabled(column.path()),
            has_statistics: properties.statistics_enabled(column.path()) != EnabledStatistics::None,
        };
        schema.columns().iter().map(leaf).collect()
    }
}

/// Writes columns of texts. What it has is filled again for each of them.
pub(super) struct TextColumns {
    dictionary: Dictionary,
    page: Vec<u8>,
    repetition: Vec<u8>,
    definition: Vec<u8>,
}

/// A place in a column: so many rows, places of the texts and texts that are there lie before it.
#[derive(Clone, Copy, Default)]
struct Place {
    row: usize,
    entry: usize,
    text: usize,
}

impl TextColumns {
    pub(super) fn new() -> Self {
        let (page, repetition, definition) = (Vec::new(), Vec::new(), Vec::new());
        Self { dictionary: Dictionary::new(), page, repetition, definition }
    }

    /// The column of `texts`, which lie in `rows`.
    pub(super) fn write(
        &mut self,
        leaf: &Leaf,
        texts: &Texts,
        rows: Rows<'_>,
        compressor: &mut Compressor,
    ) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        let present = u8::try_from(leaf.column.max_def_level()).unwrap_or_default();
        let entries = if leaf.has_dictionary { self.dictionary.find(texts) } else { None };
        let mut chunk = Chunk::new(leaf.column.clone(), compressor);
        if let Some(entries) = &entries {
            self.page.clear();
            entries.texts.iter().for_each(|text| write_text(text, &mut self.page));
            chunk.write_dictionary(&self.page, entries.texts.len())?;
        }
        let width = entries.as_ref().map(|entries| width_of(entries.texts.len().saturating_sub(1)));
        let row_count = match rows {
            Rows::Single => texts.present.len(),
            Rows::Map(ends) => ends.len(),
        };
        let mut place = Place::default();
        while place.row < row_count {
            let next = next_page(texts, rows, row_count, place, width.is_some());
            self.page.clear();
            let levels = self.write_levels(texts, rows, present, place, next);
            let there = place.text..next.text;
            match width {
                Some(width) => {
                    self.page.push(width);
                    write_hybrid(&self.dictionary.places[there], width, &mut self.page);
                }
                None => write_plain(texts, there, &mut self.page),
            }
            chunk.write_data(&self.page, levels)?;
            place = next;
        }
        let statistics = leaf.has_statistics.then(|| {
            let nulls = (texts.present.len() - texts.ends.len()) as u64;
            match &entries {
                Some(entries) => bounds::statistics(entries.texts.iter().copied(), nulls),
                None => bounds::statistics(texts.iter().flatten(), nulls),
            }
        });
        chunk.finish(row_count, leaf.compression, statistics)
    }

    /// A column in which every row is null, and none of a map or list. What `statistics` says is of its type.
    pub(super) fn write_nulls(
        &mut self,
        leaf: &Leaf,
        rows: usize,
        statistics: Statistics,
        compressor: &mut Compressor,
    ) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        self.page.clear();
        prefixed(&mut self.page, |page| write_run(0, rows, 1, page));
        let mut chunk = Chunk::new(leaf.column.clone(), compressor);
        chunk.write_data(&self.page, rows)?;
        chunk.finish(rows, leaf.compression, leaf.has_statistics.then_some(statistics))
    }

    /// Writes the levels of the rows between two places. Returns how many there are.
    fn write_levels(&mut self, texts: &Texts, rows: Rows<'_>, present: u8, from: Place, to: Place) -> usize {
        let Self { page, repetition, definition, .. } = self;
        definition.clear();
        match rows {
            Rows::Single => {
                let there = &texts.present[from.entry..to.entry];
                if to.text == from.text || to.text - from.text == there.len() {
                    let level = u32::from(to.text > from.text);
                    prefixed(page, |page| write_run(level, there.len(), 1, page));
                    return there.len();
                }
                definition.extend(there.iter().map(|there| u8::from(*there)));
            }
            Rows::Map(ends) => {
                repetition.clear();
                push_levels(texts, &ends[from.row..to.row], from.entry, present, repetition, definition);
                prefixed(page, |page| write_hybrid(repetition, 1, page));
            }
        }
        prefixed(page, |page| write_hybrid(definition, width_of(present.into()), page));
        definition.len()
    }
}

/// Appends the levels of the rows of a map, whose entries begin at `start` and end at `ends`.
fn push_levels(
    texts: &Texts,
    ends: &[usize],
    mut start: usize,
    present: u8,
    repetition: &mut Vec<u8>,
    definition: &mut Vec<u8>,
) {
    let has_nulls = texts.present.len() > texts.ends.len();
    for end in ends {
        repetition.push(0);
        if start == *end {
            definition.push(EMPTY);
            continue;
        }
        repetition.resize(repetition.len() + end - start - 1, 1);
        let first = definition.len();
        definition.resize(first + end - start, present);
        if has_nulls {
            let levels = definition[first..].iter_mut().zip(&texts.present[start..*end]);
            levels.for_each(|(level, there)| *level -= u8::from(!there));
        }
        start = *end;
    }
}

/// Where the page ends that begins at `place`.
fn next_page(texts: &Texts, rows: Rows<'_>, row_count: usize, place: Place, is_dictionary: bool) -> Place {
    let full = behind(texts, rows, row_count.min(place.row + PAGE_ROWS), place);
    let fits = |end: Place| {
        is_dictionary
            || span(texts, place.text..end.text).len() + LENGTH_BYTES * (end.text - place.text) <= PAGE_BYTES
    };
    if fits(full) {
        return full;
    }
    let mut end = behind(texts, rows, place.row + 1, place);
    while end.row < full.row {
        let next = behind(texts, rows, end.row + 1, end);
        if !fits(next) {
            break;
        }
        end = next;
    }
    end
}

/// The place before the row `row`, which lies at `place` or behind it.
fn behind(texts: &Texts, rows: Rows<'_>, row: usize, place: Place) -> Place {
    let entry = match rows {
        Rows::Single => row,
        Rows::Map(ends) => row.checked_sub(1).map_or(0, |last| ends[last]),
    };
    let there = if texts.present.len() == texts.ends.len() {
        entry - place.entry
    } else {
        texts.present[place.entry..entry].iter().filter(|there| **there).count()
    };
    Place { row, entry, text: place.text + there }
}

/// Where some of the texts that are there lie.
fn span(texts: &Texts, range: Range<usize>) -> Range<usize> {
    let end_of = |count: usize| count.checked_sub(1).map_or(0, |last| texts.ends[last]);
    end_of(range.start)..end_of(range.end)
}

fn write_plain(texts: &Texts, range: Range<usize>, page: &mut Vec<u8>) {
    let bytes = span(texts, range.clone());
    page.reserve(bytes.len() + LENGTH_BYTES * range.len());
    let mut start = bytes.start;
    for end in &texts.ends[range] {
        write_text(&texts.bytes[start..*end], page);
        start = *end;
    }
}

/// Writes a text behind its length.
fn write_text(text: &str, page: &mut Vec<u8>) {
    // A request, and so every text in it, is far shorter than 4 GiB.
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    page.extend_from_slice(&length.to_le_bytes());
    page.extend_from_slice(text.as_bytes());
}

/// Writes something behind its length.
fn prefixed<T>(page: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let start = page.len();
    page.extend_from_slice(&[0; LENGTH_BYTES]);
    let written = write(page);
    let length = u32::try_from(page.len() - start - LENGTH_BYTES).unwrap_or(u32::MAX);
    page[start..start + LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lengths: &[Option<usize>]) -> Texts {
        let mut texts = Texts::default();
        for length in lengths {
            texts.present.push(length.is_some());
            if let Some(length) = length {
                texts.bytes.push_str(&"x".repeat(*length));
                texts.ends.push(texts.bytes.len());
            }
        }
        texts
    }

    /// The rows of each page.
    fn pages(texts: &Texts, rows: Rows<'_>, row_count: usize, is_dictionary: bool) -> Vec<usize> {
        let mut pages = Vec::new();
        let mut place = Place::default();
        while place.row < row_count {
            let next = next_page(texts, rows, row_count, place, is_dictionary);
            pages.push(next.row - place.row);
            place = next;
        }
        assert_eq!((place.entry, place.text), (texts.present.len(), texts.ends.len()));
        pages
    }

    #[test]
    fn a_page_ends_before_it_is_too_large_and_has_a_row_at_least() {
        const HALF: usize = PAGE_BYTES / 2 - LENGTH_BYTES;
        let single = texts(&[Some(HALF), None, Some(HALF), None, Some(1), Some(2 * PAGE_BYTES), Some(1)]);
        assert_eq!(pages(&single, Rows::Single, 7, false), [4, 1, 1, 1]);
        assert_eq!(pages(&single, Rows::Single, 7, true), [7]);
        let map = texts(&[Some(HALF), None, Some(HALF), Some(HALF), Some(1)]);
        assert_eq!(pages(&map, Rows::Map(&[0, 4, 4, 5]), 4, false), [1, 1, 2]);
        assert_eq!(
            pages(&texts(&vec![None; PAGE_ROWS + 1]), Rows::Single, PAGE_ROWS + 1, false),
            [PAGE_ROWS, 1]
        );
    }
}
