//! The name of the bucket that an object goes into, where the data decides it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::field::{Field, Values};
use super::options::Options;

/// A template of bucket names that was found to be good.
#[derive(Debug)]
pub(super) struct BucketTemplate {
    parts: Vec<Part>,
    /// The names that are allowed; any if there is none.
    allowed: BTreeSet<String>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Field(Field),
}

/// Why an object goes into the bucket of `upload.to` although a template names buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Misrouted {
    /// A value that the template needs is not there.
    Missing,
    /// What came out is no name of a bucket.
    Invalid,
    /// `objects.buckets` does not have it.
    NotAllowed,
}

impl Misrouted {
    /// The value of the metric label `reason`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Invalid => "invalid",
            Self::NotAllowed => "not_allowed",
        }
    }
}

impl BucketTemplate {
    /// Reads the template of `options`, and adds the attributes that it asks for to `attributes`; none if there is no
    /// template.
    ///
    /// # Errors
    /// A sentence that names the setting, its value and what it must be.
    pub(super) fn parse(options: &Options, attributes: &mut Vec<String>) -> Result<Option<Self>, String> {
        if let Some(wrong) = options.buckets.iter().find(|name| !is_bucket_name(name)) {
            return Err(format!("objects.buckets has `{wrong}`; {RULE}"));
        }
        if options.bucket.is_empty() {
            return Ok(None);
        }
        let refuse = |fault: String| format!("objects.bucket is `{}`; {fault}", options.bucket);
        let parts = split(&options.bucket, attributes).map_err(refuse)?;
        let template = Self { parts, allowed: options.buckets.iter().cloned().collect() };
        template.check().map_err(refuse)?;
        Ok(Some(template))
    }

    /// The name of the bucket for data with these values.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn name(&self, values: Values<'_>) -> Result<Arc<str>, Misrouted> {
        let mut name = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Field(field) => name.push_str(field.plain(values).ok_or(Misrouted::Missing)?),
            }
        }
        if !is_bucket_name(&name) {
            return Err(Misrouted::Invalid);
        }
        if !self.allowed.is_empty() && !self.allowed.contains(&name) {
            return Err(Misrouted::NotAllowed);
        }
        Ok(name.into())
    }

    fn check(&self) -> Result<(), String> {
        let text = |part: &Part| match part {
            Part::Text(text) => Some(text.clone()),
            Part::Field(_) => None,
        };
        let texts: Vec<String> = self.parts.iter().filter_map(text).collect();
        if let Some(c) = texts.iter().flat_map(|text| text.chars()).find(|c| !is_allowed(*c)) {
            return Err(format!("`{}` is in no name of a bucket: {RULE}", c.escape_default()));
        }
        if texts.len() < self.parts.len() {
            return Ok(());
        }
        match self.name(Values::NONE) {
            Ok(_) => Ok(()),
            Err(Misrouted::NotAllowed) => Err("objects.buckets does not have it: add it there".into()),
            Err(_) => Err(RULE.into()),
        }
    }
}

const RULE: &str = "the name of a bucket is 3 to 63 lower-case letters, digits, `-` and `.`, with a letter or a digit at \
                    both ends, and no address of a machine";

/// Splits a template into its parts.
fn split(template: &str, attributes: &mut Vec<String>) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let length = match rest.strip_prefix('{') {
            Some(inside) => inside.find('}').map_or(rest.len(), |end| end + 2),
            None => rest.find('{').unwrap_or(rest.len()),
        };
        let (part, after) = rest.split_at(length);
        let field = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        let field =
            field.and_then(|inside| Field::parse(inside, attributes)).filter(|field| !field.is_path());
        parts.push(match field {
            Some(field) => Part::Field(field),
            None if part.starts_with('{') => {
                return Err(format!(
                    "`{part}` is none of `{{tenant}}` and `{{resource.KEY}}`, with or without `:-` and what stands there \
                     where there is no value"
                ));
            }
            None => Part::Text(part.to_owned()),
        });
        rest = after;
    }
    Ok(parts)
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.'
}

