//! The same telemetry in other wire forms: fields in any order, singular messages in pieces.

use prost::encoding::{DecodeContext, WireType, decode_key, encode_key, encode_varint, skip_field};

use forebay::otlp::Signal;

/// Messages, as far as their insides are rearranged as well.
#[derive(Clone, Copy)]
enum Message {
    Request,
    ResourceGroup,
    Resource,
    ScopeGroup,
    Scope,
    LogRecord,
    Span,
    Metric,
    Data,
    KeyValue,
    AnyValue,
    ArrayValue,
    KeyValueList,
    Other,
}

/// Small random numbers from a seed.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end.max(1)
    }
}

/// The message that field `number` of `message` holds, and whether it is a singular one.
fn child(message: Message, number: u32, signal: Signal) -> Option<(Message, bool)> {
    let item = match signal {
        Signal::Logs => Message::LogRecord,
        Signal::Metrics => Message::Metric,
        Signal::Traces => Message::Span,
        Signal::Profiles => panic!("profiles have no rows"),
    };
    Some(match (message, number) {
        (Message::Request, 1) => (Message::ResourceGroup, false),
        (Message::ResourceGroup, 1) => (Message::Resource, true),
        (Message::ResourceGroup, 2) => (Message::ScopeGroup, false),
        (Message::ScopeGroup, 1) => (Message::Scope, true),
        (Message::ScopeGroup, 2) => (item, false),
        (Message::Metric, 5 | 7 | 9 | 10 | 11) => (Message::Data, true),
        (Message::LogRecord, 5) | (Message::KeyValue, 2) => (Message::AnyValue, true),
        (Message::Span, 15) => (Message::Other, true),
        (Message::Resource | Message::KeyValueList, 1)
        | (Message::Scope, 3)
        | (Message::LogRecord, 6)
        | (Message::Span, 9)
        | (Message::Metric, 12) => (Message::KeyValue, false),
        (Message::AnyValue, 5) => (Message::ArrayValue, true),
        (Message::AnyValue, 6) => (Message::KeyValueList, true),
        (Message::ArrayValue, 1) => (Message::AnyValue, false),
        _ => return None,
    })
}

/// The encoded fields of a message, each with its number and, if it has one, its payload.
fn fields(message: &[u8]) -> Vec<(u32, Vec<u8>, Vec<u8>)> {
    let mut rest = message;
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let before = rest;
        let (number, wire_type) = decode_key(&mut rest).unwrap();
        let mut payload = rest;
        skip_field(wire_type, number, &mut rest, DecodeContext::default()).unwrap();
        if wire_type == WireType::LengthDelimited {
            let length = prost::encoding::decode_varint(&mut payload).unwrap();
            payload = &payload[..usize::try_from(length).unwrap()];
        }
        fields.push((number, before[..before.len() - rest.len()].to_vec(), payload.to_vec()));
    }
    fields
}

/// `message` as the value of field `number`.
fn wrapped(number: u32, message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(number, WireType::LengthDelimited, &mut bytes);
    encode_varint(message.len() as u64, &mut bytes);
    bytes.extend_from_slice(message);
    bytes
}

fn rearrange(message: Message, sent: &[u8], signal: Signal, chance: &mut Chance) -> Vec<u8> {
    let mut pieces: Vec<(u32, Vec<u8>)> = Vec::new();
    for (number, whole, payload) in fields(sent) {
        let Some((inner, is_singular)) = child(message, number, signal) else {
            pieces.push((number, whole));
            continue;
        };
        let payload = rearrange(inner, &payload, signal, chance);
        if is_singular && chance.below(3) == 0 {
            let inside: Vec<_> = fields(&payload).into_iter().map(|(_, whole, _)| whole).collect();
            let (one, other) = inside.split_at(chance.below(inside.len() + 1));
            pieces.push((number, wrapped(number, &one.concat())));
            pieces.push((number, wrapped(number, &other.concat())));
        } else {
            pieces.push((number, wrapped(number, &payload)));
        }
    }
    // Values of one field keep their order; those of different fields come in any.
    let order: Vec<_> = (0..32).map(|_| chance.below(3)).collect();
    pieces.sort_by_key(|(number, _)| order[*number as usize]);
    pieces.into_iter().flat_map(|(_, piece)| piece).collect()
}

/// An encoded request that says the same as `body`.
pub(crate) fn rearranged(signal: Signal, body: &[u8], seed: u64) -> Vec<u8> {
    rearrange(Message::Request, body, signal, &mut Chance(seed))
}
