//! Pages in browsers (cross-origin resource sharing, <https://fetch.spec.whatwg.org/#http-cors-protocol>).
//!
//! A browser asks first, with OPTIONS and without credentials (a preflight), and shows a page no answer that does not name
//! its origin. Origins are matched as the Collector matches them: in any case, with one `*` for anything.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};

use super::CorsOptions;
use super::answer_body::AnswerBody;

/// Headers that every page may send.
const ALWAYS_ALLOWED: [&str; 5] =
    ["accept", "accept-language", "content-language", "content-type", "x-requested-with"];

const ANY: HeaderValue = HeaderValue::from_static("*");

/// What pages of which origins may do.
#[derive(Debug)]
pub(super) struct Cors {
    /// In lower case.
    origins: Vec<String>,
    /// In lower case.
    headers: Vec<String>,
    max_age: Option<HeaderValue>,
}

impl Cors {
    /// What `options` say; `None` if no page may send.
    pub(super) fn of(options: &CorsOptions) -> Option<Self> {
        let lower = |texts: &[String]| texts.iter().map(|text| text.to_ascii_lowercase()).collect::<Vec<_>>();
        let mut headers = lower(&options.allowed_headers);
        headers.extend(ALWAYS_ALLOWED.map(str::to_owned));
        let seconds = options.max_age.duration().as_secs();
        let max_age = (seconds > 0).then(|| seconds.into());
        (!options.allowed_origins.is_empty()).then(|| Self {
            origins: lower(&options.allowed_origins),
            headers,
            max_age,
        })
    }

    /// The answer to a preflight; `None` if the request is none. A page that may not send learns nothing from it.
    pub(super) fn preflight<B>(&self, request: &Request<B>) -> Option<Response<AnswerBody>> {
        let asked = request.headers();
        let method = asked.get(ACCESS_CONTROL_REQUEST_METHOD)?;
        if request.method() != Method::OPTIONS {
            return None;
        }
        let mut response = Response::new(AnswerBody::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.append(
            VARY,
            HeaderValue::from_static("Access-Control-Request-Method, Access-Control-Request-Headers"),
        );
        let wanted = asked.get(ACCESS_CONTROL_REQUEST_HEADERS);
        if method == Method::POST.as_str() && wanted.is_none_or(|wanted| self.allows_headers(wanted)) {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
            headers.extend(wanted.map(|wanted| (ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone())));
            headers.extend(self.max_age.clone().map(|age| (ACCESS_CONTROL_MAX_AGE, age)));
        }
        Some(response)
    }

    /// Lets the page at `origin` see an answer with these headers, if it may.
    pub(super) fn show(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        let for_all = self.origins.iter().any(|allowed| allowed == "*");
        if !for_all {
            // What is kept on the way must not be shown to another page.
            headers.append(VARY, ORIGIN.into());
        }
        let Some(origin) = origin.filter(|origin| self.allows_origin(origin)) else { return };
        if for_all {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
        } else {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            // `sendBeacon`, with which pages send at their end, always sends what credentials there are.
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Retry-After"));
    }

    fn allows_origin(&self, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str().map(str::to_ascii_lowercase) else { return false };
        self.origins.iter().any(|allowed| match allowed.split_once('*') {
            None => *allowed == origin,
            Some((before, behind)) => {
                origin.len() >= before.len() + behind.len()
                    && origin.starts_with(before)
                    && origin.ends_with(behind)
            }
        })
    }

    fn allows_headers(&self, wanted: &HeaderValue) -> bool {
        let Ok(wanted) = wanted.to_str() else { return false };
        let mut names = wanted.split(',').map(|name| name.trim().to_ascii_lowercase());
        names.all(|name| {
            name.is_empty() || self.headers.iter().any(|allowed| *allowed == name || allowed == "*")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(origins: &[&str], headers: &[&str]) -> Cors {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let options = CorsOptions {
            allowed_origins: texts(origins),
            allowed_headers: texts(headers),
            ..CorsOptions::default()
        };
        Cors::of(&options).unwrap()
    }

    #[test]
    fn origins_are_matched_whole_in_any_case_and_with_a_wildcard() {
        for (allowed, origin, is_allowed) in [
            ("https://a.example.com", "https://A.example.com", true),
            ("https://a.example.com", "https://a.example.com.evil.com", false),
            ("https://a.example.com", "http://a.example.com", false),
            ("https://*.example.com", "https://x.y.example.com", true),
            ("https://*.example.com", "https://example.com", false),
            ("https://*.example.com", "https://.example.com.evil.com", false),
            ("https://a*a.example.com", "https://a.example.com", false),
            ("http://localhost:*", "http://localhost:3000", true),
            ("*", "null", true),
        ] {
            let origin = HeaderValue::from_static(origin);
            assert_eq!(cors(&[allowed], &[]).allows_origin(&origin), is_allowed, "{allowed} {origin:?}");
        }
    }

    #[test]
    fn a_page_may_send_the_headers_that_are_allowed_and_no_other_one() {
        for (allowed, wanted, is_allowed) in [
            (&[][..], "content-type,accept", true),
            (&[], "Authorization", false),
            (&["Authorization"], "content-type, AUTHORIZATION", true),
            (&["Authorization"], "authorization,x-other", false),
            (&["*"], "authorization,x-other", true),
        ] {
            let wanted = HeaderValue::from_static(wanted);
            assert_eq!(cors(&["*"], allowed).allows_headers(&wanted), is_allowed, "{allowed:?} {wanted:?}");
        }
    }

    #[test]
    fn no_page_may_send_unless_one_is_named() {
        assert!(Cors::of(&CorsOptions::default()).is_none());
    }
}
