//! Profiles, from a client to the bucket.

use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::collector::profiles::v1development::profiles_service_client::ProfilesServiceClient;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::profiles::v1development::{
    Function, Line, Link, Location, Profile, ProfilesDictionary, ResourceProfiles, Sample, ScopeProfiles,
    Stack, ValueType,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;

use forebay::otlp::Signal;

use crate::admin::{flush, get};
use crate::bucket::{self, Objects};
use crate::client::{JSON, PROTOBUF, http, over_http1};
use crate::decoded::Decoded;
use crate::settings::Settings;
use crate::support::program::{Program, bucket as bucket_of, forebay};

/// What a profiler sends: a profile of a service, whose names all lie in the dictionary. `number` tells them apart.
fn profiles(number: i64) -> ExportProfilesServiceRequest {
    let strings = ["", "cpu", "nanoseconds", "service.name", "checkout", "main", "main.go"];
    let name = AnyValue { value: Some(Value::StringValueStrindex(4)) };
    let attributes = vec![KeyValue { key_strindex: 3, value: Some(name), ..KeyValue::default() }];
    let sample = Sample {
        stack_index: 1,
        link_index: 1,
        values: vec![number, i64::MAX],
        timestamps_unix_nano: vec![1_787_393_472_123_456_789],
        ..Sample::default()
    };
    let profile = Profile {
        sample_type: Some(ValueType { type_strindex: 1, unit_strindex: 2 }),
        samples: vec![sample],
        time_unix_nano: 1_787_393_472_123_456_789,
        duration_nano: 5_000_000_000,
        profile_id: (0..16).collect(),
        original_payload: vec![0xff, 0],
        ..Profile::default()
    };
    let line = Line { function_index: 1, line: 42, column: 7 };
    let location = Location { address: u64::MAX, lines: vec![line], ..Location::default() };
    let function = Function { name_strindex: 5, filename_strindex: 6, ..Function::default() };
    let of_span = Link { trace_id: vec![0xab; 16], span_id: vec![0xcd; 8] };
    let dictionary = ProfilesDictionary {
        location_table: vec![Location::default(), location],
        function_table: vec![Function::default(), function],
        link_table: vec![Link::default(), of_span],
        string_table: strings.map(str::to_owned).to_vec(),
        stack_table: vec![Stack::default(), Stack { location_indices: vec![1] }],
        ..ProfilesDictionary::default()
    };
    let scope_profiles = vec![ScopeProfiles { profiles: vec![profile], ..ScopeProfiles::default() }];
    let resource = Some(Resource { attributes, ..Resource::default() });
    ExportProfilesServiceRequest {
        resource_profiles: vec![ResourceProfiles { resource, scope_profiles, ..ResourceProfiles::default() }],
        dictionary: Some(dictionary),
    }
}

/// The same, as the specification writes it.
fn as_json(number: i64) -> Vec<u8> {
    let text = r#"{"resourceProfiles":[{"resource":{"attributes":[{"keyStrindex":3,"value":{"stringValueStrindex":4}}]},
        "scopeProfiles":[{"profiles":[{"sampleType":{"typeStrindex":1,"unitStrindex":2},
            "samples":[{"stackIndex":1,"linkIndex":1,"values":["NUMBER","9223372036854775807"],
                "timestampsUnixNano":["1787393472123456789"]}],
            "timeUnixNano":"1787393472123456789","durationNano":"5000000000",
            "profileId":"000102030405060708090a0b0c0d0e0f","originalPayload":"/wA="}]}]}],
        "dictionary":{"locationTable":[{},{"address":"18446744073709551615",
                "lines":[{"functionIndex":1,"line":"42","column":"7"}]}],
            "functionTable":[{},{"nameStrindex":5,"filenameStrindex":6}],
            "linkTable":[{},{"traceId":"abababababababababababababababab","spanId":"cdcdcdcdcdcdcdcd"}],
            "stringTable":["","cpu","nanoseconds","service.name","checkout","main","main.go"],
            "stackTable":[{},{"locationIndices":[1]}]}}"#;
    text.replace("NUMBER", &number.to_string()).into_bytes()
}

