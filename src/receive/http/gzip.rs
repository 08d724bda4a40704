//! Answers in gzip, for clients that ask for it.

use std::io::Write;

use ::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use ::http::{HeaderMap, HeaderValue, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::receive::answer_body::AnswerBody;

/// Shorter bodies hardly become shorter, and fit in one packet anyway.
const WORTH_BYTES: usize = 512;

/// Compresses an answer if the client with these headers asks for gzip and if it is worth it.
pub(super) fn compressed(response: Response<AnswerBody>, headers: &HeaderMap) -> Response<AnswerBody> {
    let body = response.body().data();
    if body.len() < WORTH_BYTES || !accepts_gzip(headers) {
        return response;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // A vector takes every byte; were it otherwise, the answer would go as it is.
    let Ok(gzip) = encoder.write_all(body).and_then(|()| encoder.finish()) else { return response };
    let (mut parts, _) = response.into_parts();
    parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Response::from_parts(parts, AnswerBody::of(gzip.into()))
}

/// Whether `Accept-Encoding` lists gzip, or everything else than what it lists, and not with the quality 0, which means
/// that it is not wanted (RFC 9110, 12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|list| list.to_str().ok());
    let mut by_name = None;
    let mut by_star = None;
    for item in lists.flat_map(|list| list.split(',')) {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let name = name.trim();
        let is_wanted = !is_quality_zero(parameters);
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            by_name = Some(is_wanted);
        } else if name == "*" {
            by_star = Some(is_wanted);
        }
    }
    by_name.or(by_star).unwrap_or(false)
}

/// Whether `q=0` stands among these parameters, with zeros behind the point or without.
fn is_quality_zero(parameters: &str) -> bool {
    parameters.split(';').any(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        name.trim().eq_ignore_ascii_case("q") && value.trim().parse().is_ok_and(|quality: f32| quality <= 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_given_only_to_those_who_ask_for_it() {
        for (lists, expected) in [
            (&[][..], false),
            (&[""], false),
            (&["gzip"], true),
            (&["GZIP;q=0.5"], true),
            (&["deflate, x-gzip"], true),
            (&["deflate", "br, gzip"], true),
            (&["*"], true),
            (&["identity, zstd"], false),
            (&["gzip;q=0"], false),
            (&["gzip; Q=0.000, *"], false),
            (&["gzip, *;q=0"], true),
            (&["*;q=0"], false),
        ] {
            let mut headers = HeaderMap::new();
            for list in lists {
                headers.append(ACCEPT_ENCODING, list.parse().unwrap());
            }
            assert_eq!(accepts_gzip(&headers), expected, "{lists:?}");
        }
    }
}
