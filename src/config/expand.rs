//! `${env:NAME}` and `${file:PATH}` in the values of a file.

use std::collections::BTreeMap;

/// A piece of a value.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// What stands between `${` and `}`, which may hold further ones.
    Reference(Vec<Piece>),
}

/// Replaces `${env:NAME}` and `${env:NAME:-default}` in `text` by what the environment says, and `${file:PATH}` by what a
/// file holds, without a line break at its end; `$$` stands for one `$`. A variable that is set to nothing counts as not
/// set where there is a default, as in a shell. A path is seen from the current folder.
///
/// # Errors
/// A sentence that names the variable that is not set, the file that cannot be read, or what is written wrong.
pub(crate) fn expand(text: &str, environment: &BTreeMap<String, String>) -> Result<String, String> {
    evaluate(&parse(text)?, environment)
}

/// A value of a Collector's file as forebay would write it: `${NAME}` is `${env:NAME}`, and a variable that is not set is
/// empty. The names of those are returned too.
///
/// # Errors
/// As [`expand`], for what is written wrong.
pub(crate) fn from_collector(
    text: &str,
    environment: &BTreeMap<String, String>,
) -> Result<(String, Vec<String>), String> {
    let mut unset = Vec::new();
    let mut pieces = parse(text)?;
    for piece in &mut pieces {
        adapt(piece, environment, &mut unset);
    }
    let mut written = String::with_capacity(text.len());
    for piece in &pieces {
        write(piece, &mut written);
    }
    Ok((written, unset))
}

/// Takes a value apart.
fn parse(text: &str) -> Result<Vec<Piece>, String> {
    // The references that are open, each with its pieces, under them those of the value.
    let mut open: Vec<Vec<Piece>> = vec![Vec::new()];
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let mut length = letter.len_utf8();
        let is_inside = open.len() > 1;
        if rest.starts_with("$$") {
            add_text(&mut open, "$");
            length = 2;
        } else if rest.starts_with("${") {
            open.push(Vec::new());
            length = 2;
        } else if letter == '}' && is_inside {
            let inside = open.pop().unwrap_or_default();
            if let Some(around) = open.last_mut() {
                around.push(Piece::Reference(inside));
            }
        } else {
            add_text(&mut open, &rest[..length]);
        }
        rest = &rest[length..];
    }
    match (open.pop(), open.is_empty()) {
        (Some(pieces), true) => Ok(pieces),
        // What stands there may be a secret.
        _ => Err("it has `${` without `}`; write `$$` for a single dollar sign".to_owned()),
    }
}

fn add_text(open: &mut [Vec<Piece>], more: &str) {
    let Some(pieces) = open.last_mut() else { return };
    match pieces.last_mut() {
        Some(Piece::Text(text)) => text.push_str(more),
        _ => pieces.push(Piece::Text(more.to_owned())),
    }
}

fn evaluate(pieces: &[Piece], environment: &BTreeMap<String, String>) -> Result<String, String> {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(more) => text.push_str(more),
            Piece::Reference(inside) => text.push_str(&value_of(inside, environment)?),
        }
    }
    Ok(text)
}

/// The value of what stands between the braces.
fn value_of(inside: &[Piece], environment: &BTreeMap<String, String>) -> Result<String, String> {
    // A default is looked at only if it is needed.
    if let Some((Piece::Text(first), more)) = inside.split_first()
        && let Some((name, default)) = first.strip_prefix("env:").and_then(|first| first.split_once(":-"))
    {
        return match environment.get(name) {
            Some(value) if !value.is_empty() => Ok(value.clone()),
            _ => Ok(format!("{default}{}", evaluate(more, environment)?)),
        };
    }
    let inside = evaluate(inside, environment)?;
    if let Some(name) = inside.strip_prefix("env:") {
        return environment.get(name).cloned().ok_or_else(|| {
            format!("the environment variable {name} is not set; set it, or write `${{env:{name}:-default}}`")
        });
    }
    if let Some(path) = inside.strip_prefix("file:") {
        let content =
            std::fs::read_to_string(path).map_err(|error| format!("cannot read the file {path}: {error}"))?;
        let content = content.strip_suffix('\n').unwrap_or(&content);
        return Ok(content.strip_suffix('\r').unwrap_or(content).to_owned());
    }
    // What no variable is called may be a part of a secret.
    if !inside.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_') {
        return Err(
            "it has `${...}`, which is nothing known; write `${env:NAME}` for an environment variable, \
                    `${file:PATH}` for what a file holds, `$$` for a single dollar sign"
                .to_owned(),
        );
    }
    Err(format!(
        "`${{{inside}}}` is nothing known; write `${{env:{inside}}}` for the environment variable, `${{file:PATH}}` for \
         what a file holds, `$$` for a single dollar sign"
    ))
}

