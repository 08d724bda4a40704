//! Settings as environment variables: `receive.max_request_bytes` is `FOREBAY_RECEIVE_MAX_REQUEST_BYTES`.

use std::collections::BTreeMap;

use super::nearest::nearest;
use super::schema::Schema;

/// What the names of forebay's variables begin with.
const PREFIX: &str = "FOREBAY_";

/// Names the configuration file.
pub const CONFIG_VARIABLE: &str = "FOREBAY_CONFIG";

/// Says how much of its own doings forebay logs, in the syntax of `tracing_subscriber`'s filters.
pub const LOG_VARIABLE: &str = "FOREBAY_LOG";

/// Says, if it is `true`, that what a Collector's configuration has and forebay cannot do is to be passed over.
pub const IGNORE_VARIABLE: &str = "FOREBAY_IGNORE_UNSUPPORTED";

/// Variables of ours that are no settings.
const OTHERS: [&str; 3] = [CONFIG_VARIABLE, LOG_VARIABLE, IGNORE_VARIABLE];

/// What Kubernetes and Docker set in every container beside a service named `forebay`.
const SERVICE_LINKS: [&str; 4] = ["FOREBAY_SERVICE_", "FOREBAY_PORT", "FOREBAY_NAME", "FOREBAY_ENV_"];

/// The variable that sets `key`.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace(['.', '-'], "_").to_uppercase())
}

/// A sentence for each variable that looks like one of ours and is none. They are only odd, for an environment is
/// shared with others.
pub(super) fn warnings(schema: &Schema, environment: &BTreeMap<String, String>) -> Vec<String> {
    let known: Vec<String> = schema.settings.iter().map(|key| variable(key)).collect();
    let candidates = || known.iter().map(String::as_str).chain(OTHERS);
    environment
        .keys()
        .filter(|name| name.starts_with(PREFIX))
        .filter(|name| !candidates().any(|known| known == name.as_str()))
        .filter(|name| !SERVICE_LINKS.iter().any(|link| name.starts_with(link)))
        .map(|name| match nearest(name, candidates(), '\0') {
            Some(meant) => {
                format!("the environment variable {name} is not a setting; did you mean {meant}?")
            }
            None => format!("the environment variable {name} is not a setting and has no effect"),
        })
        .collect()
}

/// The environment of this process, as far as it is UTF-8.
pub(super) fn of_process() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_variable_is_named_with_the_one_that_was_meant() {
        let schema = Schema { settings: vec!["log.seal_after".to_owned()], sections: vec!["log".to_owned()] };
        let environment =
            ["FOREBAY_LOG_SEAL_AFTR", "FOREBAY_LOG", "FOREBAY_PORT_4317_TCP", "PATH", "FOREBAY_XYZZY"]
                .map(|name| (name.to_owned(), "1".to_owned()));
        assert_eq!(
            warnings(&schema, &BTreeMap::from(environment)),
            [
                "the environment variable FOREBAY_LOG_SEAL_AFTR is not a setting; did you mean \
                 FOREBAY_LOG_SEAL_AFTER?",
                "the environment variable FOREBAY_XYZZY is not a setting and has no effect",
            ]
        );
    }
}
