//! An export request in parts, by attributes of its resources.

use bytes::Bytes;

use super::Signal;
use super::invalid::Invalid;
use super::schema;
use super::validate;
use super::wire::Reader;

/// What of a request has the same attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The value of each attribute that was asked for, if it is there and a text.
    pub values: Vec<Option<String>>,
    /// A request of its own: the resources with these values, byte for byte and in their order.
    pub body: Bytes,
    /// Log records, data points or spans in it.
    pub items: u32,
}

/// The number of the resource in `ResourceLogs` and its siblings, of attributes in a resource, and of key and value in an
/// attribute.
const RESOURCE: u32 = 1;
const ATTRIBUTES: u32 = 1;
const KEY: u32 = 1;
const VALUE: u32 = 2;
/// Members of `AnyValue` that can be written as a short text.
const STRING: u32 = 1;
const BOOL: u32 = 2;
const INT: u32 = 3;

/// Splits a request of `signal` by the attributes `keys` of its resources, in the order in which the values come up. Texts,
/// whole numbers and truth values count as values; of a repeated key the first does.
///
/// # Errors
///
/// When `body` is no such request, as [`validate`](super::validate()) says.
pub fn split_by_resource(signal: Signal, body: &Bytes, keys: &[String]) -> Result<Vec<Part>, Invalid> {
    let items = validate(signal, body)?;
    let mut parts: Vec<(Vec<Option<String>>, Vec<u8>)> = Vec::new();
    let mut reader = Reader::new(body);
    while !reader.is_empty() {
        let start = reader;
        let key = reader.key()?;
        if schema::request(signal).field(key.number).is_none() {
            // Nothing that a schema knows; it would not be in any object of rows either.
            reader.skip(key.wire_type)?;
            continue;
        }
        let values = values(reader.payload()?, keys)?;
        let element = &start.bytes()[..start.bytes().len() - reader.bytes().len()];
        match parts.iter_mut().find(|(of, _)| *of == values) {
            Some((_, body)) => body.extend_from_slice(element),
            None => parts.push((values, element.to_vec())),
        }
    }
    if let [(values, _)] = &mut parts[..] {
        return Ok(vec![Part { values: std::mem::take(values), body: body.clone(), items }]);
    }
    let part = |(values, body): (_, Vec<u8>)| {
        Ok(Part { values, items: validate(signal, &body)?, body: body.into() })
    };
    parts.into_iter().map(part).collect()
}

/// The values of the attributes `keys` of the resource in a `ResourceLogs` or one of its siblings.
fn values(sent: Reader<'_>, keys: &[String]) -> Result<Vec<Option<String>>, Invalid> {
    let mut values = vec![None; keys.len()];
    each(sent, RESOURCE, &mut |resource| {
        each(resource, ATTRIBUTES, &mut |attribute| {
            let mut name = None;
            each(attribute, KEY, &mut |key| {
                name = Some(key.bytes());
                Ok(())
            })?;
            let wanted = keys.iter().position(|key| Some(key.as_bytes()) == name);
            if let Some(place) = wanted.filter(|place| values[*place].is_none()) {
                each(attribute, VALUE, &mut |value| {
                    values[place] = text(value)?;
                    Ok(())
                })?;
            }
            Ok(())
        })
    })?;
    Ok(values)
}

/// Does something with every message, or text, in the field `number`.
fn each<'a>(
    mut message: Reader<'a>,
    number: u32,
    work: &mut dyn FnMut(Reader<'a>) -> Result<(), Invalid>,
) -> Result<(), Invalid> {
    while !message.is_empty() {
        let key = message.key()?;
        if key.number == number && key.wire_type == super::WireType::Length {
            work(message.payload()?)?;
        } else {
            message.skip(key.wire_type)?;
        }
    }
    Ok(())
}

/// An `AnyValue` as a short text, if it can be one; of several members the last counts.
fn text(mut value: Reader<'_>) -> Result<Option<String>, Invalid> {
    let mut text = None;
    while !value.is_empty() {
        let key = value.key()?;
        text = match key.number {
            STRING => Some(String::from_utf8_lossy(value.payload()?.bytes()).into_owned()),
            BOOL => Some((value.varint()? != 0).to_string()),
            INT => Some(value.varint()?.cast_signed().to_string()),
            _ => {
                value.skip(key.wire_type)?;
                None
            }
        };
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
    use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use prost::Message as _;

    use super::*;

    /// So many log records of a resource with these attributes.
    fn resource(attributes: &[(&str, Value)], records: usize) -> ResourceLogs {
        let attribute = |(key, value): &(&str, Value)| KeyValue {
            key: (*key).to_owned(),
            value: Some(AnyValue { value: Some(value.clone()) }),
            ..KeyValue::default()
        };
        let attributes = attributes.iter().map(attribute).collect();
        let log_records = vec![LogRecord::default(); records];
        ResourceLogs {
            resource: Some(Resource { attributes, ..Resource::default() }),
            scope_logs: vec![ScopeLogs { log_records, ..ScopeLogs::default() }],
            ..ResourceLogs::default()
        }
    }

    fn text(text: &str) -> Value {
        Value::StringValue(text.to_owned())
    }

    fn split(resources: &[ResourceLogs]) -> Vec<(Option<String>, u32, usize)> {
        let request = ExportLogsServiceRequest { resource_logs: resources.to_vec() };
        let parts =
            split_by_resource(Signal::Logs, &request.encode_to_vec().into(), &["team".to_owned()]).unwrap();
        let resources =
            |part: &Part| ExportLogsServiceRequest::decode(&part.body[..]).unwrap().resource_logs.len();
        parts.iter().map(|part| (part.values[0].clone(), part.items, resources(part))).collect()
    }

    #[test]
    fn resources_with_one_value_are_one_part() {
        let some = |text: &str| Some(text.to_owned());
        let red = || resource(&[("other", text("x")), ("team", text("red"))], 2);
        let blue = || resource(&[("team", text("blue")), ("team", text("red"))], 3);
        let number = || resource(&[("team", Value::IntValue(-7))], 1);
        let nobody = || resource(&[("team", Value::DoubleValue(0.5))], 1);
        assert_eq!(split(&[red(), red()]), [(some("red"), 4, 2)]);
        assert_eq!(
            split(&[red(), blue(), number(), nobody(), ResourceLogs::default(), red()]),
            [(some("red"), 4, 2), (some("blue"), 3, 1), (some("-7"), 1, 1), (None, 1, 2)]
        );
        assert_eq!(split(&[]), []);
    }

    #[test]
    fn a_request_with_one_value_stays_as_it_came() {
        let request = ExportLogsServiceRequest { resource_logs: vec![resource(&[], 1), resource(&[], 1)] };
        let body: Bytes = [&request.encode_to_vec()[..], &[0x78, 1]].concat().into();
        let parts = split_by_resource(Signal::Logs, &body, &["team".to_owned()]).unwrap();
        assert_eq!(parts, [Part { values: vec![None], body: body.clone(), items: 2 }]);
        assert!(split_by_resource(Signal::Logs, &body.slice(..body.len() - 3), &[]).is_err());
    }
}
