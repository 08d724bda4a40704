//! The way to the receiver, which must not be the very forebay that sends.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::otlp::Signal;
use crate::receive::{INSTANCE_HEADER, OWN_TELEMETRY};
use crate::send::{self, Carried, Receiver};
use crate::telemetry::{ExportOptions, Protocol};

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The receiver has it, without so many items that it rejected.
    Taken { rejected: u64 },
    /// It may be taken later, for the reason says nothing against it.
    Later(String),
    /// It will never be taken.
    Never(String),
    /// The receiver is the very forebay that sent it.
    Own,
}

/// The way to the receiver.
#[derive(Debug)]
pub(super) struct Carrier(send::Carrier);

impl Carrier {
    /// The way that the settings name, for the forebay with this id. No request is sent.
    ///
    /// # Errors
    /// A sentence that says which setting is wrong.
    pub(super) fn new(options: &ExportOptions, instance: &str) -> Result<Self, String> {
        let protocol = match options.protocol {
            Protocol::Grpc => send::Protocol::Grpc,
            Protocol::HttpProtobuf => send::Protocol::HttpProtobuf,
        };
        let receiver = Receiver {
            to: options.endpoint.clone(),
            protocol,
            headers: headers(options, instance)?,
            timeout: options.timeout.duration(),
            ca_file: options.ca_file.clone(),
        };
        match send::Carrier::new(&receiver) {
            Ok(carrier) => Ok(Self(carrier)),
            Err(send::Error::CaFile { path, why }) => {
                Err(format!("telemetry.export.ca_file is {}: {why}", path.display()))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// Sends a request of a signal, and waits for its answer, as long as the settings allow.
    pub(super) async fn carry(&self, signal: Signal, message: &[u8]) -> Outcome {
        match self.0.carry(signal, message).await {
            Ok(carried) => outcome(carried),
            Err(error) => Outcome::Later(error.to_string()),
        }
    }
}

fn outcome(carried: Carried) -> Outcome {
    match carried {
        Carried::Taken { rejected } => Outcome::Taken { rejected },
        Carried::Later { why, .. } => Outcome::Later(why),
        Carried::Never { why } if why.contains(OWN_TELEMETRY) => Outcome::Own,
        Carried::Never { why } => Outcome::Never(why),
    }
}

/// The headers of every request.
fn headers(options: &ExportOptions, instance: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in &options.headers {
        let wrong = |_| format!("telemetry.export.headers has `{name}`, which is no header of HTTP");
        let name = name.parse::<HeaderName>().map_err(|error| wrong(error.to_string()))?;
        let mut value = value.reveal().parse::<HeaderValue>().map_err(|error| wrong(error.to_string()))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let instance = instance.parse().map_err(|_| format!("`{instance}` cannot be the id of a forebay"))?;
    headers.insert(INSTANCE_HEADER, instance);
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_that_is_oneself_is_told_from_others() {
        let never = |why: &str| Carried::Never { why: why.to_owned() };
        assert_eq!(outcome(never(&format!("508 Loop Detected: {OWN_TELEMETRY}; so"))), Outcome::Own);
        assert_eq!(outcome(never(&format!("FailedPrecondition: {OWN_TELEMETRY}"))), Outcome::Own);
        let another = "508 Loop Detected: another loop";
        assert_eq!(outcome(never(another)), Outcome::Never(another.to_owned()));
    }
}
