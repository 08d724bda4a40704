//! Numbered items as OTLP, by opentelemetry-proto: there and back.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric::Data, number_data_point,
};
use opentelemetry_proto::tonic::profiles::v1development::{
    Profile, ProfilesDictionary, ResourceProfiles, ScopeProfiles,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

use forebay::otlp::Signal;

use crate::decoded::Decoded;

use super::ledger::Numbered;

/// The request that an export is.
pub(crate) fn request(export: &Numbered) -> Decoded {
    match export.signal {
        Signal::Logs => {
            let log_records = export.items().map(|(number, text)| log_record(number, text)).collect();
            let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
            let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
            Decoded::Logs(ExportLogsServiceRequest { resource_logs })
        }
        Signal::Metrics => {
            let metrics = export.items().map(|(number, text)| metric(number, text)).collect();
            let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
            let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
            Decoded::Metrics(ExportMetricsServiceRequest { resource_metrics })
        }
        Signal::Traces => {
            let spans = export.items().map(|(number, text)| span(number, text)).collect();
            let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
            let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
            Decoded::Traces(ExportTraceServiceRequest { resource_spans })
        }
        Signal::Profiles => {
            let profiles = export.items().map(|(number, text)| profile(number, text)).collect();
            let scope_profiles = vec![ScopeProfiles { profiles, ..ScopeProfiles::default() }];
            let resource_profiles = vec![ResourceProfiles { scope_profiles, ..ResourceProfiles::default() }];
            let string_table = vec![String::new(), name(export.first)];
            let dictionary = Some(ProfilesDictionary { string_table, ..ProfilesDictionary::default() });
            Decoded::Profiles(ExportProfilesServiceRequest { resource_profiles, dictionary })
        }
    }
}

fn log_record(number: u64, text: &str) -> LogRecord {
    let body = Some(AnyValue { value: Some(Value::StringValue(text.to_owned())) });
    LogRecord { severity_text: name(number), time_unix_nano: moment(number), body, ..LogRecord::default() }
}

fn metric(number: u64, text: &str) -> Metric {
    let value = Some(number_data_point::Value::AsInt(number.try_into().unwrap()));
    let data_points =
        vec![NumberDataPoint { value, time_unix_nano: moment(number), ..NumberDataPoint::default() }];
    let data = Some(Data::Gauge(Gauge { data_points }));
    Metric { name: name(number), description: text.to_owned(), data, ..Metric::default() }
}

fn span(number: u64, text: &str) -> Span {
    let start_time_unix_nano = moment(number);
    Span { name: name(number), trace_state: text.to_owned(), start_time_unix_nano, ..Span::default() }
}

/// When it was: what has a moment in it is recognised if it comes again.
fn moment(number: u64) -> u64 {
    1_787_000_000_000_000_000 + number
}

fn profile(number: u64, text: &str) -> Profile {
    let original_payload = text.as_bytes().to_vec();
    let (original_payload_format, time_unix_nano) = (name(number), moment(number));
    Profile { original_payload_format, original_payload, time_unix_nano, ..Profile::default() }
}

fn name(number: u64) -> String {
    format!("n{number}")
}

/// The number of the first item in a request.
pub(crate) fn first_number(request: &Decoded) -> Option<u64> {
    let name = match request {
        Decoded::Logs(request) => {
            &request.resource_logs.first()?.scope_logs.first()?.log_records.first()?.severity_text
        }
        Decoded::Metrics(request) => {
            &request.resource_metrics.first()?.scope_metrics.first()?.metrics.first()?.name
        }
        Decoded::Traces(request) => &request.resource_spans.first()?.scope_spans.first()?.spans.first()?.name,
        Decoded::Profiles(request) => {
            let profiles = &request.resource_profiles.first()?.scope_profiles.first()?.profiles;
            &profiles.first()?.original_payload_format
        }
    };
    name.strip_prefix('n')?.parse().ok()
}
