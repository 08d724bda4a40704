//! The reference of what becomes of each option, in Markdown, made of the tables by which configurations are read.

use std::fmt::Write as _;

use super::exporters::{self, awss3, googlecloudstorage};
use super::rules::{Fate, Rule};
use super::{extensions, processors, receivers, service};

/// The components that are understood, each with its tables.
const COMPONENTS: [(&str, &[&[Rule]]); 13] = [
    ("receivers: `otlp`, gRPC", &[receivers::GRPC_RULES]),
    ("receivers: `otlp`, HTTP", &[receivers::HTTP_RULES]),
    ("processors: `batch`", &[processors::BATCH_RULES]),
    ("processors: `memory_limiter`", &[processors::MEMORY_RULES]),
    ("exporters: `awss3`", &[awss3::RULES]),
    ("exporters: `googlecloudstorage`", &[googlecloudstorage::RULES]),
    ("exporters: `file`", &[exporters::file::RULES]),
    ("extensions: `health_check`", &[extensions::HEALTH_RULES]),
    ("extensions: `bearertokenauth`", &[extensions::BEARER_RULES]),
    ("extensions: `basicauth`", &[extensions::BASIC_RULES]),
    ("extensions: `file_storage`", &[extensions::STORAGE_RULES]),
    ("extensions: `otlp_encoding`", &[exporters::ENCODING]),
    ("service", &[service::RULES]),
];

/// The tables of the reference.
pub fn reference() -> String {
    let mut text = String::new();
    for (name, tables) in COMPONENTS {
        // Writing into a text does not fail.
        let _ = write!(text, "\n### {name}\n\n| option | | forebay |\n| --- | --- | --- |\n");
        for rule in tables.iter().flat_map(|table| table.iter()) {
            let (outcome, here) = told(rule.fate);
            let _ = writeln!(text, "| `{}` | {outcome} | {here} |", rule.key);
        }
    }
    text
}

/// What the reference says of an option.
fn told(fate: Fate) -> (&'static str, String) {
    let setting = |key: &str| {
        // Those of listeners and outputs may stand in a section of these as well.
        let is_of_listener =
            ["tls.", "auth.", "cors.", "connection."].iter().any(|part| key.starts_with(part));
        if is_of_listener { format!("`receive.{key}`") } else { format!("`{key}`") }
    };
    match fate {
        Fate::Same(key) => ("set", setting(key)),
        Fate::Span(key) => ("set", format!("{}, a span of time", setting(key))),
        Fate::SpanOrOff(key) => ("set", format!("{}, a span of time; none is `off`", setting(key))),
        Fate::Part(keys) => ("set", keys.to_owned()),
        Fate::NoMeaning(why) => ("no meaning", why.to_owned()),
        Fate::NotHonoured(why) => ("not honoured", why.to_owned()),
        Fate::Unsupported(why) => ("refused", why.to_owned()),
    }
}
