//! Protobuf that is written from an input's bytes, lengths and all.
//!
//! A fuzzer that changes encoded bytes breaks the lengths around them and seldom comes deep. Here every byte of the
//! input is an instruction, so that every input is a message, or nearly one, and every change of it is a small change of
//! the message.
//!
//! ```text
//!   bits 0..5: the field's number   bits 5..8: what it holds
//!   0: opens a message       1: closes one, or as many as the number says    2: a varint of the next byte
//!   3: a varint of the next eight bytes   4: text of as many bytes as the next byte says
//!   5: eight bytes           6: four bytes          7: packed, or the next byte as it is
//! ```

use prost::encoding::{WireType, encode_key, encode_varint};

/// The message that `instructions` write.
pub fn written(instructions: &[u8]) -> Vec<u8> {
    let mut rest = instructions;
    let mut open: Vec<(u32, Vec<u8>)> = Vec::new();
    let mut message = Vec::new();
    while let Some(instruction) = next(&mut rest) {
        let number = u32::from(instruction & 0x1f);
        match instruction >> 5 {
            0 if number > 0 => open.push((number, std::mem::take(&mut message))),
            0 | 1 => {
                for _ in 0..number.max(1) {
                    close(&mut open, &mut message);
                }
            }
            2 => {
                key(number, WireType::Varint, &mut message);
                encode_varint(u64::from(next(&mut rest).unwrap_or_default()), &mut message);
            }
            3 => {
                key(number, WireType::Varint, &mut message);
                encode_varint(u64::from_le_bytes(array(&mut rest)), &mut message);
            }
            4 => {
                let length = usize::from(next(&mut rest).unwrap_or_default()).min(rest.len());
                let (text, after) = rest.split_at(length);
                rest = after;
                payload(number, text, &mut message);
            }
            5 => {
                key(number, WireType::SixtyFourBit, &mut message);
                message.extend(array::<8>(&mut rest));
            }
            6 => {
                key(number, WireType::ThirtyTwoBit, &mut message);
                message.extend(array::<4>(&mut rest));
            }
            _ if number > 0 => {
                let length = 8 * usize::from(next(&mut rest).unwrap_or_default() & 7);
                let (numbers, after) = rest.split_at(length.min(rest.len()));
                rest = after;
                payload(number, numbers, &mut message);
            }
            _ => message.extend(next(&mut rest)),
        }
    }
    while !open.is_empty() {
        close(&mut open, &mut message);
    }
    message
}

/// Ends the message that was opened last.
fn close(open: &mut Vec<(u32, Vec<u8>)>, message: &mut Vec<u8>) {
    if let Some((number, outer)) = open.pop() {
        let inner = std::mem::replace(message, outer);
        payload(number, &inner, message);
    }
}

fn key(number: u32, wire_type: WireType, message: &mut Vec<u8>) {
    encode_key(number.max(1), wire_type, message);
}

fn payload(number: u32, bytes: &[u8], message: &mut Vec<u8>) {
    key(number, WireType::LengthDelimited, message);
    encode_varint(bytes.len() as u64, message);
    message.extend_from_slice(bytes);
}

fn next(rest: &mut &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(*first)
}

/// The next bytes, and zeros where there are none.
fn array<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    std::array::from_fn(|_| next(rest).unwrap_or_default())
}
