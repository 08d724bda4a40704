//! The fields of templates whose values come with the data: `{tenant}` and `{resource.KEY}`.
//!
//! ```text
//! {tenant}  {resource.team}         the value, as one name
//! {resource.prefix|path}            the value as a path: its slashes make folders
//! {resource.prefix|path:-others/x}  what stands behind `:-` where there is no value
//! ```

use std::fmt::Write as _;

/// A field of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    source: Source,
    /// Whether the slashes of the value make folders.
    is_path: bool,
    /// What stands there where there is no value.
    default: Option<String>,
}

/// Where the value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Tenant,
    /// The attribute of the resource at this place among those of the template.
    Attribute(usize),
}

/// What comes with the data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values<'a> {
    /// The tenant; empty if there is none.
    pub(super) tenant: &'a str,
    /// The attributes of the resource for which the template asks, those that there are.
    pub(super) attributes: &'a [Option<String>],
}

impl Values<'_> {
    /// Nothing came.
    pub(super) const NONE: Values<'static> = Values { tenant: "", attributes: &[] };
}

/// The longest value in a key, in bytes; a longer one is cut, with a hash of the whole.
pub(super) const NAME_BYTES_MAX: usize = 64;
/// The longest path of one value in a key, in bytes; a longer one is cut, with a hash of the whole.
pub(super) const PATH_BYTES_MAX: usize = 256;
/// What a hash takes behind a value that was cut, with its `!`.
const HASH_BYTES: usize = 17;

/// What stands for a value that is not there, unless the template says something else.
const NO_VALUE: &str = "none";

impl Field {
    /// Reads what stands between `{` and `}`, and adds the attribute that it asks for to `attributes`. None if it is no
    /// field of this kind.
    pub(super) fn parse(text: &str, attributes: &mut Vec<String>) -> Option<Self> {
        let (named, default) =
            text.split_once(":-").map_or((text, None), |(named, default)| (named, Some(default.to_owned())));
        let (name, is_path) = named.strip_suffix("|path").map_or((named, false), |name| (name, true));
        let source = match name.strip_prefix("resource.") {
            None if name == "tenant" => Source::Tenant,
            Some(key) if !key.is_empty() && !key.contains('|') => {
                let known = attributes.iter().position(|known| known == key);
                Source::Attribute(known.unwrap_or_else(|| {
                    attributes.push(key.to_owned());
                    attributes.len() - 1
                }))
            }
            _ => return None,
        };
        Some(Self { source, is_path, default })
    }

    /// Whether the slashes of the value make folders.
    pub(super) fn is_path(&self) -> bool {
        self.is_path
    }

    /// The value as it came, or else what stands for it; none if nothing does.
    pub(super) fn plain<'a>(&'a self, values: Values<'a>) -> Option<&'a str> {
        self.value(values).or(self.default.as_deref()).filter(|value| !value.is_empty())
    }

    /// The value as a key can hold it: never the same for two values as long as none is cut, never that of a value that
    /// is not there unless the template says so, and never `taken` or a folder in it.
    pub(super) fn render(&self, values: Values<'_>, taken: &str) -> String {
        let value = self.value(values).unwrap_or_default();
        let mut rendered = if self.is_path { path(value) } else { name(value) };
        if rendered.is_empty() {
            return self.default.clone().unwrap_or_else(|| NO_VALUE.to_owned());
        }
        let is_taken =
            rendered.strip_prefix(taken).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let is_none = self.default.is_none() && rendered == NO_VALUE;
        if is_taken || is_none {
            let first = rendered.remove(0);
            rendered = format!("!{:02X}{rendered}", u32::from(first));
        }
        rendered
    }

    fn value<'a>(&self, values: Values<'a>) -> Option<&'a str> {
        let value = match self.source {
            Source::Tenant => Some(values.tenant),
            Source::Attribute(place) => values.attributes.get(place).and_then(Option::as_deref),
        };
        value.filter(|value| !value.is_empty())
    }
}

/// A value as one name.
fn name(value: &str) -> String {
    cut(escaped(value), NAME_BYTES_MAX, value)
}

/// A value as a path, cleaned as the OpenTelemetry Collector cleans it (Go's `path.Clean`), but that it never leads out of
/// the folder that it stands in.
fn path(value: &str) -> String {
    let mut folders = Vec::new();
    for folder in value.split('/') {
        match folder {
            "" | "." => {}
            ".." => {
                folders.pop();
            }
            folder => folders.push(folder),
        }
    }
    let folders: Vec<_> = folders.into_iter().map(name).collect();
    cut(folders.join("/"), PATH_BYTES_MAX, value)
}