/// Whether S3 and Google Cloud Storage take a name for a bucket, by
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html> and
/// <https://cloud.google.com/storage/docs/buckets#naming>. (Azure takes no dots either, and no two hyphens in a row.)
fn is_bucket_name(name: &str) -> bool {
    const RESERVED_BEGINNINGS: [&str; 4] = ["xn--", "sthree-", "amzn-s3-demo-", "goog"];
    const RESERVED_ENDS: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];
    let labels = || name.split('.');
    let is_label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    (3..=63).contains(&name.len())
        && name.chars().all(is_allowed)
        && labels().all(is_label)
        && !(labels().count() == 4 && labels().all(|label| label.chars().all(|c| c.is_ascii_digit())))
        && !RESERVED_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        && !RESERVED_ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bucket: &str, buckets: &[&str]) -> Result<Option<BucketTemplate>, String> {
        let buckets = buckets.iter().map(|name| (*name).to_owned()).collect();
        BucketTemplate::parse(
            &Options { bucket: bucket.into(), buckets, ..Options::default() },
            &mut Vec::new(),
        )
    }

    #[test]
    fn the_values_decide_the_bucket_and_what_is_none_is_the_main_one() {
        let name = |template: &str, buckets: &[&str], tenant, attribute: Option<&str>| {
            let attributes = [attribute.map(str::to_owned)];
            let template = parse(template, buckets).unwrap().unwrap();
            template.name(Values { tenant, attributes: &attributes }).map(|name| name.to_string())
        };
        let attribute = "{resource.com.awss3.bucket}";
        assert_eq!(name(attribute, &[], "", Some("team-a.logs")), Ok("team-a.logs".into()));
        assert_eq!(name(attribute, &[], "", None), Err(Misrouted::Missing));
        assert_eq!(name(attribute, &[], "", Some("")), Err(Misrouted::Missing));
        for wrong in
            ["Team-A", "a/b", "../x", "x", "a..b", "-ab", "ab.", "10.0.0.1", "sthree-x", "ä-bucket", "a b"]
        {
            assert_eq!(name(attribute, &[], "", Some(wrong)), Err(Misrouted::Invalid), "{wrong}");
        }
        assert_eq!(name(attribute, &[], "", Some(&"x".repeat(64))), Err(Misrouted::Invalid));
        assert_eq!(name("lake-{tenant}", &[], "acme", None), Ok("lake-acme".into()));
        assert_eq!(name("lake-{tenant}", &["lake-acme"], "acme", None), Ok("lake-acme".into()));
        assert_eq!(name("lake-{tenant}", &["lake-acme"], "evil", None), Err(Misrouted::NotAllowed));
        assert_eq!(name("lake-{tenant:-others}", &[], "", None), Ok("lake-others".into()));
        assert_eq!(name("lake", &[], "acme", None), Ok("lake".into()));
    }

    #[test]
    fn a_template_that_can_never_name_a_bucket_is_refused() {
        assert!(parse("", &["lake"]).unwrap().is_none());
        for (bucket, buckets, message) in [
            ("Lake", &[][..], "objects.bucket is `Lake`; `L` is in no name of a bucket"),
            ("{tenant}_x", &[], "objects.bucket is `{tenant}_x`; `_` is in no name"),
            ("x", &[], "objects.bucket is `x`; the name of a bucket is 3 to 63"),
            ("{signal}", &[], "`{signal}` is none of `{tenant}` and `{resource.KEY}`"),
            ("{tenant|path}", &[], "`{tenant|path}` is none of"),
            ("{tenant", &[], "`{tenant` is none of"),
            ("lake", &["other"], "objects.buckets does not have it"),
            ("", &["UPPER"], "objects.buckets has `UPPER`; the name of a bucket is"),
        ] {
            let error = parse(bucket, buckets).unwrap_err();
            assert!(error.contains(message), "{bucket}: {error}");
        }
    }
}
