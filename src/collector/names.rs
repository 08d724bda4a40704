//! Names that forebay takes, made of those that a Collector takes.

use std::collections::BTreeSet;

/// The longest name.
const BYTES_MAX: usize = 32;

/// A name of lower-case letters, digits and `-` that begins with a letter.
pub(super) fn slug(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let slug: String = name.chars().map(letter).collect();
    let slug = slug.trim_matches('-');
    let slug = if slug.starts_with(|c: char| c.is_ascii_lowercase()) {
        slug.to_owned()
    } else {
        format!("o-{slug}")
    };
    slug.chars().take(BYTES_MAX).collect()
}

/// The name with a number behind it if it is taken; it is taken then.
pub(super) fn unique(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut unique = name.to_owned();
    let mut number = 2;
    while !taken.insert(unique.clone()) {
        let ending = format!("-{number}");
        unique = name.chars().take(BYTES_MAX - ending.len()).chain(ending.chars()).collect();
        number += 1;
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_collector_become_names_of_forebay() {
        for (name, is) in [
            ("archive", "archive"),
            ("awss3/Logs_2", "awss3-logs-2"),
            ("2", "o-2"),
            ("ä", "o-"),
            (&"x".repeat(40), &"x".repeat(32)),
        ] {
            assert_eq!(slug(name), is);
        }
        let mut taken = BTreeSet::new();
        let long = "x".repeat(32);
        let names = ["a", "a", "a", &long, &long].map(|name| unique(name, &mut taken));
        assert_eq!(names, ["a", "a-2", "a-3", &long, &format!("{}-2", "x".repeat(30))]);
    }
}
