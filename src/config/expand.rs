//! `${env:NAME}` in the values of a file.

use std::collections::BTreeMap;

/// Replaces `${env:NAME}` and `${env:NAME:-default}` in `text` by what the environment says; `$$` stands for one `$`.
/// A variable that is set to nothing counts as not set where there is a default, as in a shell.
///
/// # Errors
/// A sentence that names the variable that is not set, or what is written wrong.
pub(super) fn expand(text: &str, environment: &BTreeMap<String, String>) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        expanded.push_str(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let Some((inside, after)) = after.split_once('}') else {
                // What stands there may be a secret.
                return Err("it has `${` without `}`; write `$$` for a single dollar sign".to_owned());
            };
            expanded.push_str(value_of(inside, environment)?);
            rest = after;
        } else {
            expanded.push('$');
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// The value of what stands between the braces.
fn value_of<'a>(inside: &'a str, environment: &'a BTreeMap<String, String>) -> Result<&'a str, String> {
    let Some(variable) = inside.strip_prefix("env:") else {
        // What no variable is called may be a part of a secret.
        if !inside
            .chars()
            .all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_')
        {
            return Err(
                "it has `${...}`, which is nothing known; write `${env:NAME}` for an environment variable, `$$` for a \
                 single dollar sign"
                    .to_owned(),
            );
        }
        return Err(format!(
            "`${{{inside}}}` is nothing known; write `${{env:{inside}}}` for the environment variable, `$$` for a \
             single dollar sign"
        ));
    };
    let (name, default) = match variable.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (variable, None),
    };
    match (environment.get(name), default) {
        (Some(value), None) => Ok(value),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default),
        (None, None) => Err(format!(
            "the environment variable {name} is not set; set it, or write `${{env:{name}:-default}}`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_and_what_is_not_set_is_named() {
        let environment =
            BTreeMap::from([("BUCKET".to_owned(), "b".to_owned()), ("EMPTY".to_owned(), String::new())]);
        for (text, expanded) in [
            ("s3://${env:BUCKET}/x", Ok("s3://b/x")),
            ("${env:NONE:-b}${env:BUCKET:-c}", Ok("bb")),
            ("${env:EMPTY}${env:EMPTY:-d}", Ok("d")),
            ("${env:NONE:-}", Ok("")),
            ("a$$b $c $", Ok("a$b $c $")),
            ("$${env:BUCKET}", Ok("${env:BUCKET}")),
            ("${env:NONE}", Err("variable NONE is not set")),
            ("${BUCKET}", Err("write `${env:BUCKET}`")),
            ("hunter2${env:BUCKET", Err("without `}`")),
            ("hunter2${x}", Err("it has `${...}`, which is nothing known")),
        ] {
            match (expand(text, &environment), expanded) {
                (Ok(is), Ok(want)) => assert_eq!(is, want, "{text}"),
                (Err(is), Err(want)) => {
                    assert!(is.contains(want) && !is.contains("hunter2"), "{text}: {is}");
                }
                (is, want) => panic!("{text}: {is:?} instead of {want:?}"),
            }
        }
    }
}
