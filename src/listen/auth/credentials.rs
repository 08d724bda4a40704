//! What a request shows of who sends it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};

use super::{AuthOptions, Denied};

/// What a request shows of who sends it.
#[derive(PartialEq, Eq)]
pub(super) enum Credentials<'a> {
    Token(&'a [u8]),
    Password { name: String, password: Vec<u8> },
}

impl<'a> Credentials<'a> {
    /// The credentials in `headers`, where `header` is the one that carries tokens.
    ///
    /// # Errors
    /// That there are none, or none that can be read.
    pub(super) fn of(
        headers: &'a HeaderMap,
        header: &HeaderName,
        options: &AuthOptions,
    ) -> Result<Self, Denied> {
        if options.has_users()
            && let Some(basic) = headers.get(AUTHORIZATION).and_then(|value| after(value.as_bytes(), "Basic"))
        {
            return basic_password(basic).ok_or(Denied::Malformed);
        }
        match headers.get(header) {
            Some(value) if options.has_tokens() => {
                let token = after(value.as_bytes(), &options.scheme).filter(|token| !token.is_empty());
                token.map(Self::Token).ok_or(Denied::Malformed)
            }
            Some(_) => Err(Denied::Malformed),
            None if headers.contains_key(AUTHORIZATION) => Err(Denied::Malformed),
            None => Err(Denied::Missing),
        }
    }
}

/// What stands behind the name of a scheme, which may be written in any case (RFC 9110, section 11.1).
fn after<'a>(value: &'a [u8], scheme: &str) -> Option<&'a [u8]> {
    if scheme.is_empty() {
        return Some(value.trim_ascii());
    }
    let (name, rest) = value.trim_ascii_start().split_at_checked(scheme.len())?;
    let is_it = name.eq_ignore_ascii_case(scheme.as_bytes()) && rest.first() == Some(&b' ');
    is_it.then(|| rest.trim_ascii())
}

/// Name and password, with a colon between them, in base64 (RFC 7617).
fn basic_password(encoded: &[u8]) -> Option<Credentials<'static>> {
    let mut decoded = STANDARD.decode(encoded).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let password = decoded.split_off(colon + 1);
    decoded.truncate(colon);
    Some(Credentials::Password { name: String::from_utf8(decoded).ok()?, password })
}
