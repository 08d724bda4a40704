//! Assuming a role: credentials that are exchanged for others at AWS's token service.
//!
//! `object_store` does that for web identities only. The request is a signed GET of
//! `Action=AssumeRole&RoleArn=...&RoleSessionName=...&Version=2011-06-15`; the answer is XML.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use http::{Method, Request};
use http_body_util::BodyExt;
use object_store::CredentialProvider;
use object_store::aws::{AwsAuthorizer, AwsCredential, AwsCredentialProvider};
use object_store::client::{HttpClient, HttpConnector, HttpRequestBody};
use tokio::sync::Mutex;

use crate::upload::bucket::answer::element;
use crate::upload::bucket::http::Connector;
use crate::upload::bucket::store::client_options;

/// A role and how it is assumed.
#[derive(Clone)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) external_id: Option<String>,
    pub(super) session_name: String,
    pub(super) endpoint: String,
    pub(super) region: String,
}

/// The credentials of an assumed role, exchanged anew before they expire.
pub(super) struct AssumedRole {
    role: Role,
    base: AwsCredentialProvider,
    client: HttpClient,
    held: Mutex<Option<(Arc<AwsCredential>, SystemTime)>>,
}

/// Credentials are exchanged anew when they would expire within this time.
const SPARE: Duration = Duration::from_mins(5);

/// The token service of a region.
pub(super) fn endpoint_of(region: &str) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://sts.{region}.{domain}")
}

#[derive(Debug, thiserror::Error)]
#[error("cannot assume the role {role}: {why}")]
pub(in crate::upload::bucket) struct RoleError {
    role: String,
    why: String,
}

impl AssumedRole {
    pub(super) fn new(
        role: Role,
        base: AwsCredentialProvider,
        connector: &Connector,
        allow_http: bool,
    ) -> Result<Self, String> {
        let client = connector
            .connect(&client_options(allow_http))
            .map_err(|error| format!("cannot make an HTTP client: {error}"))?;
        Ok(Self { role, base, client, held: Mutex::new(None) })
    }

    async fn exchange(&self) -> object_store::Result<(Arc<AwsCredential>, SystemTime)> {
        let base = self.base.get_credential().await?;
        let mut request = Request::builder()
            .method(Method::GET)
            .uri(self.role.url())
            .header("accept", "application/xml")
            .body(HttpRequestBody::empty())
            .map_err(|error| {
                self.role.error(format!("the address of the token service is wrong: {error}"))
            })?;
        AwsAuthorizer::new(&base, "sts", &self.role.region).try_authorize(&mut request, None)?;
        let response =
            self.client.execute(request).await.map_err(|error| self.role.error(error.to_string()))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| self.role.error(error.to_string()))?.to_bytes();
        if !parts.status.is_success() {
            let trouble = super::super::answer::read(parts.status, &parts.headers, &body);
            return Err(self.role.error(trouble.words));
        }
        read_credentials(&String::from_utf8_lossy(&body))
            .ok_or_else(|| self.role.error("the token service's answer has no credentials in it".to_string()))
    }
}

impl Role {
    fn url(&self) -> String {
        let mut url = format!(
            "{}/?Action=AssumeRole&DurationSeconds=3600&RoleArn={}&RoleSessionName={}&Version=2011-06-15",
            self.endpoint.trim_end_matches('/'),
            encode(&self.arn),
            encode(&self.session_name)
        );
        if let Some(id) = &self.external_id {
            url.push_str("&ExternalId=");
            url.push_str(&encode(id));
        }
        url
    }

    fn error(&self, why: String) -> object_store::Error {
        let source = RoleError { role: self.arn.clone(), why };
        object_store::Error::Generic { store: "S3", source: Box::new(source) }
    }
}

impl std::fmt::Debug for AssumedRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AssumedRole").field("role", &self.role.arn).finish_non_exhaustive()
    }
}

#[async_trait]
impl CredentialProvider for AssumedRole {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        // Held while the exchange runs, so that puts that begin together make one exchange.
        let mut held = self.held.lock().await;
        if let Some((credential, expires)) = held.as_ref()
            && *expires > SystemTime::now() + SPARE
        {
            return Ok(Arc::clone(credential));
        }
        let fresh = self.exchange().await?;
        let credential = Arc::clone(&fresh.0);
        *held = Some(fresh);
        Ok(credential)
    }
}

fn read_credentials(xml: &str) -> Option<(Arc<AwsCredential>, SystemTime)> {
    let credential = AwsCredential {
        key_id: element(xml, "AccessKeyId")?,
        secret_key: element(xml, "SecretAccessKey")?,
        token: Some(element(xml, "SessionToken")?),
    };
    let expires: jiff::Timestamp = element(xml, "Expiration")?.parse().ok()?;
    Some((Arc::new(credential), expires.into()))
}

/// Percent-encodes all but RFC 3986's unreserved characters, as signatures need it.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.extend(["%".to_string(), format!("{byte:02X}")]);
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_and_the_answer_are_those_of_the_token_service() {
        let role = Role {
            arn: "arn:aws:iam::1:role/a b".into(),
            external_id: Some("x/1".into()),
            session_name: "forebay".into(),
            endpoint: endpoint_of("cn-north-1"),
            region: "cn-north-1".into(),
        };
        assert_eq!(
            role.url(),
            "https://sts.cn-north-1.amazonaws.com.cn/?Action=AssumeRole&DurationSeconds=3600\
             &RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%20b&RoleSessionName=forebay&Version=2011-06-15&ExternalId=x%2F1"
        );
        let xml = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId>\
                   <SecretAccessKey>s&amp;</SecretAccessKey><SessionToken>t</SessionToken>\
                   <Expiration>2026-08-01T10:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
        let (credential, expires) = read_credentials(xml).unwrap();
        assert_eq!((credential.key_id.as_str(), credential.secret_key.as_str()), ("ASIA", "s&"));
        assert_eq!(expires, SystemTime::UNIX_EPOCH + Duration::from_hours(495_994));
        assert!(read_credentials("<Error/>").is_none());
    }
}
