//! The answers of the admin server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

use super::accept::wants_html;
use super::policy::POLICY;
use super::{Recorder, Subject, page};
use crate::units::Span;

/// For how long a flush waits unless it is told.
const FLUSH_PATIENCE: Span = Span::seconds(60);

/// For how long a flush waits at most.
const FLUSH_PATIENCE_MOST: Span = Span::seconds(300);

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Steps of the history unless it is told: five minutes each.
const POINTS: usize = 288;

/// Steps of the history at most: a minute each.
const POINTS_MOST: usize = 1440;

/// What there is, for those who ask for something else.
const ROUTES: &str =
    "there are GET /, /page, /readyz, /metrics, /status, /history, /config and POST /flush\n";

type Answer = Response<Full<Bytes>>;

/// Knows all that is asked.
#[derive(Debug)]
pub(super) struct Answerer<S> {
    pub(super) subject: Arc<S>,
    pub(super) recorder: Recorder,
    pub(super) started: Instant,
}

/// The answer to a liveness probe, in the words of the Collector's health check.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alive {
    status: &'static str,
    up_since: String,
    uptime: String,
}

impl<S: Subject> Answerer<S> {
    /// Answers one request. Its body is not read: none of them has one that matters.
    pub(super) async fn answer<B>(&self, request: Request<B>) -> Answer {
        let path = request.uri().path();
        let wanted = match path {
            "/flush" => [Method::POST].as_slice(),
            _ => &[Method::GET, Method::HEAD],
        };
        if !wanted.contains(request.method()) {
            let allowed = wanted.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, format!("only {allowed} here; {ROUTES}"));
            if let Ok(allowed) = HeaderValue::from_str(&allowed) {
                answer.headers_mut().insert(ALLOW, allowed);
            }
            return answer;
        }
        match path {
            "/" => self.front(wants_html(request.headers())),
            "/page" => html(page::document()),
            "/readyz" => self.ready(),
            "/metrics" => self.metrics(),
            "/status" => json(StatusCode::OK, &self.subject.status()),
            "/history" => self.history(request.uri().query().unwrap_or_default()),
            "/config" => json(StatusCode::OK, &self.subject.settings()),
            "/flush" => self.flush(request.uri().query().unwrap_or_default()).await,
            _ => text(StatusCode::NOT_FOUND, ROUTES.to_owned()),
        }
    }

    /// What is at the door: the page for a browser, the liveness probe for all others.
    fn front(&self, wants_html: bool) -> Answer {
        let mut answer = if wants_html { html(page::document()) } else { self.alive() };
        answer.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
        answer
    }

    fn history(&self, query: &str) -> Answer {
        match points(query) {
            Ok(points) => json(StatusCode::OK, &self.subject.history(points)),
            Err(error) => text(StatusCode::BAD_REQUEST, format!("{error}\n")),
        }
    }

    fn alive(&self) -> Answer {
        let uptime = Duration::from_secs(self.started.elapsed().as_secs());
        let up_since = jiff::Timestamp::now() - uptime;
        let (status, up_since) = ("Server available", format!("{up_since:.0}"));
        json(StatusCode::OK, &Alive { status, up_since, uptime: format!("{uptime:?}") })
    }

    fn ready(&self) -> Answer {
        match self.subject.ready() {
            Ok(()) => text(StatusCode::OK, "ready\n".to_owned()),
            Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")),
        }
    }

    fn metrics(&self) -> Answer {
        let mut answer = text(StatusCode::OK, self.recorder.render_now(&*self.subject, self.started));
        answer.headers_mut().insert(CONTENT_TYPE, PROMETHEUS);
        answer
    }

    async fn flush(&self, query: &str) -> Answer {
        let patience = match patience(query) {
            Ok(patience) => patience,
            Err(error) => return text(StatusCode::BAD_REQUEST, format!("{error}\n")),
        };
        match self.subject.flush(patience.duration()).await {
            Ok(report) => json(StatusCode::OK, &report),
            Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
        }
    }
}

/// How long a flush shall wait: `wait=30s`.
fn patience(query: &str) -> Result<Span, String> {
    let mut asked = FLUSH_PATIENCE;
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("wait", wait)) => asked = wait.parse()?,
            _ => return Err(format!("`{parameter}` is nothing known; there is `wait=30s`")),
        }
    }
    Ok(asked.min(FLUSH_PATIENCE_MOST))
}

/// How many steps the history shall have: `points=288`.
fn points(query: &str) -> Result<usize, String> {
    let mut asked = POINTS;
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let number = parameter.strip_prefix("points=").and_then(|number| number.parse().ok());
        asked = number.filter(|number| (1..=POINTS_MOST).contains(number)).ok_or_else(|| {
            format!("`{parameter}` is nothing known; there is `points={POINTS}`, 1 to {POINTS_MOST}")
        })?;
    }
    Ok(asked)
}

fn text(status: StatusCode, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, TEXT);
    // What is told is true now, and is the business of who asks.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

fn html(body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HTML);
    headers.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // Another version of forebay has another page.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    answer
}

fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    match serde_json::to_string(body) {
        Ok(body) => {
            let mut answer = text(status, body + "\n");
            answer.headers_mut().insert(CONTENT_TYPE, JSON);
            answer
        }
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_waits_as_long_as_it_is_told_within_reason() {
        assert_eq!(patience(""), Ok(FLUSH_PATIENCE));
        assert_eq!(patience("wait=2s"), Ok(Span::seconds(2)));
        assert_eq!(patience("wait=7d"), Ok(FLUSH_PATIENCE_MOST));
        assert!(patience("wait=soon").is_err());
        assert!(patience("wiat=2s").unwrap_err().contains("wait=30s"));
    }

    #[test]
    fn the_history_has_as_many_steps_as_are_asked_for_within_reason() {
        for (query, expected) in [("", 288), ("points=1", 1), ("points=1440", 1440), ("points=7&points=8", 8)]
        {
            assert_eq!(points(query), Ok(expected), "{query}");
        }
        for wrong in ["points=0", "points=1441", "points=", "points=-1", "points", "point=5", "points=5&x"] {
            assert!(points(wrong).unwrap_err().contains("points=288"), "{wrong}");
        }
    }
}
