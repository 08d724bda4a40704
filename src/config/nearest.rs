//! What somebody probably meant to write.

/// Likeness below which a guess would only mislead.
const ALIKE: f64 = 0.7;

/// How much a key counts that has the right name in another section.
const ELSEWHERE: f64 = 0.95;

/// The candidate that is most like `word`, if any is like it at all. Parts are divided by `separator`: the right name
/// in the wrong section is found as well as a misspelt one.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    separator: char,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (likeness(word, candidate, separator), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// From 0 (nothing in common) to 1 (the same).
fn likeness(word: &str, candidate: &str, separator: char) -> f64 {
    let whole = strsim::normalized_damerau_levenshtein(word, candidate);
    let name = |key: &str| key.rsplit(separator).next().unwrap_or_default().to_owned();
    let elsewhere = strsim::normalized_damerau_levenshtein(&name(word), &name(candidate));
    whole.max(elsewhere * ELSEWHERE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_and_misplaced_keys_find_their_setting() {
        let known =
            ["receive", "receive.grpc", "receive.max_request_bytes", "log.seal_after", "admin.listen"];
        for (word, meant) in [
            ("receive.max_request_byte", Some("receive.max_request_bytes")),
            ("recieve", Some("receive")),
            ("max_request_bytes", Some("receive.max_request_bytes")),
            ("objects.seal_after", Some("log.seal_after")),
            ("colour", None),
        ] {
            assert_eq!(nearest(word, known, '.'), meant, "{word}");
        }
    }
}
