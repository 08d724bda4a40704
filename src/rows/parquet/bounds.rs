//! The least and the greatest text of a column, cut to a length that a footer can bear.

use parquet::data_type::ByteArray;
use parquet::file::statistics::{Statistics, ValueStatistics};

/// How many bytes of a text are kept as the least or greatest of its column.
pub(super) const TEXT_BYTES_MAX: usize = 32;

/// The statistics of a column of these texts, in any order, beside which there are so many nulls.
pub(super) fn statistics<'t>(texts: impl Iterator<Item = &'t str>, nulls: u64) -> Statistics {
    let bounds = texts.fold(None, |bounds: Option<(&str, &str)>, text| {
        Some(bounds.map_or((text, text), |(least, greatest)| (least.min(text), greatest.max(text))))
    });
    let (least, greatest) = bounds.map(|(least, greatest)| (cut(least), cut_above(greatest))).unzip();
    let bytes =
        |bound: &Option<(String, bool)>| bound.as_ref().map(|(text, _)| ByteArray::from(text.as_str()));
    let is_exact = |bound: &Option<(String, bool)>| bound.as_ref().is_some_and(|(_, is_exact)| *is_exact);
    let statistics = ValueStatistics::new(bytes(&least), bytes(&greatest), None, Some(nulls), false)
        .with_min_is_exact(is_exact(&least))
        .with_max_is_exact(is_exact(&greatest));
    Statistics::ByteArray(statistics)
}

/// A text that is not greater than this one, and whether it is this one.
fn cut(text: &str) -> (String, bool) {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    (text[..end].to_owned(), end == text.len())
}

/// A text that is not less than this one, and whether it is this one. Only if there is no short one it is long.
fn cut_above(text: &str) -> (String, bool) {
    let (mut short, is_exact) = cut(text);
    if is_exact {
        return (short, true);
    }
    while let Some(last) = short.pop() {
        // Behind the last letter of so many bytes there is none that keeps the text as short.
        let next = char::from_u32(u32::from(last) + 1).filter(|next| next.len_utf8() == last.len_utf8());
        if let Some(next) = next {
            short.push(next);
            return (short, false);
        }
    }
    (text.to_owned(), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_every_text_and_are_short() {
        let long = "\u{10ffff}".repeat(9);
        for (texts, least, greatest) in [
            (vec!["b", "a", "c"], ("a".to_owned(), true), ("c".to_owned(), true)),
            (vec![""], (String::new(), true), (String::new(), true)),
            (
                vec![&"m".repeat(33), &"m".repeat(32)],
                ("m".repeat(32), true),
                (format!("{}n", "m".repeat(31)), false),
            ),
            (
                vec![&format!("{}\u{7f}\u{20ac}", "x".repeat(30))],
                (format!("{}\u{7f}", "x".repeat(30)), false),
                (format!("{}y", "x".repeat(29)), false),
            ),
            // Nothing that is short lies above the last letter there is.
            (vec![&long], ("\u{10ffff}".repeat(8), false), (long.clone(), true)),
        ] {
            let Statistics::ByteArray(found) = statistics(texts.iter().copied(), 3) else {
                panic!("no texts")
            };
            let as_text = |bound: Option<&ByteArray>| bound.unwrap().as_utf8().unwrap().to_owned();
            assert_eq!((as_text(found.min_opt()), found.min_is_exact()), least);
            assert_eq!((as_text(found.max_opt()), found.max_is_exact()), greatest);
            assert_eq!(found.null_count_opt(), Some(3));
            for text in texts {
                assert!(*least.0 <= *text && *text <= *greatest.0);
            }
        }
    }

    #[test]
    fn a_column_without_texts_has_no_bounds() {
        let none = statistics(std::iter::empty(), 7);
        assert_eq!(
            (none.min_bytes_opt(), none.max_bytes_opt(), none.null_count_opt()),
            (None, None, Some(7))
        );
    }
}
