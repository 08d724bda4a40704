//! What requests look like: a pool of different ones, the same in every run but for the times in them.

mod claude_code;
mod log_records;
mod random;

use std::time::SystemTime;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

use self::random::Random;
use super::Error;
use super::bodies::{Body, Form, instance};
use super::options::Options;
use crate::otlp::{self, Signal};
use crate::send::Protocol;

/// How many requests are in the pool, so that the far side does not see the same text all the time.
const POOL: usize = 32;

/// How much memory the pool may take; where requests are large it has fewer of them.
const POOL_BYTES: u64 = 64 << 20;

/// From where all that varies comes, so that two runs compare.
const SEED: u64 = 0xf07e_ba70;

/// A request, encoded as protobuf.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Request {
    signal: Signal,
    items: u64,
    protobuf: Vec<u8>,
}

/// The pool, of requests as if they were made just before `now`.
pub(super) fn bodies(options: &Options, run: u64, now: SystemTime) -> Result<Vec<Body>, Error> {
    let form = Form { protocol: options.protocol, compression: options.compression };
    let mut random = Random::new(SEED);
    let mut bodies = Vec::with_capacity(POOL);
    let mut bytes = 0;
    for place in 0..POOL {
        let name = instance(run, 0);
        let request = match options.log_records() {
            Some(size) => log_records::request(&mut random, &name, size, now),
            None => claude_code::request(&mut random, &name, place, now)?,
        };
        let Request { signal, items, mut protobuf } = request;
        if options.protocol == Protocol::HttpJson {
            let mut json = Vec::new();
            otlp::write_json(signal, &protobuf, &mut json)
                .map_err(|error| Error::Bodies(error.to_string()))?;
            protobuf = json;
        }
        let body = Body::new(signal, items, &protobuf, form, run)?;
        bytes += body.bytes;
        bodies.push(body);
        if bytes > POOL_BYTES {
            break;
        }
    }
    Ok(bodies)
}

/// The attribute that makes a request another one. It must stand first: see [`super::bodies`].
fn instance_attribute(name: &str) -> KeyValue {
    attribute("service.instance.id", text(name))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}