/// Rewrites a reference as forebay knows it.
fn adapt(piece: &mut Piece, environment: &BTreeMap<String, String>, unset: &mut Vec<String>) {
    let Piece::Reference(inside) = piece else { return };
    for piece in &mut *inside {
        adapt(piece, environment, unset);
    }
    let is_alone = inside.len() == 1;
    if let Some(Piece::Text(first)) = inside.first_mut() {
        // A name alone, also with a default behind it.
        if !first.split(":-").next().unwrap_or_default().contains(':') {
            first.insert_str(0, "env:");
        }
        if let Some(name) = first.strip_prefix("env:").filter(|name| is_alone && !name.contains(":-"))
            && !environment.contains_key(name)
        {
            unset.push(name.to_owned());
            first.push_str(":-");
        }
    }
}

/// Writes a piece as it stands in a file.
fn write(piece: &Piece, written: &mut String) {
    match piece {
        Piece::Text(text) => written.push_str(&text.replace('$', "$$")),
        Piece::Reference(inside) => {
            written.push_str("${");
            for piece in inside {
                write(piece, written);
            }
            written.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> BTreeMap<String, String> {
        BTreeMap::from([("BUCKET".to_owned(), "b".to_owned()), ("EMPTY".to_owned(), String::new())])
    }

    #[test]
    fn variables_are_replaced_and_what_is_not_set_is_named() {
        for (text, expanded) in [
            ("s3://${env:BUCKET}/x", Ok("s3://b/x")),
            ("${env:NONE:-b}${env:BUCKET:-c}", Ok("bb")),
            ("${env:EMPTY}${env:EMPTY:-d}", Ok("d")),
            ("${env:NONE:-}", Ok("")),
            ("${env:NONE:-${env:BUCKET}-x}", Ok("b-x")),
            ("${env:BUCKET:-${env:NONE}}", Ok("b")),
            ("a$$b $c $ {d} }", Ok("a$b $c $ {d} }")),
            ("$${env:BUCKET}", Ok("${env:BUCKET}")),
            ("${env:NONE}", Err("variable NONE is not set")),
            ("${BUCKET}", Err("write `${env:BUCKET}`")),
            ("hunter2${env:BUCKET", Err("without `}`")),
            ("hunter2${x}", Err("it has `${...}`, which is nothing known")),
            ("${file:/nowhere/x}", Err("cannot read the file /nowhere/x: No such file")),
        ] {
            match (expand(text, &environment()), expanded) {
                (Ok(is), Ok(want)) => assert_eq!(is, want, "{text}"),
                (Err(is), Err(want)) => {
                    assert!(is.contains(want) && !is.contains("hunter2"), "{text}: {is}");
                }
                (is, want) => panic!("{text}: {is:?} instead of {want:?}"),
            }
        }
    }

    #[test]
    fn a_file_stands_for_what_it_holds_without_the_last_line_break() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        for (content, value) in
            [("secret\n", "secret"), ("a\n\n", "a\n"), ("a\r\n", "a"), ("${env:X}", "${env:X}")]
        {
            std::fs::write(&path, content).unwrap();
            let text = format!("<${{file:{}}}>", path.display());
            assert_eq!(expand(&text, &environment()), Ok(format!("<{value}>")));
        }
    }

    #[test]
    fn what_a_collector_writes_means_the_same_here() {
        for (text, written, unset) in [
            ("${BUCKET}/x", "${env:BUCKET}/x", &[][..]),
            ("${env:BUCKET}", "${env:BUCKET}", &[]),
            ("${env:NONE}-${NONE2}", "${env:NONE:-}-${env:NONE2:-}", &["NONE", "NONE2"]),
            ("${NONE:-x}", "${env:NONE:-x}", &[]),
            ("${env:NONE:-${BUCKET}}", "${env:NONE:-${env:BUCKET}}", &[]),
            ("${file:/a}$$b$c", "${file:/a}$$b$$c", &[]),
        ] {
            let (is, names) = from_collector(text, &environment()).unwrap();
            assert_eq!(
                (is.as_str(), names.as_slice()),
                (written, unset.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>().as_slice())
            );
        }
    }
}
