//! A small client: sends what Claude Code sends in a session of one prompt, so that a person without a client sees an
//! object appear. Not a stage; it knows OTLP and nothing else of forebay.
//!
//! Every remote call has a deadline. A refused request is reported and not sent again: what it shows is what a client
//! is told.

mod address;
mod answer;
mod error;
mod options;
mod over_grpc;
mod over_http;
mod report;
mod sample;

use std::time::SystemTime;

pub(crate) use address::address;
pub(crate) use answer::{Outcome, rejected_in_protobuf};
pub use error::Error;
pub use options::{Options, Protocol};
pub use report::{Report, Tally};

use over_grpc::OverGrpc;
use over_http::OverHttp;
pub(crate) use sample::{Request, Sample};

/// Sends the sample as often as asked for, all three requests each time, one request after the other.
///
/// # Errors
/// When the far side cannot be reached or does not speak OTLP. What it refuses is in the report.
pub async fn run(options: &Options) -> Result<Report, Error> {
    let mut line = Line::to(options).await?;
    let mut report = Report::default();
    for _ in 0..options.count {
        let sample = Sample::at(SystemTime::now())?;
        for request in sample.requests() {
            let outcome = line.send(request).await?;
            report.add(request.signal(), request.items(), outcome);
        }
    }
    Ok(report)
}

/// A line to the far side.
enum Line {
    Grpc(OverGrpc),
    Http(Box<OverHttp>),
}

impl Line {
    async fn to(options: &Options) -> Result<Self, Error> {
        Ok(match options.protocol {
            Protocol::Grpc => Self::Grpc(OverGrpc::connect(options).await?),
            Protocol::HttpProtobuf | Protocol::HttpJson => Self::Http(Box::new(OverHttp::to(options)?)),
        })
    }

    async fn send(&mut self, request: Request<'_>) -> Result<Outcome, Error> {
        match self {
            Self::Grpc(line) => line.send(request).await,
            Self::Http(line) => line.send(request).await,
        }
    }
}
