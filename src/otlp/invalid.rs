//! Why bytes are not an OTLP message, and where.

use std::fmt;

use super::schema::{DEPTH_MAX, Field};
use super::wire::WireType;

/// Bytes that are not the OTLP message they should be.
///
/// It reads like `resource_logs.scope_logs.log_records, at byte 217: a length of 90 bytes goes beyond ...`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}at byte {offset}: {problem}", Path(.path))]
pub struct Invalid {
    /// What is wrong.
    pub problem: Problem,
    /// Where in the body it was found.
    pub offset: usize,
    /// The fields in which it lies, the innermost first.
    path: Vec<&'static str>,
}

/// What is wrong with an encoded message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The bytes end where more are needed.
    #[error("the message ends in the middle of a field")]
    Truncated,
    /// A length points past the end of the message it is in.
    #[error("a length of {length} bytes goes beyond the {left} bytes that are left of the message")]
    Length {
        /// The length given.
        length: u64,
        /// The bytes left.
        left: usize,
    },
    /// A varint does not fit in 64 bits.
    #[error("a varint does not fit in 64 bits")]
    Varint,
    /// Field number 0, or one above 2^29 - 1.
    #[error("a field number is not between 1 and 536870911")]
    FieldNumber,
    /// A wire type that protobuf does not have.
    #[error("wire type {0} does not exist")]
    UnknownWireType(u8),
    /// A group, a form of nesting that OTLP does not use.
    #[error("groups (wire types 3 and 4) are not part of OTLP")]
    Group,
    /// A known field lies on the wire in another form than its type asks for.
    #[error("the field is of wire type `{actual}` where OTLP has `{expected}`; is this another message?")]
    WireType {
        /// The wire type of the field's type.
        expected: WireType,
        /// The wire type found.
        actual: WireType,
    },
    /// Messages nest deeper than the limit.
    #[error("messages nest deeper than {DEPTH_MAX} levels")]
    TooDeep,
}

/// Names of fields, the innermost first, as people write them.
struct Path<'a>(&'a [&'static str]);

impl Invalid {
    /// `problem` at `offset` of the body.
    pub(crate) const fn new(problem: Problem, offset: usize) -> Self {
        Self { problem, offset, path: Vec::new() }
    }

    /// The same, found within `field`.
    #[cold]
    pub(crate) fn within(mut self, field: &Field) -> Self {
        self.path.push(field.proto_name);
        self
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A few names show the place; sixty would hide it.
        const SHOWN_MAX: usize = 12;
        for (index, name) in self.0.iter().rev().take(SHOWN_MAX).enumerate() {
            write!(f, "{}{name}", if index == 0 { "" } else { "." })?;
        }
        match self.0.len() {
            0 => Ok(()),
            1..=SHOWN_MAX => f.write_str(", "),
            _ => f.write_str("..., "),
        }
    }
}
