//! What the fields of attributes begin with on the wire: number and wire type in one byte. For those who tell a usual
//! attribute at one look, before they go through it field by field.

/// `KeyValue.key`.
pub(crate) const KEY: u8 = 0x0a;
/// `KeyValue.value`.
pub(crate) const VALUE: u8 = 0x12;
/// `AnyValue.string_value`.
pub(crate) const STRING: u8 = 0x0a;
/// `AnyValue.bool_value`.
pub(crate) const BOOL: u8 = 0x10;
/// `AnyValue.int_value`.
pub(crate) const INT: u8 = 0x18;
/// `AnyValue.double_value`.
pub(crate) const DOUBLE: u8 = 0x21;
/// `AnyValue.bytes_value`.
pub(crate) const BYTES: u8 = 0x3a;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::schema::{ANY_VALUE, KEY_VALUE};

    #[test]
    fn they_are_those_of_the_tables() {
        for (message, name, byte) in [
            (&KEY_VALUE, "key", KEY),
            (&KEY_VALUE, "value", VALUE),
            (&ANY_VALUE, "stringValue", STRING),
            (&ANY_VALUE, "boolValue", BOOL),
            (&ANY_VALUE, "intValue", INT),
            (&ANY_VALUE, "doubleValue", DOUBLE),
            (&ANY_VALUE, "bytesValue", BYTES),
        ] {
            let field = message.field_named(name.as_bytes()).unwrap();
            assert_eq!(u32::from(byte), field.number << 3 | field.wire_type as u32, "{name}");
        }
    }
}
