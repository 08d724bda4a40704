//! Posting notices over HTTP.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::upload::bucket::{http_client, unanswered};
use crate::upload::options::Options;
use crate::upload::trouble::{Kind, Trouble};

/// Whom notices are posted to.
#[derive(Clone, Debug)]
pub(in crate::upload) struct Webhook {
    client: reqwest::Client,
    url: reqwest::Url,
    headers: HeaderMap,
    timeout: std::time::Duration,
}

impl Webhook {
    /// The webhook that the settings name, if they name one. No request is sent.
    ///
    /// # Errors
    /// A sentence that says which setting is wrong.
    pub(in crate::upload) fn new(options: &Options) -> Result<Option<Self>, String> {
        let webhook = &options.receipts.webhook;
        let Some(url) = &webhook.url else { return Ok(None) };
        let wrong = |_| format!("upload.receipts.webhook.url is {url}; it must be a URL");
        let url = reqwest::Url::parse(url).map_err(wrong)?;
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in &webhook.headers {
            let wrong =
                || format!("upload.receipts.webhook.headers has `{name}`, which is no header of HTTP");
            let named = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
            let mut value = HeaderValue::from_str(value.reveal()).map_err(|_| wrong())?;
            value.set_sensitive(true);
            headers.insert(named, value);
        }
        let client = http_client(options, url.as_str())?;
        Ok(Some(Self { client, url, headers, timeout: webhook.timeout.duration() }))
    }

    /// Posts a notice.
    ///
    /// # Errors
    /// Unless the answer is a 2xx.
    pub(super) async fn post(&self, notice: Vec<u8>) -> Result<(), Trouble> {
        let request = self.client.post(self.url.clone()).headers(self.headers.clone()).body(notice);
        let answer = request.timeout(self.timeout).send().await;
        let status = answer.map_err(|error| unanswered(&error.without_url()))?.status();
        if status.is_success() {
            return Ok(());
        }
        let reason = status.canonical_reason().unwrap_or("an unknown status");
        Err(Trouble::new(Kind::of_status(status.as_u16(), None), format!("{} {reason}", status.as_str())))
    }
}
