//! An export request decoded by somebody else's code: prost and opentelemetry-proto.

use forebay::otlp::{Signal, read_json};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message as _;
use serde::de::Error as _;

/// A decoded request of any signal.
#[derive(Clone, Debug)]
pub(crate) enum Decoded {
    Logs(ExportLogsServiceRequest),
    Metrics(ExportMetricsServiceRequest),
    Traces(ExportTraceServiceRequest),
    Profiles(ExportProfilesServiceRequest),
}

impl Decoded {
    /// Decodes protobuf.
    pub(crate) fn from_protobuf(signal: Signal, body: &[u8]) -> Result<Self, prost::DecodeError> {
        Ok(match signal {
            Signal::Logs => Self::Logs(ExportLogsServiceRequest::decode(body)?),
            Signal::Metrics => Self::Metrics(ExportMetricsServiceRequest::decode(body)?),
            Signal::Traces => Self::Traces(ExportTraceServiceRequest::decode(body)?),
            Signal::Profiles => Self::Profiles(ExportProfilesServiceRequest::decode(body)?),
        })
    }

    /// Decodes OTLP/JSON by opentelemetry-proto's serde. That does not know the JSON of profiles (it wants bytes as lists of
    /// numbers, and 64-bit integers as numbers), so that it is ours for them, and prost.
    pub(crate) fn from_json(signal: Signal, json: &[u8]) -> Result<Self, serde_json::Error> {
        Ok(match signal {
            Signal::Logs => Self::Logs(serde_json::from_slice(json)?),
            Signal::Metrics => Self::Metrics(serde_json::from_slice(json)?),
            Signal::Traces => Self::Traces(serde_json::from_slice(json)?),
            Signal::Profiles => {
                let read = read_json(signal, json, usize::MAX).map_err(serde_json::Error::custom)?;
                let decoded = ExportProfilesServiceRequest::decode(&read[..]);
                Self::Profiles(decoded.map_err(serde_json::Error::custom)?)
            }
        })
    }

    /// The signal of the request.
    pub(crate) fn signal(&self) -> Signal {
        match self {
            Self::Logs(_) => Signal::Logs,
            Self::Metrics(_) => Signal::Metrics,
            Self::Traces(_) => Signal::Traces,
            Self::Profiles(_) => Signal::Profiles,
        }
    }

    /// As prost encodes it.
    pub(crate) fn to_protobuf(&self) -> Vec<u8> {
        match self {
            Self::Logs(request) => request.encode_to_vec(),
            Self::Metrics(request) => request.encode_to_vec(),
            Self::Traces(request) => request.encode_to_vec(),
            Self::Profiles(request) => request.encode_to_vec(),
        }
    }

    /// The number of log records, data points, spans or profiles.
    pub(crate) fn items(&self) -> usize {
        match self {
            Self::Logs(request) => {
                let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
                scopes.map(|scope| scope.log_records.len()).sum()
            }
            Self::Metrics(request) => {
                let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
                scopes.flat_map(|scope| &scope.metrics).map(points).sum()
            }
            Self::Traces(request) => {
                let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
                scopes.map(|scope| scope.spans.len()).sum()
            }
            Self::Profiles(request) => {
                let scopes = request.resource_profiles.iter().flat_map(|resource| &resource.scope_profiles);
                scopes.map(|scope| scope.profiles.len()).sum()
            }
        }
    }
}

/// The number of data points of a metric.
fn points(metric: &Metric) -> usize {
    match &metric.data {
        None => 0,
        Some(Data::Gauge(data)) => data.data_points.len(),
        Some(Data::Sum(data)) => data.data_points.len(),
        Some(Data::Histogram(data)) => data.data_points.len(),
        Some(Data::ExponentialHistogram(data)) => data.data_points.len(),
        Some(Data::Summary(data)) => data.data_points.len(),
    }
}

/// Two requests are the same if they print the same: that makes a NaN equal to itself, and no other difference.
impl PartialEq for Decoded {
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}