/// A name in which what is not safe in keys is `!` and two hexadecimal digits.
fn escaped(value: &str) -> String {
    let mut escaped = String::new();
    for (place, byte) in value.bytes().enumerate() {
        let is_safe =
            byte.is_ascii_alphanumeric() || byte == b'-' || (place > 0 && (byte == b'.' || byte == b'_'));
        if is_safe {
            escaped.push(char::from(byte));
        } else {
            // Writing into a text cannot fail.
            let _ = write!(escaped, "!{byte:02X}");
        }
    }
    escaped
}

/// What `value` was rendered as, in `most` bytes: the rest becomes a hash of the whole.
fn cut(mut rendered: String, most: usize, value: &str) -> String {
    if rendered.len() > most {
        rendered.truncate(most - HASH_BYTES);
        let hash = blake3::hash(value.as_bytes()).to_hex();
        let _ = write!(rendered, "!{}", &hash[..HASH_BYTES - 1]);
    }
    rendered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(field: &str, value: Option<&str>) -> String {
        let field = Field::parse(field, &mut Vec::new()).unwrap();
        field.render(Values { tenant: "", attributes: &[value.map(str::to_owned)] }, "overflow")
    }

    #[test]
    fn a_field_asks_for_the_tenant_or_an_attribute_and_for_each_attribute_once() {
        let mut attributes = Vec::new();
        for right in ["tenant", "resource.a", "resource.b:-", "resource.a|path", "tenant|path:-x"] {
            assert!(Field::parse(right, &mut attributes).is_some(), "{right}");
        }
        assert_eq!(attributes, ["a", "b"]);
        for wrong in
            ["", "resource.", "resource.|path", "resource.a|folders", "tenants", "signal", "resource"]
        {
            assert_eq!(Field::parse(wrong, &mut attributes), None, "{wrong}");
        }
    }

    #[test]
    fn a_value_that_is_missing_or_empty_is_what_the_template_says() {
        for (field, value, expected) in [
            ("resource.a", None, "none"),
            ("resource.a", Some(""), "none"),
            ("resource.a", Some("none"), "!6Eone"),
            ("resource.a:-claude-code", None, "claude-code"),
            ("resource.a:-claude-code", Some(""), "claude-code"),
            ("resource.a:-claude-code", Some("claude-code"), "claude-code"),
            ("resource.a:-claude-code", Some("none"), "none"),
            ("resource.a:-", None, ""),
            ("resource.a:-x/y", None, "x/y"),
            ("resource.a|path:-x/y", Some("/./"), "x/y"),
            ("resource.a|path", Some("a/.."), "none"),
            ("resource.a:-a:-b", None, "a:-b"),
        ] {
            assert_eq!(render(field, value), expected, "{field} of {value:?}");
        }
    }

    #[test]
    fn a_path_makes_folders_and_never_leads_out() {
        for (value, expected) in [
            ("org/team/service", "org/team/service"),
            ("/a//b/./c/", "a/b/c"),
            ("a/../b", "b"),
            ("../../etc", "etc"),
            ("a/../../b/..", "none"),
            ("year=2026/_raw/.hidden/a b", "year!3D2026/!5Fraw/!2Ehidden/a!20b"),
            ("..a/...", "!2E.a/!2E.."),
            ("a\\..\\b", "a!5C..!5Cb"),
        ] {
            assert_eq!(render("resource.a|path", Some(value)), expected, "{value}");
        }
        assert_eq!(render("resource.a", Some("a/b")), "a!2Fb", "without it there is one name");
    }

    #[test]
    fn no_value_takes_the_place_of_the_overflow() {
        for (field, value, expected) in [
            ("resource.a", "overflow", "!6Fverflow"),
            ("resource.a:-x", "overflow", "!6Fverflow"),
            ("resource.a|path", "overflow", "!6Fverflow"),
            ("resource.a|path", "overflow/x", "!6Fverflow/x"),
            ("resource.a|path", "overflows/x", "overflows/x"),
            ("resource.a", "overflow2", "overflow2"),
        ] {
            assert_eq!(render(field, Some(value)), expected, "{value}");
        }
    }

    #[test]
    fn long_values_are_cut_and_stay_apart() {
        let long = |end: &str| "x".repeat(300) + end;
        let [one, other] = ["1", "2"].map(|end| render("resource.a", Some(&long(end))));
        assert_ne!(one, other);
        assert_eq!(one.len(), NAME_BYTES_MAX);
        let deep = |end: &str| ["folder"; 50].join("/") + end;
        let [one, other] = ["1", "2"].map(|end| render("resource.a|path", Some(&deep(end))));
        assert_ne!(one, other);
        assert_eq!(one.len(), PATH_BYTES_MAX);
    }
}