/// Sends three exports, each another way.
async fn send(program: &Program) {
    let mut client = ProfilesServiceClient::connect(format!("http://{}", program.grpc())).await.unwrap();
    let answer = client.export(profiles(1)).await.unwrap().into_inner();
    assert_eq!(answer.partial_success, None);
    let protobuf = http(Signal::Profiles, PROTOBUF, &profiles(2).encode_to_vec());
    let answer = over_http1(program.http(), protobuf).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    let answer = over_http1(program.grpc(), http(Signal::Profiles, JSON, &as_json(3))).await;
    assert_eq!((answer.status, answer.body.as_ref()), (200, &b"{}"[..]));
}

/// What is in the bucket of such a run.
async fn delivered(settings: Settings) -> Objects {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &settings.environment());
    send(&program).await;
    flush(&program).await;
    let said = program.terminate();
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    bucket::in_folder(&bucket_of(folder.path()))
}

/// The numbers of the exports in objects, each of which must be as it was sent.
fn numbers(objects: &Objects) -> Vec<i64> {
    let mut numbers = Vec::new();
    for request in bucket::decoded(objects) {
        let Decoded::Profiles(request) = request else { panic!("{request:?}") };
        let number = request.resource_profiles[0].scope_profiles[0].profiles[0].samples[0].values[0];
        assert_eq!(request, profiles(number));
        numbers.push(number);
    }
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn profiles_arrive_as_lines_beside_the_rows_of_others() {
    let objects = delivered(Settings::small().with("OBJECTS_SCHEMA_OBJECTS", "false")).await;
    let keys: Vec<_> = objects.keys().collect();
    assert!(
        matches!(keys[..], [key] if key.starts_with("profiles/date=") && key.ends_with(".jsonl.gz")),
        "{keys:?}"
    );
    assert_eq!(numbers(&objects), [1, 2, 3]);
}

#[tokio::test]
async fn profiles_arrive_as_messages_and_documents_of_one_export_each() {
    for (format, ending) in [("otlp_proto", ".binpb"), ("otlp_json", ".json")] {
        let settings = Settings::small().with("OBJECTS_FORMAT", format).with("OBJECTS_COMPRESSION", "none");
        let objects = delivered(settings).await;
        assert!(
            objects.len() == 3 && objects.keys().all(|key| key.ends_with(ending)),
            "{:?}",
            objects.keys()
        );
        assert_eq!(numbers(&objects), [1, 2, 3]);
        if format == "otlp_proto" {
            for sent in [profiles(1), profiles(2)] {
                let sent = sent.encode_to_vec();
                assert!(objects.values().any(|object| *object == sent), "every byte as it was sent");
            }
        }
    }
}

#[tokio::test]
async fn profiles_that_wait_are_counted_and_can_be_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::small().with_dead_store().with("UPLOAD_FINISH_WITHIN", "0s");
    let environment = settings.environment();
    let program = Program::start(folder.path(), &environment);
    send(&program).await;
    let (_, status) = get(program.admin(), "/status").await;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["queue"]["items"]["profiles"], 3, "{status}");
    program.kill();

    let said = forebay(folder.path(), &["inspect", "records", "--signal", "profiles"], &environment);
    let lines: Vec<_> = said.stdout.lines().map(str::as_bytes).collect();
    assert_eq!(lines.len(), 3, "{}", said.stdout);
    for (number, line) in (1..).zip(lines) {
        let Ok(Decoded::Profiles(found)) = Decoded::from_json(Signal::Profiles, line) else { panic!() };
        assert_eq!(found, profiles(number));
    }
    let said = forebay(folder.path(), &["inspect", "records", "--signal", "traces"], &environment);
    assert_eq!(said.stdout, "");
    let said = forebay(folder.path(), &["status"], &environment);
    assert!(said.stdout.contains("3 profiles"), "{}", said.stdout);
}
