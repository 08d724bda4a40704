//! Templates of keys, taken apart.

use super::field::Field;

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Text that stands for itself.
    Text(String),
    /// One conversion of strftime, such as `%Y`.
    Time(String),
    Signal,
    Writer,
    Output,
    /// The field at this place among those of the template.
    Field(usize),
    Unique,
}

/// What a template asks of the data.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The fields whose values come with the data.
    pub(super) fields: Vec<Field>,
    /// The keys of the resource's attributes that they need.
    pub(super) attributes: Vec<String>,
}

/// Splits a template into its parts, and notes what it asks for.
///
/// # Errors
/// The half of a sentence that follows the setting and its value.
pub(super) fn split(template: &str, asked: &mut Asked) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        let (part, length) = match first {
            '{' => {
                let length = rest.find('}').map_or(rest.len(), |end| end + 1);
                (placeholder(&rest[..length], asked)?, length)
            }
            '%' => {
                let length = rest[1..].find(|c: char| c.is_ascii_alphabetic() || c == '%');
                let length = length.map_or(rest.len(), |end| end + 2);
                (Part::Time(rest[..length].into()), length)
            }
            _ => {
                let length = rest.find(['{', '%']).unwrap_or(rest.len());
                (Part::Text(rest[..length].into()), length)
            }
        };
        parts.push(part);
        rest = &rest[length..];
    }
    Ok(parts)
}

fn placeholder(text: &str, asked: &mut Asked) -> Result<Part, String> {
    match text {
        "{signal}" => Ok(Part::Signal),
        "{unique}" => Ok(Part::Unique),
        "{writer}" => Ok(Part::Writer),
        "{output}" => Ok(Part::Output),
        _ => {
            let inside = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
            let field = inside.and_then(|inside| Field::parse(inside, &mut asked.attributes));
            let field = field.ok_or_else(|| {
                format!(
                    "`{text}` is none of `{{signal}}`, `{{unique}}`, `{{writer}}`, `{{output}}`, `{{tenant}}` and \
                     `{{resource.KEY}}`, the latter two with or without `|path` and `:-DEFAULT`"
                )
            })?;
            asked.fields.push(field);
            Ok(Part::Field(asked.fields.len() - 1))
        }
    }
}
