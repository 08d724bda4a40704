//! A request's resources, each byte for byte.

use super::Signal;
use super::invalid::Invalid;
use super::wire::Reader;

/// The pieces of a request that are requests of their own, in their order: any of them laid end to end are a request again.
/// Profiles, which share a dictionary, are one piece.
///
/// # Errors
/// If `body` is no sequence of fields.
pub fn resources(signal: Signal, body: &[u8]) -> Result<Vec<&[u8]>, Invalid> {
    if !signal.can_be_laid_end_to_end() {
        return Ok(if body.is_empty() { Vec::new() } else { vec![body] });
    }
    let mut pieces = Vec::new();
    let mut reader = Reader::new(body);
    while !reader.is_empty() {
        let start = reader.bytes();
        let key = reader.key()?;
        reader.skip(key.wire_type)?;
        pieces.push(&start[..start.len() - reader.bytes().len()]);
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_its_resources_end_to_end() {
        let body = [0x0a, 0x02, 0x0a, 0x00, 0x0a, 0x00, 0x50, 0x01];
        assert_eq!(resources(Signal::Logs, &body).unwrap(), [&body[..4], &body[4..6], &body[6..]]);
        assert_eq!(resources(Signal::Profiles, &body).unwrap(), [&body[..]]);
        for signal in Signal::ALL {
            assert!(resources(signal, &[]).unwrap().is_empty(), "{signal}");
        }
        assert!(resources(Signal::Traces, &body[..3]).is_err());
    }
}
