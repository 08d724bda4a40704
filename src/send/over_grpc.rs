//! Sends over gRPC.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use super::{Error, Options, Outcome, address, sample};

/// A connection that speaks gRPC.
pub(super) struct OverGrpc {
    channel: Channel,
    address: String,
    timeout: Duration,
}

impl OverGrpc {
    /// Connects.
    pub(super) async fn connect(options: &Options) -> Result<Self, Error> {
        let base = address(&options.to)?;
        let address = base.authority().map(ToString::to_string).unwrap_or_default();
        let timeout = options.timeout;
        let endpoint = Endpoint::from(base).connect_timeout(timeout).timeout(timeout);
        let connecting = tokio::time::timeout(timeout, endpoint.connect());
        let failed = |error: &(dyn std::error::Error + 'static)| Error::connection(&address, timeout, error);
        let channel = connecting.await.map_err(|late| failed(&late))?.map_err(|error| failed(&error))?;
        Ok(Self { channel, address, timeout })
    }

    /// Sends a request of the sample.
    pub(super) async fn send(&mut self, request: sample::Request<'_>) -> Result<Outcome, Error> {
        let channel = self.channel.clone();
        let rejected = match request {
            sample::Request::Logs(request) => {
                let request = self.request(request.clone());
                LogsServiceClient::new(channel).export(request).await.map(|answer| {
                    answer.into_inner().partial_success.map_or(0, |partial| partial.rejected_log_records)
                })
            }
            sample::Request::Metrics(request) => {
                let request = self.request(request.clone());
                MetricsServiceClient::new(channel).export(request).await.map(|answer| {
                    answer.into_inner().partial_success.map_or(0, |partial| partial.rejected_data_points)
                })
            }
            sample::Request::Traces(request) => {
                let request = self.request(request.clone());
                TraceServiceClient::new(channel).export(request).await.map(|answer| {
                    answer.into_inner().partial_success.map_or(0, |partial| partial.rejected_spans)
                })
            }
        };
        match rejected {
            Ok(rejected) => Ok(Outcome::Acknowledged { rejected: rejected.try_into().unwrap_or(0) }),
            Err(status) => self.outcome_of(&status),
        }
    }

    /// A request that tells the far side its deadline.
    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.timeout);
        request
    }

    /// A status that the far side sent is its answer; one that was made here, from an error, is none.
    fn outcome_of(&self, status: &Status) -> Result<Outcome, Error> {
        if status.code() == Code::Cancelled && status.message() == "Timeout expired" {
            return Err(Error::TooSlow { address: self.address.clone(), timeout: self.timeout });
        }
        match std::error::Error::source(status) {
            Some(source) => Err(Error::connection(&self.address, self.timeout, source)),
            None => Ok(Outcome::Refused { why: format!("{:?}: {}", status.code(), status.message()) }),
        }
    }
}
