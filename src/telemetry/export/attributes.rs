//! Attributes of OTLP, and what all that is exported has in common.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::telemetry::host_name;

/// An attribute.
pub(super) fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// An attribute of text.
pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

/// Who tells: this forebay, and whatever else the configuration says of it, which wins.
pub(super) fn resource(instance: &str, configured: &BTreeMap<String, String>) -> Resource {
    let own = [
        ("service.name", "forebay"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("service.instance.id", instance),
        ("host.name", &host_name()),
    ];
    let mut all: BTreeMap<_, _> = own.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    all.extend(configured.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let attributes = all.into_iter().map(|(key, value)| text(key, value)).collect();
    Resource { attributes, ..Resource::default() }
}

/// The scope of all of it.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "forebay".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resource_says_who_it_is_and_what_is_configured_wins() {
        let configured = BTreeMap::from(
            [("service.name", "edge"), ("deployment.environment.name", "test")]
                .map(|(k, v)| (k.to_owned(), v.to_owned())),
        );
        assert_eq!(
            resource("0badcafe", &configured).attributes,
            [
                text("deployment.environment.name", "test"),
                text("host.name", &host_name()),
                text("service.instance.id", "0badcafe"),
                text("service.name", "edge"),
                text("service.version", env!("CARGO_PKG_VERSION")),
            ]
        );
    }
}
