//! Requests are split as they should be.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::profiles::v1development::{
    Profile, ProfilesDictionary, ResourceProfiles, ScopeProfiles,
};
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
    let resources = |part: &Part| ExportLogsServiceRequest::decode(part.body()).unwrap().resource_logs.len();
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
    let [part] = &parts[..] else { panic!("{parts:?}") };
    assert_eq!((&part.values[..], part.items, part.body()), (&[None][..], 2, body.clone()));
    assert!(split_by_resource(Signal::Logs, &body.slice(..body.len() - 3), &[]).is_err());
}

/// So many profiles of a resource with these attributes.
fn profiled(attributes: Vec<KeyValue>, profiles: usize) -> ResourceProfiles {
    let scope = ScopeProfiles { profiles: vec![Profile::default(); profiles], ..ScopeProfiles::default() };
    ResourceProfiles {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_profiles: vec![scope],
        ..ResourceProfiles::default()
    }
}

/// An attribute as profiles have it, its key and perhaps its value by their places.
fn by_place(key_strindex: i32, value: Value) -> KeyValue {
    KeyValue { key_strindex, value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn dictionary(strings: &[&str]) -> ProfilesDictionary {
    let string_table = strings.iter().map(|string| (*string).to_owned()).collect();
    ProfilesDictionary { string_table, ..ProfilesDictionary::default() }
}

/// Splits profiles by `team`.
fn split_profiles(
    body: &Bytes,
) -> Result<Vec<(Option<String>, u32, ExportProfilesServiceRequest)>, SplitError> {
    let parts = split_by_resource(Signal::Profiles, body, &["team".to_owned()])?;
    let read = |part: Part| {
        let request = ExportProfilesServiceRequest::decode(part.body()).unwrap();
        (part.values[0].clone(), part.items, request)
    };
    Ok(parts.into_iter().map(read).collect())
}

#[test]
fn each_part_of_profiles_has_the_whole_dictionary() {
    let named = |team: &str| KeyValue {
        key: "team".to_owned(),
        value: Some(AnyValue { value: Some(text(team)) }),
        ..KeyValue::default()
    };
    let strings = ["", "team", "red", "blue"];
    let (red, blue, also_red, nobody) = (
        profiled(vec![by_place(1, Value::StringValueStrindex(2))], 2),
        profiled(vec![by_place(1, text("blue"))], 1),
        profiled(vec![named("red")], 1),
        profiled(vec![by_place(2, text("team")), by_place(-1, text("x")), by_place(4, text("y"))], 1),
    );
    let resource_profiles = vec![red.clone(), blue.clone(), also_red.clone(), nobody.clone()];
    let request = ExportProfilesServiceRequest {
        resource_profiles: resource_profiles.clone(),
        dictionary: Some(dictionary(&strings)),
    };
    let whole = |resource_profiles| ExportProfilesServiceRequest { resource_profiles, ..request.clone() };
    let some = |text: &str| Some(text.to_owned());
    let expected = [
        (some("red"), 3, whole(vec![red, also_red])),
        (some("blue"), 1, whole(vec![blue])),
        (None, 1, whole(vec![nobody])),
    ];
    assert_eq!(split_profiles(&request.encode_to_vec().into()).unwrap(), expected);

    // The dictionary in two pieces around the resources: the same, for they are merged.
    let piece = |strings: &[&str]| ExportProfilesServiceRequest {
        dictionary: Some(dictionary(strings)),
        ..Default::default()
    };
    let resources = ExportProfilesServiceRequest { resource_profiles, dictionary: None };
    let pieces = [piece(&strings[..2]), resources, piece(&strings[2..])];
    let body: Vec<u8> = pieces.iter().flat_map(prost::Message::encode_to_vec).collect();
    assert_eq!(split_profiles(&body.clone().into()).unwrap(), expected);

    // A field of a later version stays with each part.
    let later = [&body[..], &[0x1a, 1, 7]].concat();
    let parts = split_by_resource(Signal::Profiles, &later.into(), &["team".to_owned()]).unwrap();
    assert!(parts.len() == 3 && parts.iter().all(|part| part.body().ends_with(&[0x1a, 1, 7])));
}

#[test]
fn places_of_strings_mean_nothing_outside_of_profiles() {
    let mut sent = resource(&[], 1);
    sent.resource.as_mut().unwrap().attributes = vec![by_place(1, text("red"))];
    assert_eq!(split(&[sent]), [(None, 1, 1)]);
}

#[test]
fn profiles_whose_dictionary_would_be_copied_too_often_are_not_split() {
    let noise = "x".repeat(1 << 20);
    let request = |teams: i64| ExportProfilesServiceRequest {
        resource_profiles: (0..teams)
            .map(|team| profiled(vec![by_place(1, Value::IntValue(team))], 1))
            .collect(),
        dictionary: Some(dictionary(&["", "team", &noise])),
    };
    assert_eq!(split_profiles(&request(3).encode_to_vec().into()).unwrap().len(), 3);
    let error = split_profiles(&request(256).encode_to_vec().into()).unwrap_err();
    let SplitError::TooManyCopies { parts: 256, shared_bytes } = error else { panic!("{error}") };
    assert!(shared_bytes > 1 << 20);
}
