//! What the settings may say about labels: the user metadata and the tags of objects.

use std::collections::BTreeMap;

use crate::upload::destination::Destination;

/// Names and values of one's own metadata, together. S3 takes 2 KB in all, of which forebay's own take some 400 bytes.
const METADATA_BYTES: usize = 1024;
/// Tags that an object may have, on S3 and on Azure.
const TAGS_MOST: usize = 10;
/// Letters in the name of a tag, on S3 and on Azure.
const TAG_NAME_MOST: usize = 128;
/// Letters in the value of a tag, on S3 and on Azure.
const TAG_VALUE_MOST: usize = 256;

/// Checks `upload.metadata`.
///
/// # Errors
/// A sentence that names the setting, its value and what it must be.
pub(super) fn check_metadata(
    metadata: &BTreeMap<String, String>,
    destination: &Destination,
) -> Result<(), String> {
    if metadata.is_empty() {
        return Ok(());
    }
    if let Destination::Folder { .. } = destination {
        return Err(
            "upload.metadata is set and upload.to is a folder, whose files have none; leave it out".into()
        );
    }
    for (name, value) in metadata {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(allowed) {
            return Err(format!(
                "upload.metadata has the name `{name}`; it must be of a to z, 0 to 9 and -, and begin with a letter: \
                 every store takes such names"
            ));
        }
        if name.starts_with("forebay-") {
            return Err(format!(
                "upload.metadata has the name `{name}`; names that begin with forebay- are forebay's own"
            ));
        }
        if value.is_empty() || value.trim() != value || !value.chars().all(|c| matches!(c, ' '..='~')) {
            return Err(format!(
                "upload.metadata has `{name}` with the value `{value}`; it must be printable ASCII that neither begins \
                 nor ends with a space"
            ));
        }
    }
    let bytes: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > METADATA_BYTES {
        return Err(format!(
            "upload.metadata has names and values of {bytes} bytes; it must be {METADATA_BYTES} bytes at most, for S3 \
             takes no more"
        ));
    }
    Ok(())
}

/// Checks `upload.tags`.
///
/// # Errors
/// A sentence that names the setting, its value and what it must be.
pub(super) fn check_tags(tags: &BTreeMap<String, String>, destination: &Destination) -> Result<(), String> {
    if tags.is_empty() {
        return Ok(());
    }
    let punctuation = match destination {
        Destination::S3 { .. } => "+-=._:/@ ",
        Destination::Azure { .. } => "+-=._:/ ",
        Destination::Gcs { .. } => {
            return Err(
                "upload.tags is set and Google Cloud Storage knows no tags of objects; use upload.metadata"
                    .into(),
            );
        }
        Destination::Folder { .. } => {
            return Err(
                "upload.tags is set and upload.to is a folder, whose files have none; leave it out".into()
            );
        }
    };
    if tags.len() > TAGS_MOST {
        return Err(format!("upload.tags has {} tags; an object may have {TAGS_MOST} at most", tags.len()));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || punctuation.contains(c);
    for (name, value) in tags {
        let fits = (1..=TAG_NAME_MOST).contains(&name.len()) && value.len() <= TAG_VALUE_MOST;
        if !fits || !name.chars().chain(value.chars()).all(allowed) {
            return Err(format!(
                "upload.tags has `{name}` with the value `{value}`; they must be 1 to {TAG_NAME_MOST} and up to \
                 {TAG_VALUE_MOST} letters, digits, spaces or any of {}",
                punctuation.trim_end()
            ));
        }
        if name.to_ascii_lowercase().starts_with("aws:") {
            return Err(format!("upload.tags has `{name}`; names that begin with aws: are AWS's own"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(
        check: impl Fn(&BTreeMap<String, String>, &Destination) -> Result<(), String>,
        to: &str,
        entries: &[(&str, &str)],
    ) -> String {
        let entries =
            entries.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())).collect();
        check(&entries, &Destination::parse(to).unwrap()).err().unwrap_or_default()
    }

    #[test]
    fn metadata_that_some_store_would_not_take_is_refused() {
        for to in ["s3://b", "gs://b", "az://c"] {
            assert_eq!(
                refusal(check_metadata, to, &[("team", "the platform, mostly"), ("cost-center", "4")]),
                ""
            );
        }
        for (name, value, said) in [
            ("Team", "x", "the name `Team`"),
            ("2nd", "x", "begin with a letter"),
            ("under_score", "x", "the name `under_score`"),
            ("", "x", "the name ``"),
            ("forebay-writer", "x", "forebay's own"),
            ("team", "", "the value ``"),
            ("team", " x", "nor ends with a space"),
            ("team", "caf\u{e9}", "printable ASCII"),
            ("team", "x\r\nx-amz-acl: public-read", "printable ASCII"),
            ("team", &"x".repeat(1021), "1025 bytes"),
        ] {
            let refusal = refusal(check_metadata, "s3://b", &[(name, value)]);
            assert!(refusal.contains(said), "{name}: {refusal}");
        }
        assert!(refusal(check_metadata, "file://x", &[("team", "x")]).contains("is a folder"));
    }

    #[test]
    fn tags_that_the_store_would_not_take_are_refused() {
        assert_eq!(refusal(check_tags, "s3://b", &[("Team", "a b/c@d"), ("empty", "")]), "");
        assert_eq!(refusal(check_tags, "az://c", &[("Team", "a b/c")]), "");
        assert!(refusal(check_tags, "az://c", &[("Team", "a@b")]).contains("any of +-=._:/"));
        assert!(refusal(check_tags, "gs://b", &[("team", "x")]).contains("use upload.metadata"));
        assert!(refusal(check_tags, "file://x", &[("team", "x")]).contains("is a folder"));
        let long = "x".repeat(129);
        for (name, value) in
            [("", "x"), (long.as_str(), "x"), ("x", &"y".repeat(257)), ("a&b", "x"), ("x", "a,b")]
        {
            assert!(refusal(check_tags, "s3://b", &[(name, value)]).contains("they must be"), "{name}");
        }
        assert!(refusal(check_tags, "s3://b", &[("AWS:x", "y")]).contains("AWS's own"));
        let many: Vec<String> = (0..11).map(|number| format!("tag{number}")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "x")).collect();
        assert_eq!(refusal(check_tags, "s3://b", &many[..10]), "");
        assert!(refusal(check_tags, "s3://b", &many).contains("11 tags"));
    }
}
