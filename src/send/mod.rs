//! The client's side of OTLP: a way to any receiver, and a small client that sends what Claude Code sends in a session of one
//! prompt, so that a person without a client sees an object appear. Not a stage; it knows OTLP and nothing else of forebay.
//!
//! Every request has a deadline. Of the sample a refused request is reported and not sent again: what it shows is what a
//! client is told.

mod address;
mod answer;
mod carried;
mod carrier;
mod error;
mod protocol;
mod receiver;
mod report;
mod sample;

use std::time::SystemTime;

pub(crate) use address::{address, plain_address};
pub(crate) use answer::{Outcome, rejected_in_protobuf};
pub(crate) use carried::Carried;
pub(crate) use carrier::Carrier;
pub use error::Error;
pub use protocol::Protocol;
pub use receiver::Receiver;
pub use report::{Report, Tally};
pub(crate) use sample::{Request, Sample};

/// Sends the sample as often as asked for, all three requests each time, one request after the other.
///
/// # Errors
/// When the far side cannot be reached or does not speak OTLP. What it refuses is in the report.
pub async fn run(receiver: &Receiver, times: u32) -> Result<Report, Error> {
    let way = Carrier::new(receiver)?;
    let mut report = Report::default();
    for _ in 0..times {
        let sample = Sample::at(SystemTime::now())?;
        for request in sample.requests() {
            let carried = way.carry(request.signal(), &request.protobuf()).await?;
            report.add(request.signal(), request.items(), carried);
        }
    }
    Ok(report)
}
